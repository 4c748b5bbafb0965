"""NumPy arrays from and to the TensorProtos of gRPC requests."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

# A proto may state a shape and hold one value that fills it: a few bytes could ask for terabytes.
# One that holds all its values is bounded by the size of its request.
_MAX_FILLED_BYTES = 2**24
_BYTES_PER_STRING = 64  # the memory of a short string, first in TensorFlow and then in Python

_VALUE_FIELD = {
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_DOUBLE: "double_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_UINT32: "uint32_val",
    types_pb2.DT_UINT64: "uint64_val",
    types_pb2.DT_BOOL: "bool_val",
    types_pb2.DT_STRING: "string_val",
    types_pb2.DT_HALF: "half_val",
    types_pb2.DT_BFLOAT16: "half_val",
    types_pb2.DT_COMPLEX64: "scomplex_val",
    types_pb2.DT_COMPLEX128: "dcomplex_val",
    **dict.fromkeys(
        (
            *(types_pb2.DT_INT8, types_pb2.DT_INT16, types_pb2.DT_INT32),
            *(types_pb2.DT_UINT8, types_pb2.DT_UINT16),
        ),
        "int_val",
    ),
}
# half_val holds the bits of a 16-bit number, the complex fields a real and an imaginary part.
_STORED_AS = {
    types_pb2.DT_HALF: np.uint16,
    types_pb2.DT_BFLOAT16: np.uint16,
    types_pb2.DT_COMPLEX64: np.float32,
    types_pb2.DT_COMPLEX128: np.float64,
}


def to_array(tensor: tensor_pb2.TensorProto) -> np.ndarray:
    """The array that a proto holds, by the rules of TensorFlow's own parser.

    Args:
        tensor: The values are in a typed field, of which the last is repeated when there are too
            few, or are bytes in `tensor_content`.

    Returns:
        An array of the proto's shape and dtype; strings are `bytes` in an array of objects.

    Raises:
        ValueError: The proto contradicts itself, or fills more than 16 MiB with repeated values.

    Example:

    >>> import tensorflow as tf
    >>> from serving.devserver.servables.tensor_proto import to_array
    >>> to_array(tf.make_tensor_proto([b"a", b"b"]))
    array([b'a', b'b'], dtype=object)
    """
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if min(shape, default=0) < 0:
        raise ValueError(f"negative dimension in shape {shape}")
    size = math.prod(shape)
    if tensor.dtype == types_pb2.DT_STRING and len(tensor.string_val) == size:
        # TensorFlow's parser takes ten times as long for the strings that clients send.
        strings = np.empty(size, dtype=object)
        strings[:] = tensor.string_val[:]
        return strings.reshape(shape)
    try:
        dtype = tf.as_dtype(tensor.dtype)
        num_bytes = size * (_BYTES_PER_STRING if dtype == tf.string else dtype.size)
        if num_bytes > max(_MAX_FILLED_BYTES, tensor.ByteSize()):
            raise ValueError(
                f"a tensor of {size} elements is larger than its message and than "
                f"{_MAX_FILLED_BYTES} bytes"
            )
        array = tf.io.parse_tensor(tensor.SerializeToString(), dtype).numpy()
    except (TypeError, tf.errors.OpError) as error:
        raise ValueError(str(error)) from error
    return np.asarray(array, dtype=object if dtype == tf.string else None).reshape(shape)


def from_array(array: np.ndarray) -> tensor_pb2.TensorProto:
    """The proto of an array, its values in the typed field, as TF Serving answers.

    Args:
        array: An array of any dtype of TensorFlow; strings are `bytes` in an array of objects.

    Raises:
        TypeError: TensorFlow has no such dtype.

    Example:

    >>> import numpy as np
    >>> from serving.devserver.servables.tensor_proto import from_array
    >>> from_array(np.array([0.5], np.float32)).float_val
    [0.5]
    """
    dtype = tf.as_dtype(array.dtype).as_datatype_enum
    tensor = tensor_pb2.TensorProto(dtype=dtype)
    tensor.tensor_shape.SetInParent()  # a scalar has a shape too
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if dtype in _STORED_AS:
        array = np.ascontiguousarray(array).view(_STORED_AS[dtype])
    getattr(tensor, _VALUE_FIELD[dtype]).extend(array.ravel().tolist())
    return tensor
