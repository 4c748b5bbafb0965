"""Bodies of REST's `:predict`."""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from serving.devserver.rest_api.json_predict import parse_request, write_response
from serving.errors import ServingError


def _inputs(**dtypes: int):
    infos = {name: meta_graph_pb2.TensorInfo(dtype=dtype) for name, dtype in dtypes.items()}
    return lambda signature_name: infos


_ONE_FLOAT = _inputs(x=types_pb2.DT_FLOAT)
_ONE_STRING = _inputs(s=types_pb2.DT_STRING)


@given(
    st.lists(
        st.lists(st.one_of(st.text(), st.binary()), min_size=2, max_size=2), min_size=1, max_size=4
    ),
    st.booleans(),
)
def test_any_string_reaches_the_model(rows: list[list[str | bytes]], by_row: bool) -> None:
    values = [
        [x if isinstance(x, str) else {"b64": base64.b64encode(x).decode()} for x in row]
        for row in rows
    ]
    body = json.dumps({"instances" if by_row else "inputs": values}).encode()
    expected = [[x.encode() if isinstance(x, str) else x for x in row] for row in rows]
    assert parse_request(body, _ONE_STRING).inputs["s"].tolist() == expected


@given(st.lists(st.binary(), min_size=1))
def test_any_bytes_reach_the_caller(values: list[bytes]) -> None:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    body = write_response({"ids": array, "ids_bytes": array}, by_row=False)
    outputs = json.loads(body.decode("utf-8", "surrogateescape"))["outputs"]
    assert [x.encode("utf-8", "surrogateescape") for x in outputs["ids"]] == values
    assert [base64.b64decode(x["b64"]) for x in outputs["ids_bytes"]] == values


@given(st.lists(st.floats(width=32), min_size=1), st.sampled_from([np.float32, np.float64]))
def test_any_number_reaches_the_caller_as_it_is(values: list[float], dtype: type) -> None:
    array = np.array(values, dtype)
    read = json.loads(write_response({"y": array}, by_row=True))["predictions"]
    assert all(isinstance(x, float) for x in read)
    np.testing.assert_array_equal(np.array(read, dtype), array)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.booleans())
def test_shapes_survive(shape: list[int], by_row: bool) -> None:
    array = np.arange(np.prod(shape, dtype=int), dtype=np.int64).reshape(shape)
    document = json.loads(write_response({"n": array, "m": array}, by_row))
    if by_row:
        assert [row["n"] for row in document["predictions"]] == array.tolist()
    else:
        assert document["outputs"]["n"] == array.tolist()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "b64", "instances"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=300)
@given(
    st.binary(max_size=30)
    | st.builds(
        lambda *pair: json.dumps(dict([pair])), st.sampled_from(["inputs", "instances"]), _JSON
    ).map(str.encode),
    st.sampled_from(
        [
            types_pb2.DT_FLOAT,
            types_pb2.DT_STRING,
            types_pb2.DT_INT8,
            types_pb2.DT_UINT64,
            types_pb2.DT_BOOL,
            types_pb2.DT_HALF,
        ]
    ),
)
def test_any_body_is_read_or_refused(body: bytes, dtype: int) -> None:
    try:
        request = parse_request(body, _inputs(x=dtype))
    except ServingError as refused:
        assert refused.http_status in (400, 501)
        refused.message.encode()
    else:
        assert tf.as_dtype(request.inputs["x"].dtype).as_datatype_enum == dtype


def test_rows_are_answered_by_row_and_columns_by_column() -> None:
    assert parse_request(b'{"instances": [1]}', _ONE_FLOAT).by_row
    assert not parse_request(b'{"inputs": [1]}', _ONE_FLOAT).by_row


def test_what_follows_the_document_is_not_read() -> None:
    assert parse_request(b'{"instances": [1]} and more', _ONE_FLOAT).inputs["x"].tolist() == [1.0]


@pytest.mark.parametrize("spelling", ["NaN", "-NaN", "Inf", "-Inf", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite_are_numbers(spelling: str) -> None:
    body = '{"signature_name": "Inf \\" -NaN", "instances": [' + spelling + "]}"
    request = parse_request(body.encode(), _ONE_FLOAT)
    np.testing.assert_array_equal(request.inputs["x"], np.array([float(spelling)], np.float32))
    assert request.signature_name == 'Inf " -NaN'


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse_request(b'\xef\xbb\xbf{"inputs": [1]}', _ONE_FLOAT).inputs["x"].tolist() == [1.0]


def test_bytes_that_are_not_utf8_reach_the_model() -> None:
    request = parse_request(b'{"instances": ["\xff\xfe"]}', _ONE_STRING)
    assert request.inputs["s"].tolist() == [b"\xff\xfe"]


def test_integers_out_of_range_are_refused() -> None:
    for number in (-1, 256):
        with pytest.raises(ServingError, match="Input n: a number is out of the range of uint8"):
            parse_request(b'{"instances": [%d]}' % number, _inputs(n=types_pb2.DT_UINT8))


def test_an_object_of_one_b64_string_is_a_value_and_any_other_object_has_names() -> None:
    request = parse_request(b'{"instances": [{"b64": "YWI"}]}', _inputs(b64=types_pb2.DT_STRING))
    assert request.inputs["b64"].tolist() == [b"ab"]
    request = parse_request(b'{"instances": [{"s": "YWI"}]}', _ONE_STRING)
    assert request.inputs["s"].tolist() == [b"YWI"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error"),
        (b"   ", "JSON Parse error"),
        (b"[1]", "not a JSON object"),
        (b'{"instances": [1}', "JSON Parse error"),
        (b'{"instances": [1e999]}', "too big"),
        (b'{"instances": [' + b"1" * 5000 + b"]}", "JSON Parse error"),
        (b'{"instances": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"instances": ' + b"[" * 400 + b"]" * 400 + b"}", "more than 31 dimensions"),
        (b'{"instances": [[1], [1, 2]]}', "Input x: the lists differ in length or depth"),
        (b'{"instances": [[[1], 2]]}', "differ in length or depth"),
        (b'{"instances": [[1, [2]]]}', "differ in length or depth"),
        (b'{"inputs": [[1, 2], [3]]}', "differ in length or depth"),
        (b'{"instances": [{"x": 1}, 2]}', "element 1 .* no object whose keys are .*: x"),
        (b'{"instances": [1, {"x": 2}]}', "element 0 .* no object whose keys are .*: x"),
        (b'{"instances": [{}]}', "element 0 .* no object whose keys are .*: x"),
        (b'{"instances": ["x"]}', "not of expected type: float"),
        (b'{"instances": [{"b64": "YQ=="}]}', "not of expected type: float"),
    ],
)
def test_a_faulty_body_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ServingError, match=message) as refused:
        parse_request(body, _ONE_FLOAT)
    assert refused.value.http_status == 400


@pytest.mark.parametrize("value", ['"\\ud800"', '{"b64": "a"}', '{"b64": "YQ="}', '{"b": 1}', "7"])
def test_a_faulty_string_is_refused(value: str) -> None:
    with pytest.raises(ServingError) as refused:
        parse_request(b'{"inputs": {"s": [%s]}}' % value.encode(), _ONE_STRING)
    assert refused.value.http_status == 400


def test_a_long_faulty_string_is_refused_quickly() -> None:
    body = b'{"instances": [-Inf, "' + b'\\"' * 1_000_000
    with pytest.raises(ServingError, match="JSON Parse error"):
        parse_request(body, _ONE_FLOAT)
