"""Answers on the conformance model that follow from TF Serving's sources, in the recorded form.

From its json_tensor.cc, http_rest_api_util.cc, predict_util.cc, get_model_metadata_impl.cc and
multi_inference.cc, RapidJSON 1.1.0, and Abseil's base64.
"""

import json
from typing import Any

_ERROR = {"error": "…"}
_JSON, _HTML = "application/json", "text/html"


def _rest(
    path: str, body: str | None, status: int, answer: Any, method: str = "POST", kind: str = _JSON
) -> dict[str, Any]:
    response = answer if isinstance(answer, str) else json.dumps(answer)
    return {
        "method": method,
        "path": path,
        "body": body,
        "status": status,
        "content_type": kind,
        "response": response,
    }


def _predict(body: str, answer: Any = None, signature: str = "") -> dict[str, Any]:
    """A question to the newest version; without an answer it is refused."""
    if signature:
        body = f'{{"signature_name": "{signature}", {body[1:]}'
    path = "/v1/models/conf:predict"
    return _rest(path, body, 400, _ERROR) if answer is None else _rest(path, body, 200, answer)


def _deep(depth: int) -> str:
    return "[" * depth + "1" + "]" * depth


_ROWS = [
    # Of members of one name the first counts.
    _predict('{"instances": [1], "instances": [2]}', {"predictions": [3.5]}),
    _predict('{"inputs": {"x": [1], "x": [2]}}', {"outputs": [3.5]}),
    _predict('{"instances": [{"x": 1, "x": 2}]}', {"predictions": [3.5]}),
    _predict('{"signature_name": "ints", "inputs": [7]}', {"outputs": [7]}, "ints"),
    # What follows the object is not read; a byte order mark and white space may precede it.
    _predict('{"instances": [1]} and {more', {"predictions": [3.5]}),
    _predict('\ufeff \r\n\t{"instances": [1]}', {"predictions": [3.5]}),
    # Numbers.
    _predict('{"inputs": [-0.0, -0, 1e39, -1E+39, 1e-50]}')
    | {
        "status": 200,
        "response": '{"outputs": [3.0, 3.0, Infinity, -Infinity, 3.0]}',
    },
    _predict('{"inputs": [Inf, -Inf, -Infinity, -NaN]}')
    | {"status": 200, "response": '{"outputs": [Infinity, -Infinity, -Infinity, NaN]}'},
    *(
        _predict(f'{{"inputs": [{number}]}}')
        for number in ("1e400", "1" + "0" * 400, "01", "1.", ".5", "+1", "0x1", "1_0", "--1", "1e")
    ),
    *(_predict(f'{{"inputs": [{number}]}}', signature="ints") for number in ("1e2", "NaN", "null")),
    _predict(
        '{"inputs": [-9223372036854775808, 9223372036854775807, -0]}',
        {"outputs": [-(2**63), 2**63 - 1, 0]},
        "ints",
    ),
    # Shapes: a scalar where rows are expected, rows of lists, lists without elements.
    _predict('{"inputs": 5}', {"outputs": 5.5}),
    _predict('{"inputs": {"x": [[1], [2]]}}', {"outputs": [[3.5], [4.0]]}),
    _predict('{"instances": [[1, 2], [3, 4]]}', {"predictions": [[3.5, 4.0], [4.5, 5.0]]}),
    _predict('{"inputs": [[], []]}', {"outputs": [[], []]}, "ints"),
    _predict('{"instances": [[], []]}', {"predictions": [[], []]}, "ints"),
    _predict('{"inputs": [[], [1]]}', signature="ints"),
    _predict('{"instances": [[1], [1, 2]]}'),
    _predict('{"inputs": [1, [2]]}'),
    _predict(f'{{"inputs": {_deep(300)}}}'),
    _predict('{"inputs": [1, 2]}', {"outputs": 3.0}, "scalar"),
    _predict('{"instances": [1, 2]}', signature="scalar"),
    _predict('{"inputs": [1]}', {"outputs": {"y": [1.0], "z": [1.0, 1.0]}}, "mismatch"),
    _predict('{"inputs": []}', {"outputs": []}, "half"),
    # Rows and columns.
    *(
        _predict(body)
        for body in (
            '{"instances": null}',
            '{"instances": "x"}',
            '{"instances": [1], "inputs": null}',
            '{"inputs": null}',
            '{"inputs": {}}',
            '{"inputs": {"b64": "YQ=="}}',
            '{"instances": [{}]}',
            '{"instances": [{"x": 1}, 2]}',
            '{"instances": [1, {"x": 2}]}',
            '{"instances": [1] /* none */}',
            "{'instances': [1]}",
            '{"instances": [tru]}',
        )
    ),
    *(
        _predict(f'{{"instances": {rows}}}', signature="multi")
        for rows in (
            '[{"a": [1, 2], "b": "u"}, {"b": "v"}]',
            '[{"a": [1, 2], "b": "u"}, {"a": [1], "b": "v"}]',
            '[{"a": [1, 2], "b": "u", "c": 1}]',
            '[{"b64": "YQ=="}]',
        )
    ),
    _predict(
        '{"inputs": {"a": [[1, 2, 3]], "b": [], "c": 1}}',
        {"outputs": {"sum": [6.0], "echo": [], "echo_bytes": []}},
        "multi",
    ),
    _predict('{"inputs": {"a": [1, 2], "b": ["u"]}}', signature="multi"),
    _predict('{"instances": [1]}', signature="__saved_model_init_op"),
    # Strings and base64, with any padding or none, and with white space.
    _predict('{"inputs": {"b64": "YQ=="}}', {"outputs": {"out": "a", "len": 1}}, "strs"),
    _predict('{"inputs": {"s": "a"}}', {"outputs": {"out": "a", "len": 1}}, "strs"),
    *(
        _predict(
            json.dumps({"inputs": [{"b64": code}]}),
            {"outputs": {"out": ["a"], "len": [1]}},
            "strs",
        )
        for code in ("YQ", "YQ..", "YQ=.", " Y Q\n= =", "YR==")
    ),
    *(
        _predict(json.dumps({"inputs": [{"b64": code}]}), signature="strs")
        for code in ("Y", "YQ=", "YWJj=", "YQ===", "YQ=a", "YQ-_", "Y\u00e9==")
    ),
    _predict('{"inputs": [{"b64": "YQ==", "x": 1}]}', signature="strs"),
    _predict(
        r'{"inputs": ["\ud83d\ude00"]}', {"outputs": {"out": ["\U0001f600"], "len": [4]}}, "strs"
    ),
    *(
        _predict(f'{{"inputs": [{text}]}}', signature="strs")
        for text in (r'"\ud800"', r'"\ud800\u0041"', r'"\u12"', r'"\x"', '"a\nb"', '"a')
    ),
]

