"""The bodies of REST's answers, from a model and the body of a request."""

import inspect
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from tensorflow_serving.apis import classification_pb2, get_model_status_pb2, regression_pb2

from serving.devserver.rest_api import json_examples, json_predict
from serving.devserver.servables import inference
from serving.devserver.servables import predict as prediction
from serving.devserver.servables.metadata import model_spec, signature_map
from serving.devserver.servables.predict import CheckInputs
from serving.devserver.servables.servable import Servable
from serving.errors import invalid_argument


def predict(servable: Servable, body: bytes, check_inputs: CheckInputs | None) -> bytes:
    """The answer to `:predict`."""

    def inputs_of(name: str) -> json_predict.TensorInfos:
        name = name or prediction.DEFAULT_SIGNATURE
        if name not in servable.signatures:
            raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
        return servable.signatures[name].inputs

    question = json_predict.parse_request(body, inputs_of)
    outputs = prediction.predict(
        servable, question.signature_name, question.inputs, check_inputs=check_inputs
    )
    return json_predict.write_response(outputs, question.by_row)


def classify(servable: Servable, body: bytes) -> bytes:
    """The answer to `:classify`."""
    signature_name, examples = json_examples.parse_request(body)
    response = inference.classify(
        servable,
        classification_pb2.ClassificationRequest(
            model_spec=model_spec(servable, signature_name), input=examples
        ),
    )
    return json_examples.write_classifications(response.result)


def regress(servable: Servable, body: bytes) -> bytes:
    """The answer to `:regress`."""
    signature_name, examples = json_examples.parse_request(body)
    response = inference.regress(
        servable,
        regression_pb2.RegressionRequest(
            model_spec=model_spec(servable, signature_name), input=examples
        ),
    )
    return json_examples.write_regressions(response.result)


def metadata(servable: Servable) -> bytes:
    """What a model says of itself."""
    document = {
        "model_spec": _to_dict(model_spec(servable)),
        "metadata": {"signature_def": _to_dict(signature_map(servable))},
    }
    return json.dumps(document, indent=1).encode()


def status(versions: Sequence[get_model_status_pb2.ModelVersionStatus]) -> bytes:
    """The states of versions."""
    response = get_model_status_pb2.GetModelStatusResponse(model_version_status=versions)
    return json.dumps(_to_dict(response), indent=1).encode()


# TF Serving writes fields that hold their default too. Protobuf 5 renamed the option.
_WRITE_DEFAULTS = next(
    option
    for option in ("always_print_fields_with_no_presence", "including_default_value_fields")
    if option in inspect.signature(MessageToDict).parameters
)


def _to_dict(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, **{_WRITE_DEFAULTS: True})
