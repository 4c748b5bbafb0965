"""The bodies of REST's `:predict`, by row ("instances") and by column ("inputs")."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from serving.devserver.rest_api import json_tensor, json_text
from serving.errors import ServingError, invalid_argument

TensorInfos = Mapping[str, meta_graph_pb2.TensorInfo]


class JsonPredictRequest(NamedTuple):
    """What a body asks: a signature ("" for the default one), its inputs, and whether by row."""

    signature_name: str
    inputs: dict[str, np.ndarray]
    by_row: bool


def parse_request(body: bytes, inputs_of: Callable[[str], TensorInfos]) -> JsonPredictRequest:
    """Reads the body of a request.

    Args:
        body: `{"signature_name": ..., "instances": [...]}` or `{..., "inputs": ...}`.
        inputs_of: Gives the inputs of a signature by its name, or raises ServingError.

    Returns:
        Inputs as arrays of the signature's dtypes; strings are `bytes` in arrays of objects.

    Raises:
        ServingError: As TF Serving words it.

    Example:

    >>> parse_request(b'{"instances": [[1, 2], [3, 4]]}', inputs_of).inputs["x"]
    array([[1., 2.], [3., 4.]], dtype=float32)
    """
    document, name = json_text.parse_question(body)
    infos = dict(inputs_of(name))  # a proto's map cannot be asked for a name that is not UTF-8
    if not infos:
        raise invalid_argument(f"Failed to get input map for signature: {name or 'DEFAULT'}")
    if "instances" in document and "inputs" in document:
        raise json_text.format_error(
            document,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )
    if "instances" in document:
        rows = document["instances"]
        if not isinstance(rows, list):
            raise json_text.format_error(document, "Expecting 'instances' to be an list/array")
        if not rows:
            raise json_text.format_error(document, "No values in 'instances' array")
        return JsonPredictRequest(name, _read_rows(rows, infos), by_row=True)
    if "inputs" in document:
        return JsonPredictRequest(name, _read_columns(document["inputs"], infos), by_row=False)
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def write_response(outputs: Mapping[str, np.ndarray], by_row: bool) -> bytes:
    """Writes the body of an answer: `{"predictions": [...]}` by row, `{"outputs": ...}` else.

    Args:
        outputs: By name. Strings of an output whose name ends in `_bytes` are written in base64.
        by_row: Whether an element of the answer holds one row of every output.

    Raises:
        ServingError: A dtype has no JSON form, or the outputs differ in their number of rows.

    Example:

    >>> write_response({"y": np.array([0.5, 1.0], np.float32)}, by_row=True)
    b'{"predictions": [0.5, 1.0]}'
    """
    if by_row:
        return json_text.encode('{"predictions": [' + ", ".join(_write_rows(outputs)) + "]}")
    columns = {
        name: json_tensor.nest(_elements(name, array), array.shape)
        for name, array in outputs.items()
    }
    return json_text.encode('{"outputs": ' + _named_unless_single(columns) + "}")


def _read_rows(rows: list[Any], infos: TensorInfos) -> dict[str, np.ndarray]:
    named = _is_named(rows[0])
    if not named and len(infos) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    columns: dict[str, list[np.ndarray]] = {name: [] for name in infos}
    for index, row in enumerate(rows):
        if _is_named(row) != named:
            raise invalid_argument(
                f"Expecting {'object' if named else 'value/list'} but got "
                f"{'list' if named else 'object'} at item {index} of input list"
            )
        for name, value in row.items() if named else [(next(iter(infos)), row)]:
            try:
                _append(value, name, infos, columns)
            except ServingError as error:
                raise invalid_argument(
                    f"Failed to process element: {index}{f' key: {name}' if named else ''} "
                    f"of 'instances' list. Error: {error.code.name}: {error.message}"
                ) from error
        if named and len(row) != len(infos):
            raise invalid_argument(
                f"Failed to process element: {index} of 'instances' list. JSON object: "
                f"{json_text.debug_string(row)} keys must be equal to: {','.join(sorted(infos))}"
            )
    return {name: np.stack(arrays) for name, arrays in columns.items()}


def _append(
    value: Any, name: str, infos: TensorInfos, columns: dict[str, list[np.ndarray]]
) -> None:
    if name not in infos:
        raise invalid_argument(f"JSON object: does not have named input: {name}")
    array = json_tensor.read(value, infos[name].dtype)
    first = columns[name][0] if columns[name] else array
    if array.shape != first.shape:
        raise invalid_argument(
            f"Expecting shape {_shape_text(first)} but got: {_shape_text(array)}"
        )
    columns[name].append(array)


def _read_columns(inputs: Any, infos: TensorInfos) -> dict[str, np.ndarray]:
    if not _is_named(inputs):
        if len(infos) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        inputs = dict.fromkeys(infos, inputs)
    for name in infos:
        if name not in inputs:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
    columns = {}
    for name, info in infos.items():
        try:
            columns[name] = json_tensor.read(inputs[name], info.dtype)
        except ServingError as error:
            raise ServingError(error.code, f"Input {name}: {error.message}") from error
    return columns


def _write_rows(outputs: Mapping[str, np.ndarray]) -> list[str]:
    num_rows = None
    columns = {}
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if num_rows not in (None, len(array)):
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {num_rows}"
            )
        num_rows = len(array)
        elements = _elements(name, array)
        step = array[:1].size
        columns[name] = [
            json_tensor.nest(elements[row * step : (row + 1) * step], array.shape[1:])
            for row in range(num_rows)
        ]
    return [
        _named_unless_single({name: column[row] for name, column in columns.items()})
        for row in range(num_rows or 0)
    ]


def _elements(name: str, array: np.ndarray) -> list[str]:
    return json_tensor.write(array, strings_as_base64=name.endswith("_bytes"))


def _named_unless_single(texts: Mapping[str, str]) -> str:
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "{" + ", ".join(f"{json_text.quote(k.encode())}: {v}" for k, v in texts.items()) + "}"


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not json_tensor.is_base64(value)


def _shape_text(array: np.ndarray) -> str:
    return "[" + ",".join(map(str, array.shape)) + "]"
