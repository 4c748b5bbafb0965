"""Tensors as JSON: nested lists of numbers, booleans and strings."""

import base64
import re
from typing import Any

import grpc
import numpy as np
import tensorflow as tf

from serving.errors import ServingError, invalid_argument

_MAX_DIMENSIONS = 31  # one less than NumPy has, which leaves one for the rows
_BASE64 = re.compile(r"([A-Za-z0-9+/]*)([=.]{0,2})")


def read(value: Any, dtype: int) -> np.ndarray:
    """The array of a parsed JSON value.

    Args:
        value: A scalar or nested lists. A string may also be `{"b64": "..."}`.
        dtype: The dtype of the array, by its number in `types_pb2`.

    Returns:
        The array; strings are `bytes` in an array of objects.

    Raises:
        ServingError: The lists differ in length or depth, an element is not of the dtype, or the
            dtype has no JSON form.

    Example:

    >>> from serving.devserver.rest_api import json_values
    >>> from tensorflow.core.framework import types_pb2
    >>> json_values.read([[1, 2], [3, 4]], types_pb2.DT_INT64)
    array([[1, 2],
           [3, 4]])
    """
    nested = np.array(value, dtype=object)
    elements = nested.ravel().tolist()
    found = set(map(type, elements))
    if list in found or nested.ndim > _MAX_DIMENSIONS:
        raise invalid_argument(
            f"the lists differ in length or depth, or have more than {_MAX_DIMENSIONS} dimensions"
        )
    wanted = tf.as_dtype(dtype)
    if wanted == tf.string:
        return _objects([_string(element) for element in elements]).reshape(nested.shape)
    types = _python_types(np.dtype(wanted.as_numpy_dtype))
    if not types:
        raise ServingError(
            grpc.StatusCode.UNIMPLEMENTED, f"Conversion of JSON Value to type: {wanted.name}"
        )
    if not found <= types:
        raise invalid_argument(f"an element is not of expected type: {wanted.name}")
    if (
        wanted.is_integer
        and elements
        and not (wanted.min <= min(elements) and max(elements) <= wanted.max)
    ):
        raise invalid_argument(f"a number is out of the range of {wanted.name}")
    try:
        with np.errstate(over="ignore"):
            return np.array(elements, wanted.as_numpy_dtype).reshape(nested.shape)
    except OverflowError as error:
        raise invalid_argument(f"a number is too big for {wanted.name}") from error


def write(array: np.ndarray, strings_as_base64: bool) -> Any:
    """Nested lists of an array's elements, which `json.dumps` accepts.

    Args:
        array: An array; strings are `bytes` in an array of objects.
        strings_as_base64: Whether a string is written as `{"b64": "..."}`.

    Raises:
        ServingError: The dtype has no JSON form.
    """
    if not array.size:
        return array.tolist()
    flat: list[Any]
    if array.dtype == object:
        flat = [_base64_object(x) if strings_as_base64 else _text(x) for x in array.ravel()]
    elif array.dtype == np.float32:
        flat = _short_decimals(array.ravel())
    elif _python_types(array.dtype):
        return array.tolist()
    else:
        name = tf.as_dtype(array.dtype).name
        raise invalid_argument(f"Failed to write JSON value for tensor type: {name}")
    return _objects(flat).reshape(array.shape).tolist()


def is_base64(value: Any) -> bool:
    """Whether a parsed value is `{"b64": "..."}`: bytes, and not an object of named tensors."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _python_types(dtype: np.dtype) -> set[type]:
    """The Python types of JSON's values of a dtype; none if the dtype has no JSON form."""
    if dtype.kind == "f" and dtype.itemsize >= np.dtype(np.float32).itemsize:
        return {int, float}
    kinds: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}}
    return kinds.get(dtype.kind, set())


def _objects(elements: list[Any]) -> np.ndarray:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


def _string(element: Any) -> bytes:
    if is_base64(element):
        return _decode_base64(element["b64"])
    if not isinstance(element, str):
        raise invalid_argument("an element is not of expected type: string")
    try:
        return element.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise invalid_argument("half of a surrogate pair is no text") from error


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _decode_base64(text: str) -> bytes:
    """Decodes base64 with or without padding, in the standard alphabet and not the one for URLs."""
    match = _BASE64.fullmatch("".join(text.split()))
    padding = -len(match[1]) % 4 if match else 3
    if match is None or padding == 3 or len(match[2]) not in (0, padding):
        raise invalid_argument("Unable to base64 decode")
    return base64.b64decode(match[1] + "=" * padding)


def _base64_object(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}


def _short_decimals(numbers: np.ndarray) -> list[float]:
    """Numbers of six digits where these give the same float32, else of nine, which always do."""
    values = numbers.tolist()
    short = [float(f"{value:.6g}") for value in values]
    with np.errstate(over="ignore"):
        differ = np.array(short).astype(np.float32) != numbers
    for position in np.flatnonzero(differ).tolist():
        short[position] = float(f"{values[position]:.9g}")
    return short
