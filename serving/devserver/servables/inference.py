"""Classify, Regress and MultiInference: serialised Examples through a signature.

A signature answers them by the names of its tensors: one input "inputs" of serialised Examples;
outputs "classes" and/or "scores" to classify, "outputs" to regress. The project's models have
none; a server is asked all the same and has to say so as TF Serving does.
"""

from collections.abc import Mapping, Sequence

import grpc
import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    input_pb2,
    model_pb2,
    regression_pb2,
)

from serving.devserver import metrics
from serving.devserver.servables.metadata import model_spec
from serving.devserver.servables.predict import DEFAULT_SIGNATURE
from serving.devserver.servables.servable import Servable
from serving.errors import ServingError, invalid_argument

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
_INPUT = "inputs"
_CLASSIFY_OUTPUTS = ("classes", "scores")
_REGRESS_OUTPUTS = ("outputs",)


def classify(
    servable: Servable, request: classification_pb2.ClassificationRequest
) -> classification_pb2.ClassificationResponse:
    """Classes and scores of each Example of a request."""
    name, signature = _signature(servable, request.model_spec)
    _check_classification(signature)
    examples = serialized_examples(request.input)
    outputs = _run(servable, signature, examples, _CLASSIFY_OUTPUTS)
    return classification_pb2.ClassificationResponse(
        model_spec=model_spec(servable, name), result=_classifications(outputs, len(examples))
    )


def regress(
    servable: Servable, request: regression_pb2.RegressionRequest
) -> regression_pb2.RegressionResponse:
    """One number for each Example of a request."""
    name, signature = _signature(servable, request.model_spec)
    _check_regression(signature)
    examples = serialized_examples(request.input)
    outputs = _run(servable, signature, examples, _REGRESS_OUTPUTS)
    return regression_pb2.RegressionResponse(
        model_spec=model_spec(servable, name), result=_regressions(outputs, len(examples))
    )


def multi_inference(
    servable: Servable, request: inference_pb2.MultiInferenceRequest
) -> inference_pb2.MultiInferenceResponse:
    """Several classifications and regressions of the same Examples."""
    tasks: list[tuple[str, meta_graph_pb2.SignatureDef, str]] = []
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if task.model_spec.name != request.tasks[0].model_spec.name:
            raise invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in (other for other, _, _ in tasks):
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        if name not in servable.signatures:
            raise invalid_argument(f"Requested signature not found in model graph: {name}")
        signature = servable.signatures[name]
        if task.method_name == CLASSIFY:
            _check_classification(signature)
        elif task.method_name == REGRESS:
            _check_regression(signature)
        else:
            raise ServingError(
                grpc.StatusCode.UNIMPLEMENTED,
                f"Unsupported signature method_name: {task.method_name}",
            )
        tasks.append((name, signature, task.method_name))
    examples = serialized_examples(request.input)
    metrics.count_examples(servable.name, len(examples))
    response = inference_pb2.MultiInferenceResponse()
    for name, signature, method in tasks:
        result = response.results.add(model_spec=model_spec(servable, name))
        if method == CLASSIFY:
            outputs = _run(servable, signature, examples, _CLASSIFY_OUTPUTS)
            result.classification_result.CopyFrom(_classifications(outputs, len(examples)))
        else:
            outputs = _run(servable, signature, examples, _REGRESS_OUTPUTS)
            result.regression_result.CopyFrom(_regressions(outputs, len(examples)))
    return response


def serialized_examples(examples: input_pb2.Input) -> np.ndarray:
    """The Examples of a request, serialised; a context is merged into each.

    Returns:
        `bytes` in an array of objects `[examples]`.

    Raises:
        ServingError: There are none.
    """
    kind = examples.WhichOneof("kind")
    context = b""
    serialized: list[bytes] = []
    if kind is not None:
        group = getattr(examples, kind)
        if kind == "example_list_with_context":
            context = group.context.SerializeToString()
        serialized = [context + example.SerializeToString() for example in group.examples]
    if not serialized:
        raise invalid_argument("Input is empty.")
    return np.array(serialized, dtype=object)


