"""Lists the ops that any TensorFlow server has: those it can run on a CPU without Python.

    python -m serving.export_check.stock_ops > serving/export_check/stock_ops.txt

Every op of TensorFlow's own registry with a kernel for the CPU or for any device, less those that
call back into Python and those of XLA, which TF Serving refuses to compile unless told otherwise.
"""

from serving.tensorflow_log import load_tensorflow_quietly

_PYTHON_OPS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def stock_ops() -> list[str]:
    """Names in alphabetical order. Call it where no library of custom ops has been imported."""
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session
    from tensorflow.python.framework import kernels

    registry = op_def_pb2.OpList.FromString(
        pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    )
    return sorted(
        op.name
        for op in registry.op
        if op.name not in _PYTHON_OPS
        and not op.name.startswith(("Xla", "_Xla"))
        and any(
            kernel.device_type in ("CPU", "DEFAULT")
            for kernel in kernels.get_registered_kernels_for_op(op.name).kernel
        )
    )


if __name__ == "__main__":
    load_tensorflow_quietly()
    import tensorflow as tf

    print(f"# Stock ops of TensorFlow {tf.__version__}: its registry, less what has no CPU kernel,")
    print("# what calls Python, and XLA's. Made by `python -m serving.export_check.stock_ops`.")
    print("\n".join(stock_ops()))
