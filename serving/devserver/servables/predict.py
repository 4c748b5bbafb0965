"""Predict: named tensors through one signature of a servable."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from serving.devserver.servables.servable import Servable
from serving.devserver.servables.tensor_proto import from_array, to_array
from serving.errors import ServingError, invalid_argument
from serving.export_contract import DEFAULT_SIGNATURE

CheckInputs = Callable[[meta_graph_pb2.SignatureDef, Mapping[str, np.ndarray]], None]
"""Raises ServingError where a signature must not be run with some inputs."""


def predict(
    servable: Servable,
    signature_name: str,
    inputs: Mapping[str, np.ndarray],
    output_filter: Sequence[str] = (),
    check_inputs: CheckInputs | None = None,
) -> dict[str, np.ndarray]:
    """Runs a signature.

    Args:
        servable: The model.
        signature_name: The name of the signature; "" is `serving_default`.
        inputs: Arrays by the signature's names for its inputs.
        output_filter: Names of the outputs wanted; all when empty.
        check_inputs: Refuses inputs that would cost too much.

    Returns:
        Arrays by the signature's names for its outputs.

    Raises:
        ServingError: There is no such signature, the inputs or outputs are not its own, or it
            fails; with the code of TF Serving.
    """
    signature_name = signature_name or DEFAULT_SIGNATURE
    if signature_name not in servable.signatures:
        raise ServingError(
            grpc.StatusCode.FAILED_PRECONDITION,
            f'Serving signature key "{signature_name}" not found.',
        )
    signature = servable.signatures[signature_name]
    _check_input_names(signature, inputs)
    if check_inputs:
        check_inputs(signature, inputs)
    feeds = {}
    for alias, info in sorted(signature.inputs.items()):
        array = inputs[alias] if alias in inputs else to_array(signature.defaults[alias])
        _check_dtype(alias, array, info)
        feeds[info.name] = array
    if len(set(output_filter)) < len(output_filter):
        raise invalid_argument(f"duplicate output tensor alias: {', '.join(output_filter)}")
    if unknown := set(output_filter) - set(signature.outputs):
        raise invalid_argument(
            f"output tensor alias not found in signature: {_braces(unknown)}. "
            f"Outputs expected to be in the set {_braces(signature.outputs)}."
        )
    aliases = sorted(output_filter or signature.outputs)
    arrays = servable.run(feeds, [signature.outputs[alias].name for alias in aliases])
    return dict(zip(aliases, arrays, strict=True))


def predict_request(
    servable: Servable,
    request: predict_pb2.PredictRequest,
    check_inputs: CheckInputs | None = None,
) -> predict_pb2.PredictResponse:
    """Answers a request of gRPC's Predict; see `predict`.

    Raises:
        ServingError: A tensor of the request cannot be read, or `predict` raised it.
    """
    inputs = {}
    for alias, tensor in request.inputs.items():
        try:
            inputs[alias] = to_array(tensor)
        except ValueError as error:
            raise invalid_argument(f"tensor parsing error: {alias}") from error
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    outputs = predict(servable, name, inputs, request.output_filter, check_inputs)
    response = predict_pb2.PredictResponse(model_spec=servable.model_spec(name))
    for alias, array in outputs.items():
        response.outputs[alias].CopyFrom(from_array(array))
    return response


def predict_log(
    spec: model_pb2.ModelSpec, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> prediction_log_pb2.PredictLog:
    """What gRPC's Predict would have been asked, and would have answered, for a request of REST.

    Args:
        spec: The model, version and signature that have answered.
        inputs: Arrays by the signature's names for its inputs.
        outputs: The answer, from `predict`.
    """
    log = prediction_log_pb2.PredictLog()
    log.request.model_spec.name = spec.name
    log.request.model_spec.signature_name = spec.signature_name
    for alias, array in inputs.items():
        log.request.inputs[alias].CopyFrom(from_array(array))
    log.response.model_spec.CopyFrom(spec)
    for alias, array in outputs.items():
        log.response.outputs[alias].CopyFrom(from_array(array))
    return log


def refuse_examples(servable: Servable) -> NoReturn:
    """Refuses to classify Examples or to compute a regression: an export has no signature for it.

    Raises:
        ServingError: INVALID_ARGUMENT, the code of TF Serving for a model without one.
    """
    raise invalid_argument(
        f"No signature of model {servable.name} is for classification or regression: use Predict"
    )


def _check_input_names(signature: meta_graph_pb2.SignatureDef, names: Iterable[str]) -> None:
    sent, wanted = set(names), set(signature.inputs)
    missing = wanted - sent - set(signature.defaults)
    if len(sent) > len(wanted) or missing:
        raise invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(wanted)} "
            f"len({_braces(sent)}) != len({_braces(wanted)}). "
            f"Sent extra: {_braces(sent - wanted)}. Missing but required: {_braces(missing)}."
        )


def _check_dtype(alias: str, array: np.ndarray, info: meta_graph_pb2.TensorInfo) -> None:
    """TensorFlow would refuse it too, but would name the input as the graph does."""
    found, wanted = tf.as_dtype(array.dtype), tf.as_dtype(info.dtype).base_dtype
    if found != wanted:
        raise invalid_argument(f"input {alias} must be of type {wanted.name}, got {found.name}")


def _braces(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