_CONF = "/v1/models/conf"
_ONE = '{"instances": [1]}'
_OTHER_PATHS = [
    _rest(f"{_CONF}/versions/02:predict", _ONE, 200, {"predictions": [2.5]}),
    _rest(f"{_CONF}/labels/sta%62le:predict", _ONE, 200, {"predictions": [2.5]}),
    _rest("/v1/models/c%6Fnf:predict", _ONE, 200, {"predictions": [3.5]}),
    _rest("/V1/Models/conf:predict", _ONE, 200, {"predictions": [3.5]}),
    _rest("/v1/models/CONF:predict", _ONE, 404, _ERROR),
    _rest(f"{_CONF}/versions/9:predict", _ONE, 404, _ERROR),
    _rest(f"{_CONF}/versions/9:predict", "{", 400, _ERROR),
    _rest(f"{_CONF}/versions/9223372036854775808:predict", _ONE, 400, _ERROR),
    _rest(f"{_CONF}/versions/x:predict", _ONE, 400, _ERROR),
    _rest(f"{_CONF}/versions/2/labels/stable:predict", _ONE, 400, _ERROR),
    _rest(f"{_CONF}:predict?x=1", _ONE, 400, _ERROR),
    # Examples are read before the model is looked for; of other questions only the JSON is.
    _rest("/v1/models/none:predict", "{}", 404, _ERROR),
    _rest("/v1/models/none:predict", '{"signature_name": 5}', 400, _ERROR),
    _rest("/v1/models/none:classify", "{}", 400, _ERROR),
    _rest("/v1/models/none:regress", '{"examples": [1]}', 400, _ERROR),
    _rest("/v1/models/none:regress", '{"examples": [{}]}', 404, _ERROR),
    *(
        _rest(f"{_CONF}:classify", body, 400, _ERROR)
        for body in (
            '{"examples": [{"x": null}]}',
            '{"examples": [{"x": [1, 2.5]}]}',
            '{"examples": [{"x": [[1]]}]}',
            '{"examples": [{"x": 9223372036854775808}]}',
            '{"examples": [{"x": true}], "context": 5}',
            '{"examples": [{}], "signature_name": "none"}',
            '{"examples": [{}], "signature_name": "multi"}',
            '{"examples": [{}], "signature_name": "types"}',
        )
    ),
    *(
        _rest(path, None, status, _ERROR, "GET")
        for path, status in (
            ("/v1/models", 400),
            (f"{_CONF}/", 400),
            (f"{_CONF}/versions/x", 400),
            (f"{_CONF}/versions/2/metadata/", 400),
            (f"{_CONF}?x=1", 404),  # as a name
            (f"{_CONF}/versions/9/metadata", 404),
            (f"{_CONF}/labels/none/metadata", 400),
            ("/v1/models/metadata", 404),
            ("/v1/models/versions/2", 400),
        )
    ),
    *(_rest(_CONF, None, 400, _ERROR, method) for method in ("DELETE", "PATCH")),
    _rest("/v1", None, 404, "", "GET", _HTML),
]
REST_CASES = _ROWS + _OTHER_PATHS