def _signature(
    servable: Servable, spec: model_pb2.ModelSpec
) -> tuple[str, meta_graph_pb2.SignatureDef]:
    name = spec.signature_name or DEFAULT_SIGNATURE
    if name not in servable.signatures:
        raise invalid_argument(f"No signature was found with the name: {name}")
    return name, servable.signatures[name]


def _check_classification(signature: meta_graph_pb2.SignatureDef) -> None:
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(
            f"Expected one or two output Tensors, found {len(signature.outputs)}"
        )
    if _INPUT not in signature.inputs:
        raise invalid_argument(f"No classification inputs found in SignatureDef: {signature}")
    if not set(_CLASSIFY_OUTPUTS) & set(signature.outputs):
        raise invalid_argument(
            "Expected classification signature outputs to contain at least one of "
            f'"classes" or "scores". Signature was: {signature}'
        )


def _check_regression(signature: meta_graph_pb2.SignatureDef) -> None:
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if _INPUT not in signature.inputs:
        raise invalid_argument(f"No regression inputs found in SignatureDef: {signature}")
    if "outputs" not in signature.outputs:
        raise invalid_argument(f"No regression outputs found in SignatureDef: {signature}")


def _run(
    servable: Servable,
    signature: meta_graph_pb2.SignatureDef,
    examples: np.ndarray,
    outputs: Sequence[str],
) -> dict[str, np.ndarray]:
    aliases = [alias for alias in outputs if alias in signature.outputs]
    arrays = servable.run(
        {signature.inputs[_INPUT].name: examples},
        [signature.outputs[alias].name for alias in aliases],
        api="Classify" if outputs is _CLASSIFY_OUTPUTS else "Regress",
    )
    return dict(zip(aliases, arrays, strict=True))


def _classifications(
    outputs: Mapping[str, np.ndarray], num_examples: int
) -> classification_pb2.ClassificationResult:
    for alias, dtype in (("classes", np.dtype(object)), ("scores", np.dtype(np.float32))):
        array = outputs.get(alias)
        if array is None:
            continue
        if array.ndim != 2:
            raise invalid_argument(
                f"Expected Tensor shape: [batch_size num_classes] but got {list(array.shape)}"
            )
        if array.dtype != dtype:
            raise invalid_argument(f"Expected {alias} Tensor of {dtype}. Got: {array.dtype}")
        if len(array) != num_examples:
            raise invalid_argument(
                f"Expected {alias} output batch size of {num_examples}. Got: {len(array)}"
            )
    shapes = {array.shape for array in outputs.values()}
    if len(shapes) > 1:
        raise invalid_argument(f"Tensors class and score should match in shape. Got {shapes}")
    result = classification_pb2.ClassificationResult()
    [(_, num_classes)] = shapes
    for row in range(num_examples):
        classes = result.classifications.add().classes
        for column in range(num_classes):
            one = classes.add()
            if "classes" in outputs:
                one.label = outputs["classes"][row, column].decode("utf-8", "replace")
            if "scores" in outputs:
                one.score = outputs["scores"][row, column]
    return result


def _regressions(
    outputs: Mapping[str, np.ndarray], num_examples: int
) -> regression_pb2.RegressionResult:
    values = outputs["outputs"]
    if values.ndim != 1 and not (values.ndim == 2 and values.shape[1] == 1):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {list(values.shape)}"
        )
    if len(values) != num_examples:
        raise invalid_argument(
            f"Input batch size did not match output batch size: {num_examples} vs. {len(values)}"
        )
    if values.dtype != np.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {values.dtype}")
    result = regression_pb2.RegressionResult()
    for value in values.ravel():
        result.regressions.add(value=value)
    return result
