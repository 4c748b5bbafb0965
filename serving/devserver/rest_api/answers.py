"""The bodies of REST's answers, from a model and the body of a request."""

import inspect
import json
from collections.abc import Sequence
from typing import Any, NoReturn

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving.devserver.request_log.request_log import RequestLog
from serving.devserver.rest_api import json_predict
from serving.devserver.servables import predict as prediction
from serving.devserver.servables.predict import CheckInputs
from serving.devserver.servables.servable import Servable
from serving.errors import invalid_argument
from serving.export_contract import DEFAULT_SIGNATURE


def predict(
    servable: Servable, body: bytes, check_inputs: CheckInputs, request_log: RequestLog
) -> bytes:
    """The answer to `:predict`.

    Args:
        servable: The model.
        body: The body of the request.
        check_inputs: Refuses inputs that would cost too much.
        request_log: Gets the request and the answer.

    Raises:
        ServingError: The request is wrong, is refused or fails.
    """

    def inputs_of(name: str) -> json_predict.TensorInfos:
        if (name or DEFAULT_SIGNATURE) not in servable.signatures:
            raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
        return servable.signatures[name or DEFAULT_SIGNATURE].inputs

    request = json_predict.parse_request(body, inputs_of)
    outputs = prediction.predict(
        servable, request.signature_name, request.inputs, check_inputs=check_inputs
    )
    answer = json_predict.write_response(outputs, request.by_row)
    spec = servable.model_spec(request.signature_name or DEFAULT_SIGNATURE)
    request_log.offer(spec, lambda: prediction.predict_log(spec, request.inputs, outputs))
    return answer


def refuse_examples(servable: Servable, body: bytes) -> NoReturn:
    """The answer to `:classify` and `:regress`; see `servables.predict.refuse_examples`."""
    check_examples(body)
    prediction.refuse_examples(servable)


def check_examples(body: bytes) -> None:
    """Makes sure that a body holds Examples: TF Serving reads it before it looks for the model.

    Raises:
        ServingError: The body holds no Examples.
    """
    found = json_predict.parse_object(body).get("examples")
    if not isinstance(found, list) or not found or not all(isinstance(x, dict) for x in found):
        raise invalid_argument("Expecting 'examples' to be a list/array of objects, not empty")


def metadata(servable: Servable) -> bytes:
    """The signatures of a model."""
    signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)
    document = {
        "model_spec": _to_dict(servable.model_spec()),
        "metadata": {"signature_def": _to_dict(signatures)},
    }
    return json.dumps(document, indent=1).encode()


def status(versions: Sequence[get_model_status_pb2.ModelVersionStatus]) -> bytes:
    """The states of versions."""
    response = get_model_status_pb2.GetModelStatusResponse(model_version_status=versions)
    return json.dumps(_to_dict(response), indent=1).encode()


# TF Serving also writes fields that hold their default. Protobuf 5 renamed the option.
_WRITE_DEFAULTS = next(
    option
    for option in ("always_print_fields_with_no_presence", "including_default_value_fields")
    if option in inspect.signature(MessageToDict).parameters
)


def _to_dict(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, **{_WRITE_DEFAULTS: True})