def _grpc(rpc: str, request: dict[str, Any], code: str, response: Any = None) -> dict[str, Any]:
    return {"case": rpc, "rpc": rpc, "request": request, "code": code, "response": response}


def _asked(x: dict[str, Any], code: str, y: dict[str, Any] | None = None) -> dict[str, Any]:
    """The newest version's default signature with a tensor."""
    response = {
        "outputs": {"y": y},
        "model_spec": {"name": "conf", "version": "3", "signature_name": "serving_default"},
    }
    request = {"model_spec": {"name": "conf"}, "inputs": {"x": x}}
    return _grpc("Predict", request, code, response)


def _floats(values: list[float], sizes: list[int], **fields: Any) -> dict[str, Any]:
    tensor: dict[str, Any] = {"dtype": "DT_FLOAT", "tensor_shape": {}, **fields}
    if sizes:
        tensor["tensor_shape"] = {"dim": [{"size": str(size)} if size else {} for size in sizes]}
    return {**tensor, "float_val": values} if values else tensor


def _task(name: str, method: str, signature: str = "") -> dict[str, Any]:
    return {"model_spec": {"name": name, "signature_name": signature}, "method_name": method}


_CLASSIFY = "tensorflow/serving/classify"
_EXAMPLE = {"example_list": {"examples": [{}]}}
_INVALID, _NOT_FOUND = "INVALID_ARGUMENT", "NOT_FOUND"
GRPC_CASES = [
    # Values that are too few are filled up with the last, none with zeros; more are dropped.
    _asked(_floats([1.0], [3]), "OK", _floats([3.5] * 3, [3])),
    _asked(_floats([1.0, 2.0], [1]), "OK", _floats([3.5], [1])),
    _asked(_floats([], [2]), "OK", _floats([3.0, 3.0], [2])),
    _asked(_floats([], []), "OK", _floats([3.0], [])),
    _asked(_floats([], [0, 3]), "OK", _floats([], [0, 3])),
    _asked({"dtype": "DT_FLOAT", "float_val": [1.0]}, "OK", _floats([3.5], [])),
    *(
        _asked(tensor, _INVALID)
        for tensor in (
            _floats([1.0], [-1]),
            _floats([1.0], [2**40, 2**40]),
            _floats([], [1], tensor_content="AAAA"),
            {"float_val": [1.0]},
            {"dtype": "DT_FLOAT_REF", "float_val": [1.0]},
            {"dtype": "DT_DOUBLE", "double_val": [1.0]},
            {"dtype": "DT_HALF", "half_val": [1]},
            {"dtype": "DT_RESOURCE"},
            {},
        )
    ),
    _grpc("Predict", {}, _INVALID),
    _grpc("Predict", {"model_spec": {"name": "none"}}, _NOT_FOUND),
    _grpc(
        "Predict", {"model_spec": {"name": "conf"}, "inputs": {"y": _floats([1.0], [])}}, _INVALID
    ),
    *(
        _grpc("GetModelMetadata", {"model_spec": {"name": name}, "metadata_field": fields}, code)
        for name, fields, code in (
            ("conf", ["none"], _INVALID),
            ("conf", ["signature_def", "none"], _INVALID),
            ("none", ["none"], _INVALID),
            ("none", ["signature_def"], _NOT_FOUND),
            ("", ["signature_def"], _INVALID),
        )
    ),
    _grpc("GetModelStatus", {"model_spec": {}}, _NOT_FOUND),
    _grpc("GetModelStatus", {"model_spec": {"name": "none"}}, _NOT_FOUND),
    *(
        _grpc("MultiInference", {"tasks": tasks, "input": _EXAMPLE}, code)
        for tasks, code in (
            ([_task("conf", _CLASSIFY)], _INVALID),
            ([_task("conf", _CLASSIFY, "none")], _INVALID),
            ([_task("conf", "tensorflow/serving/predict")], "UNIMPLEMENTED"),
            ([_task("conf", "")], "UNIMPLEMENTED"),
            ([_task("none", _CLASSIFY)], _NOT_FOUND),
            ([_task("", _CLASSIFY)], _INVALID),
        )
    ),
    *(
        _grpc(
            "HandleReloadConfigRequest", {"config": {"model_config_list": {"config": models}}}, code
        )
        for models, code in (
            ([{"name": "conf", "base_path": "MODEL_BASE_PATH"}], _INVALID),
            ([{"name": "conf", "base_path": "/x", "model_platform": "caffe"}], _INVALID),
            ([{"name": "conf", "base_path": "", "model_platform": "tensorflow"}], _INVALID),
            ([{"name": "conf", "base_path": "/x", "model_platform": "tensorflow"}] * 2, _INVALID),
        )
    ),
    _grpc("HandleReloadConfigRequest", {"config": {"custom_model_config": {}}}, _INVALID),
]
