"""JSON as TF Serving reads it: RapidJSON's rules where they differ from Python's."""

import json
import math
import re
from typing import Any

from serving.errors import ServingError, invalid_argument

# 64 MiB of "[],[],[]" would be 22 million lists, 1.5 GB and half a minute.
_MAX_VALUES = 1_000_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DEBUG_LENGTH = 256
_RAPIDJSON_SPELLING = re.compile(r"-?Inf\b|-NaN\b")
# A string that never ends is matched to the end: no second look at what follows its quotes.
_STRING_OR_SPELLING = re.compile(
    r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|' + _RAPIDJSON_SPELLING.pattern, re.DOTALL
)
_PYTHON_SPELLING = {"Inf": "Infinity", "-Inf": "-Infinity", "-NaN": "NaN"}


def parse_question(body: bytes) -> tuple[dict[str, Any], str]:
    """Reads the body of a request, one JSON object with or without a "signature_name".

    What follows the object is not read. `NaN`, `Infinity` and `Inf` are numbers. Of members with
    the same name the first counts. Bytes that are not UTF-8 survive as surrogates (see
    `string_bytes`).

    Returns:
        The object and the name of the signature ("" for the default one).

    Raises:
        ServingError: INVALID_ARGUMENT, with the position of the fault.
    """
    document = _parse(body)
    if not isinstance(document, dict):
        raise format_error(document, "Is not object")
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise format_error(
            document, "not formatted correctly. 'signature_name' key must be a string value."
        )
    name = name.encode("utf-8", "replace").decode()  # no signature has a name that is not UTF-8
    return document, name


def string_bytes(value: str) -> bytes:
    """The bytes of a string of a parsed document."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise invalid_argument(
            "JSON Parse error: The surrogate pair in string is invalid."
        ) from error


def quote(value: bytes) -> str:
    """A JSON string of bytes; those that are not UTF-8 are kept (see `encode`)."""
    return _ENCODER.encode(value.decode("utf-8", "surrogateescape"))


def encode(text: str) -> bytes:
    """The body of a response."""
    return text.encode("utf-8", "surrogateescape")


def type_name(value: Any) -> str:
    """What a parsed value is called in messages."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    return _TYPE_NAMES.get(type(value), "Number")


def debug_string(value: Any) -> str:
    """A value as messages quote it, cut when it is long."""
    text = ""
    for part in _ENCODER.iterencode(value):
        text += part[:_DEBUG_LENGTH]
        if len(text) >= _DEBUG_LENGTH:
            break
    return text[:_DEBUG_LENGTH].encode("utf-8", "replace").decode("utf-8")


def format_error(value: Any, message: str) -> ServingError:
    return invalid_argument(f"JSON Value: {debug_string(value)} {message}")


def _parse(body: bytes) -> Any:
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > _MAX_VALUES:
        raise invalid_argument(f"JSON Parse error: more than {_MAX_VALUES} values")
    text = body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "surrogateescape").lstrip(" \t\r\n")
    if not text:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        try:
            return _DECODER.raw_decode(text)[0]
        except json.JSONDecodeError as error:
            if not _RAPIDJSON_SPELLING.match(text, error.pos):
                raise
            return _DECODER.raw_decode(_STRING_OR_SPELLING.sub(_python_spelling, text))[0]
    except json.JSONDecodeError as error:
        raise invalid_argument(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
    except ValueError as error:  # of _parse_float, or of an integer of thousands of digits
        raise invalid_argument(
            "JSON Parse error: Number too big to be stored in double."
        ) from error
    except RecursionError as error:
        raise invalid_argument("JSON Parse error: nested too deeply") from error


def _python_spelling(match: re.Match[str]) -> str:
    return _PYTHON_SPELLING.get(match[0], match[0])


def _first_of_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose first member of a name counts, where Python would take the last."""
    found = dict(members)
    if len(found) < len(members):
        for name, value in reversed(members):
            found[name] = value
    return found


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("Number too big to be stored in double.")
    return number


_TYPE_NAMES: dict[type, str] = {dict: "Object", list: "Array", str: "String"}
_DECODER = json.JSONDecoder(parse_float=_parse_float, object_pairs_hook=_first_of_each)
_ENCODER = json.JSONEncoder(ensure_ascii=False)
