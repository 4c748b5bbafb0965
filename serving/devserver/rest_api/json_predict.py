"""The bodies of REST's `:predict`, by row ("instances") and by column ("inputs")."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from serving.devserver.rest_api import json_values
from serving.errors import ServingError, invalid_argument

TensorInfos = Mapping[str, meta_graph_pb2.TensorInfo]

# 64 MiB of "[],[],[]" would become 22 million lists, which take 1.5 GB and half a minute.
_MAX_VALUES = 1_000_000
# RapidJSON's names of numbers. Strings are matched as a whole, so that their contents are not.
_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|-?Inf\b|-NaN\b', re.DOTALL)
_PYTHON_SPELLING = {"Inf": "Infinity", "-Inf": "-Infinity", "-NaN": "NaN"}


class JsonPredictRequest(NamedTuple):
    """The contents of a body.

    Args:
        signature_name: The name of the signature, or "" for the default one.
        inputs: Arrays by the signature's names for its inputs.
        by_row: Whether the body holds rows ("instances") and not columns ("inputs").
    """

    signature_name: str
    inputs: dict[str, np.ndarray]
    by_row: bool


def parse_object(body: bytes) -> dict[str, Any]:
    """Reads the body of any request, one JSON object with or without a "signature_name".

    Like TF Serving, it does not read what follows the object, takes `NaN`, `Infinity` and `Inf` as
    numbers, takes the first of several members with the same name, and keeps bytes that are not
    UTF-8, here as surrogates.

    Args:
        body: The body of a request.

    Raises:
        ServingError: INVALID_ARGUMENT, with the position of the fault.
    """
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > _MAX_VALUES:
        raise invalid_argument(f"JSON Parse error: more than {_MAX_VALUES} values")
    text = body.decode("utf-8", "surrogateescape").lstrip("\ufeff \t\r\n")
    try:
        try:
            document, _ = _DECODER.raw_decode(text)
        except json.JSONDecodeError:
            respelled = _STRING_OR_NUMBER.sub(lambda m: _PYTHON_SPELLING.get(m[0], m[0]), text)
            document, _ = _DECODER.raw_decode(respelled)
    except json.JSONDecodeError as error:
        raise invalid_argument(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
    except ValueError as error:  # of _finite, or of an integer of thousands of digits
        raise invalid_argument("JSON Parse error: a number is too big") from error
    except RecursionError as error:
        raise invalid_argument("JSON Parse error: nested too deeply") from error
    if not isinstance(document, dict):
        raise invalid_argument("the body is not a JSON object")
    if not isinstance(document.get("signature_name", ""), str):
        raise invalid_argument("'signature_name' key must be a string value.")
    return document


def parse_request(body: bytes, inputs_of: Callable[[str], TensorInfos]) -> JsonPredictRequest:
    """Reads the body of a request for `:predict`.

    Args:
        body: `{"signature_name": ..., "instances": [...]}` or `{..., "inputs": ...}`.
        inputs_of: Returns the inputs of a signature by its name, or raises ServingError.

    Returns:
        The request. The arrays have the signature's dtypes; strings are `bytes` in arrays of
        objects.

    Raises:
        ServingError: INVALID_ARGUMENT, or UNIMPLEMENTED for a dtype without a JSON form; with the
            name of the input.

    Example:

    >>> from serving.devserver.rest_api.json_predict import parse_request
    >>> from tensorflow.core.framework import types_pb2
    >>> from tensorflow.core.protobuf import meta_graph_pb2
    >>> inputs = {"x": meta_graph_pb2.TensorInfo(dtype=types_pb2.DT_FLOAT)}
    >>> parse_request(b'{"instances": [[1, 2], [3, 4]]}', lambda name: inputs).inputs["x"]
    array([[1., 2.], [3., 4.]], dtype=float32)
    """
    document = parse_object(body)
    # No signature has a name that is not UTF-8, and the map of a proto cannot look one up.
    name = document.get("signature_name", "").encode("utf-8", "replace").decode()
    infos = dict(inputs_of(name))
    if not infos:
        raise invalid_argument(f"Failed to get input map for signature: {name or 'DEFAULT'}")
    by_row = "instances" in document
    if by_row == ("inputs" in document):
        raise invalid_argument("give one of the keys 'inputs' and 'instances'")
    columns = _by_column(document["instances"], infos) if by_row else document["inputs"]
    if not _is_named(columns):
        if len(infos) > 1:
            raise invalid_argument(
                f"a plain list or value, but the signature has several inputs: {_names(infos)}"
            )
        columns = dict.fromkeys(infos, columns)
    if missing := infos.keys() - columns.keys():
        raise invalid_argument(f"Missing named input: {_names(missing)}")
    return JsonPredictRequest(
        name, {alias: _read(alias, columns[alias], info) for alias, info in infos.items()}, by_row
    )


def write_response(outputs: Mapping[str, np.ndarray], by_row: bool) -> bytes:
    """Writes the body of an answer: `{"predictions": [...]}` by row, else `{"outputs": ...}`.

    Args:
        outputs: Arrays by name. Strings are written in base64 where the name ends in `_bytes`.
        by_row: Whether an element of the answer holds one row of every output.

    Raises:
        ServingError: A dtype has no JSON form, or the outputs differ in their number of rows.

    Example:

    >>> import numpy as np
    >>> from serving.devserver.rest_api.json_predict import write_response
    >>> write_response({"y": np.array([0.5, 1.0], np.float32)}, by_row=True)
    b'{"predictions": [0.5, 1.0]}'
    """
    if by_row and len({len(array) for array in outputs.values() if array.ndim}) > 1:
        raise invalid_argument(f"the outputs differ in their number of rows: {_names(outputs)}")
    columns = {}
    for name, array in outputs.items():
        if by_row and not array.ndim:
            raise invalid_argument(f"Tensor name: {name} has no rows")
        columns[name] = json_values.write(array, strings_as_base64=name.endswith("_bytes"))
    document: Any = columns
    if len(columns) == 1:
        [document] = columns.values()
    elif by_row:
        document = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    key = "predictions" if by_row else "outputs"
    return json.dumps({key: document}, ensure_ascii=False).encode("utf-8", "surrogateescape")


def _by_column(rows: Any, infos: TensorInfos) -> Any:
    """The columns of rows that are objects; other rows as they are."""
    if not isinstance(rows, list) or not rows:
        raise invalid_argument("Expecting 'instances' to be a list/array that is not empty")
    if not any(map(_is_named, rows)):
        return rows
    for index, row in enumerate(rows):
        if not _is_named(row) or row.keys() != infos.keys():
            raise invalid_argument(
                f"element {index} of 'instances' is no object whose keys are those of the inputs: "
                f"{_names(infos)}"
            )
    return {name: [row[name] for row in rows] for name in infos}


def _read(name: str, value: Any, info: meta_graph_pb2.TensorInfo) -> np.ndarray:
    try:
        return json_values.read(value, info.dtype)
    except ServingError as error:
        raise ServingError(error.code, f"Input {name}: {error.message}") from error


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not json_values.is_base64(value)


def _names(names: Any) -> str:
    return ", ".join(sorted(names))


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("too big for a float")
    return number


_DECODER = json.JSONDecoder(
    parse_float=_finite, object_pairs_hook=lambda members: dict(reversed(members))
)
