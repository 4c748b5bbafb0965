"""The bodies of REST's `:classify` and `:regress`: Examples in, results out."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, regression_pb2

from serving.devserver.rest_api import json_tensor, json_text
from serving.errors import invalid_argument


def parse_request(body: bytes) -> tuple[str, input_pb2.Input]:
    """Reads the body of a request.

    Args:
        body: `{"signature_name": ..., "context": {...}, "examples": [{...}, ...]}`; a feature is a
            value or a list of values, all of one type.

    Returns:
        The signature's name ("" for the default one) and the Examples.

    Raises:
        ServingError: As TF Serving words it.
    """
    document, name = json_text.parse_question(body)
    examples = input_pb2.Input()
    group: Any = examples.example_list
    if "context" in document:
        group = examples.example_list_with_context
        group.context.CopyFrom(_example(document["context"]))
    if "examples" not in document:
        raise json_text.format_error(
            document, "When method is classify, key 'examples' is expected and was not found"
        )
    if not isinstance(document["examples"], list):
        raise json_text.format_error(document, "Expecting 'examples' value to be an list/array")
    if not document["examples"]:
        raise json_text.format_error(document, "'examples' value is an empty array")
    for value in document["examples"]:
        group.examples.append(_example(value))
    return name, examples


def write_classifications(result: classification_pb2.ClassificationResult) -> bytes:
    """`{"results": [[[label, score], ...], ...]}`"""
    return _write(
        "[" + ", ".join(f"[{_label(c)}, {_number(c.score)}]" for c in row.classes) + "]"
        for row in result.classifications
    )


def write_regressions(result: regression_pb2.RegressionResult) -> bytes:
    """`{"results": [number, ...]}`"""
    return _write(_number(regression.value) for regression in result.regressions)


def _write(results: Iterable[str]) -> bytes:
    return json_text.encode('{"results": [' + ", ".join(results) + "]}")


def _label(one_class: classification_pb2.Class) -> str:
    return json_text.quote(one_class.label.encode())


def _number(value: float) -> str:
    return json_tensor.write(np.array(value, np.float32), strings_as_base64=False)[0]


def _example(value: Any) -> example_pb2.Example:
    if not isinstance(value, dict):
        raise invalid_argument(
            f"Example must be JSON object but got JSON {json_text.type_name(value)}"
        )
    example = example_pb2.Example()
    for name, content in value.items():
        _check_name(name)
        feature = example.features.feature[name]
        for element in content if isinstance(content, list) else [content]:
            _add(element, name, feature)
    return example


def _check_name(name: str) -> None:
    try:
        json_text.string_bytes(name).decode()
    except UnicodeDecodeError as error:  # a proto could not hold it
        raise invalid_argument(f"Feature: {ascii(name)} is not named in UTF-8") from error


def _add(element: Any, name: str, feature: feature_pb2.Feature) -> None:
    if isinstance(element, str) or json_tensor.is_base64(element):
        kind, element = "bytes_list", json_tensor.read_string(element)
    elif isinstance(element, int):
        kind = "int64_list"
    elif isinstance(element, float):
        kind = "float_list"
    else:
        raise invalid_argument(
            f"Feature: {name} has element with unexpected JSON type: {json_text.type_name(element)}"
        )
    if feature.WhichOneof("kind") not in (None, kind):
        expected = feature.WhichOneof("kind").removesuffix("_list")
        raise invalid_argument(
            f"Unexpected element type in feature: {name} expecting type: {expected}"
        )
    try:
        getattr(feature, kind).value.append(element)
    except ValueError as error:
        raise invalid_argument(
            f"Feature: {name} has an integer out of range. Only int64_t is supported."
        ) from error
