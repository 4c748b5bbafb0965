"""One tensor as JSON: nested lists of numbers, booleans and strings."""

import base64
import math
import re
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from serving.devserver.rest_api import json_text
from serving.errors import ServingError, invalid_argument

# What a JSON number must be to become an element; 8 and 16 bit elements wrap, as in TF Serving.
_INTEGER_RANGE = {
    types_pb2.DT_INT8: (-(2**31), 2**31 - 1),
    types_pb2.DT_INT16: (-(2**31), 2**31 - 1),
    types_pb2.DT_INT32: (-(2**31), 2**31 - 1),
    types_pb2.DT_UINT8: (-(2**31), 2**31 - 1),
    types_pb2.DT_INT64: (-(2**63), 2**63 - 1),
    types_pb2.DT_UINT32: (0, 2**32 - 1),
    types_pb2.DT_UINT64: (0, 2**64 - 1),
}
_DECIMAL_DIGITS = {types_pb2.DT_FLOAT: 9, types_pb2.DT_DOUBLE: 17}  # enough to read it back
_MAX_DIMENSIONS = 31  # NumPy has 32, and rows are stacked; TensorFlow has 254
_BASE64 = re.compile(r"([A-Za-z0-9+/]*)([=.]{0,2})")


def read(value: Any, dtype: int) -> np.ndarray:
    """The array of a parsed JSON value.

    Args:
        value: A scalar or nested lists. A string may also be `{"b64": "..."}`.
        dtype: Of the array, as `types_pb2` numbers it.

    Returns:
        The array; strings are `bytes` in an array of objects.

    Raises:
        ServingError: A list is longer or deeper than its neighbours, an element is not of the
            dtype, or JSON has no form for the dtype.

    Example:

    >>> read([[1, 2], [3, 4]], types_pb2.DT_INT64)
    array([[1, 2],
           [3, 4]])
    """
    shape = _shape_by_first_elements(value)
    if len(shape) > _MAX_DIMENSIONS:
        raise invalid_argument(f"A tensor has at most {_MAX_DIMENSIONS} dimensions")
    elements: list[Any] = []
    _flatten(value, 0, shape, elements)
    if dtype == types_pb2.DT_STRING:
        strings = np.empty(len(elements), dtype=object)
        strings[:] = [read_string(element) for element in elements]
        return strings.reshape(shape)
    is_element = _element_check(dtype)
    for element in elements:
        if not is_element(element):
            raise _type_error(element, dtype)
    wide = np.int64 if dtype in _INTEGER_RANGE and dtype != types_pb2.DT_UINT64 else None
    numpy_dtype = tf.as_dtype(dtype).as_numpy_dtype
    with np.errstate(over="ignore"):
        try:
            return np.array(elements, wide or numpy_dtype).astype(numpy_dtype).reshape(shape)
        except OverflowError as error:
            raise invalid_argument(f"JSON Parse error: number too big: {error}") from error


def write(array: np.ndarray, strings_as_base64: bool) -> list[str]:
    """The JSON of an array's elements, flat.

    Raises:
        ServingError: JSON has no form for the dtype.
    """
    dtype = tf.as_dtype(array.dtype).as_datatype_enum
    elements = array.ravel().tolist()
    if not elements:
        return []
    if dtype == types_pb2.DT_STRING:
        return [_base64_object(x) if strings_as_base64 else json_text.quote(x) for x in elements]
    if dtype == types_pb2.DT_BOOL:
        return ["true" if x else "false" for x in elements]
    if dtype in _INTEGER_RANGE:
        return list(map(str, elements))
    if dtype in _DECIMAL_DIGITS:
        return _decimals(array, _DECIMAL_DIGITS[dtype])
    raise invalid_argument(f"Failed to write JSON value for tensor type: {_type_name(dtype)}")


def nest(elements: list[str], shape: tuple[int, ...]) -> str:
    """Puts flat JSON elements into the lists of a shape."""
    for axis in reversed(range(len(shape))):
        size = shape[axis]
        elements = [
            "[" + ", ".join(elements[row * size : (row + 1) * size]) + "]"
            for row in range(math.prod(shape[:axis]))
        ]
    return elements[0]


def is_base64(value: Any) -> bool:
    """Whether a parsed value is `{"b64": "..."}`, bytes and not an object of named tensors."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _shape_by_first_elements(value: Any) -> list[int]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _flatten(value: Any, level: int, shape: list[int], elements: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise json_text.format_error(
                value,
                f"found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}",
            )
        elements.append(value)
        return
    if level >= len(shape):
        raise invalid_argument(
            f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    for element in value:
        _flatten(element, level + 1, shape, elements)


def _element_check(dtype: int) -> Callable[[Any], bool]:
    if dtype == types_pb2.DT_BOOL:
        return lambda element: isinstance(element, bool)
    if dtype in _DECIMAL_DIGITS:
        return lambda element: type(element) in (int, float)
    if dtype in _INTEGER_RANGE:
        lowest, highest = _INTEGER_RANGE[dtype]
        return lambda element: type(element) is int and lowest <= element <= highest
    raise ServingError(
        grpc.StatusCode.UNIMPLEMENTED,
        f"Conversion of JSON Value to type: {_type_name(dtype)}",
    )


def _type_error(element: Any, dtype: int) -> ServingError:
    return json_text.format_error(
        element,
        f"Type: {json_text.type_name(element)} is not of expected type: {_type_name(dtype)}",
    )


def _type_name(dtype: int) -> str:
    return types_pb2.DataType.Name(dtype).removeprefix("DT_").lower()


def read_string(element: Any) -> bytes:
    if isinstance(element, str):
        return json_text.string_bytes(element)
    if is_base64(element):
        return _decode_base64(element["b64"])
    if isinstance(element, dict):
        raise json_text.format_error(element, "not formatted correctly for base64 data")
    raise _type_error(element, types_pb2.DT_STRING)


def _decode_base64(text: str) -> bytes:
    """Base64 with or without its padding, in the common alphabet and not the one for URLs."""
    match = _BASE64.fullmatch("".join(text.split()))
    padding = -len(match[1]) % 4 if match else 3
    if match is None or padding == 3 or len(match[2]) not in (0, padding):
        raise invalid_argument("Unable to base64 decode")
    return base64.b64decode(match[1] + "=" * padding)


def _base64_object(value: bytes) -> str:
    return '{"b64": "' + base64.b64encode(value).decode() + '"}'


def _decimals(array: np.ndarray, digits: int) -> list[str]:
    """Six digits where they read back as the same number, else all; always a decimal number."""
    numbers = array.ravel().tolist()
    texts = [f"{x:.6g}" for x in numbers]
    read_back = np.array(list(map(float, texts)), array.dtype)
    for position in np.flatnonzero(read_back != array.ravel()).tolist():
        texts[position] = f"{numbers[position]:.{digits}g}"
    return [_DECIMAL_NAMES.get(x) or (x if "." in x or "e" in x else x + ".0") for x in texts]


_DECIMAL_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
