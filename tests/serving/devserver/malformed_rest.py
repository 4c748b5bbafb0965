"""REST requests that are wrong in some place, made from the grammar of the API."""

import gzip
import json
from typing import NamedTuple

from hypothesis import strategies as st

from tests.serving.conftest import ITEMS
from tests.serving.stand_in import HISTORY_LENGTH

MODEL = "mclrec"
_HISTORY = [[*ITEMS[:3], *[""] * (HISTORY_LENGTH - 3)]]
GOOD_BODIES = [
    json.dumps(document).encode()
    for document in (
        {"instances": _HISTORY},
        {"signature_name": "serving_default", "inputs": {"history": _HISTORY}},
        {
            "signature_name": "recommend",
            "instances": [{"history": _HISTORY[0], "exclude": ["x"], "k": 3, "keep_seen": True}],
        },
        {"signature_name": "user_vector", "instances": [{"history": _HISTORY[0]}]},
        {"signature_name": "rank_examples", "inputs": [{"b64": "AAAA"}]},
        {"examples": [{"history": ["a", "b"], "k": 1, "weight": 0.5}], "context": {"a": "b"}},
    )
]


class RestRequest(NamedTuple):
    """What is sent, and the statuses that may answer it."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    statuses: frozenset[int]


def _text(value: str) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


_NAMES = ["history", "exclude", "k", "keep_seen", "examples", "instances", "inputs", "b64"]
_SIGNATURES = ["serving_default", "recommend", "rank_examples", "user_vector", "none", ""]
_WORDS = st.sampled_from([*_NAMES, *_SIGNATURES, "signature_name", "context"]) | st.text()
_NUMBERS = st.sampled_from(
    [b"0", b"-0", b"-1", b"1.5", b"1e5", b"3000000000", b"1e39", b"NaN", b"-NaN", b"Inf"]
    + [b"-Infinity", b"1e-400", b"9223372036854775808", b"9" * 400, b"9" * 5000]
    + [b"1e999", b"01", b"+1", b".5", b"1.", b"0x1", b"1_000", b"--1", b"1e"]
)
_STRINGS = st.one_of(
    st.sampled_from(ITEMS).map(_text),
    st.text().map(_text),
    st.binary().map(lambda inner: b'"' + inner + b'"'),
    st.sampled_from(
        [b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\\udcff"', b'"\\u00"', b'"\\x"', b'"', b"'a'"]
        + [b'"\\u0000"', b'"\n"', b'"\xff"', b'"\xed\xa0\x80"', b'"' + b"x" * 10_000 + b'"']
    ),
)
_BASE64 = st.sampled_from(["YWJj", "YQ==", "YQ", "YQ=", "a", "!!", "", " Y Q = =", "_-8", "\n"])
_SCALARS = st.one_of(
    st.sampled_from([b"null", b"true", b"false", b"nul", b"True", b"undefined", b"", b"\x00"]),
    _NUMBERS,
    _STRINGS,
    _BASE64.map(lambda code: b'{"b64": ' + _text(code) + b"}"),
)


def _array(elements: list[bytes]) -> bytes:
    return b"[" + b",".join(elements) + b"]"


def _object(members: list[tuple[str, bytes]]) -> bytes:
    return b"{" + b",".join(_text(name) + b":" + value for name, value in members) + b"}"


def _nested(opening: bytes, inner: bytes, depth: int) -> bytes:
    closing = {b"[": b"]", b'{"history":': b"}"}[opening]
    return opening * depth + inner + closing * depth


_DEEP = st.builds(
    _nested,
    st.sampled_from([b"[", b'{"history":']),
    _SCALARS,
    st.sampled_from([2, 30, 31, 32, 33, 64, 255, 300, 900, 2000, 50_000]),
)
# Members come as a list, so that a name may stand twice.
_VALUES = st.recursive(
    _SCALARS | _DEEP,
    lambda inner: (
        st.lists(inner, max_size=4).map(_array)
        | st.lists(st.tuples(_WORDS, inner), max_size=4).map(_object)
    ),
    max_leaves=12,
)
_ROWS = st.lists(_VALUES | st.just(json.dumps(_HISTORY[0]).encode()), min_size=1, max_size=4)
_DOCUMENTS = st.lists(
    st.one_of(
        st.tuples(st.just("signature_name"), st.sampled_from(_SIGNATURES).map(_text) | _VALUES),
        st.tuples(st.just("instances"), _VALUES | _ROWS.map(_array)),
        st.tuples(st.just("inputs"), _VALUES | _ROWS.map(_array)),
        st.tuples(st.just("inputs"), st.lists(st.tuples(_WORDS, _VALUES)).map(_object)),
        st.tuples(st.just("examples"), _VALUES | _ROWS.map(_array)),
        st.tuples(_WORDS, _VALUES),
    ),
    max_size=5,
).map(_object)


@st.composite
def _cut_short(draw: st.DrawFn) -> bytes:
    body = draw(st.sampled_from(GOOD_BODIES))
    return body[: draw(st.integers(0, len(body) - 1))]


@st.composite
def _with_other_bytes(draw: st.DrawFn) -> bytes:
    body = draw(st.sampled_from(GOOD_BODIES))
    start = draw(st.integers(0, len(body)))
    return body[:start] + draw(st.binary(max_size=4)) + body[start + draw(st.integers(0, 4)) :]


_BODIES = st.one_of(_DOCUMENTS, _with_other_bytes(), _VALUES, st.binary())
_QUESTION = f"/v1/models/{MODEL}:predict"
_SEGMENTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8).map(
    lambda text: "".join(f"%{byte:02x}" for byte in text.encode())
) | st.sampled_from([MODEL, MODEL.upper(), "none", "", "..%2f..%2fetc%2fpasswd", "%00", "%ff", "%"])
_CHOICES = st.one_of(
    st.just(""),
    st.tuples(st.sampled_from(["/versions/", "/labels/", "/Versions/", "/"]), _SEGMENTS).map(
        "".join
    ),
    st.integers(-1, 2**70).map("/versions/{}".format),
)
_VERBS = st.sampled_from(
    [":predict", ":classify", ":regress", ":PREDICT", ":explain", ":", "", "/metadata", "/METADATA"]
    + ["/", ":predict?x=1", ":predict:predict", "//:predict", "/../..:predict", "/v1"]
)
_PATHS = st.one_of(
    st.tuples(st.sampled_from(["/v1/models/", "/V1/MODELS/"]), _SEGMENTS, _CHOICES, _VERBS).map(
        "".join
    ),
    st.sampled_from(
        ["/", "/v1", "/v1/", "/v1/models", "/v2/models", "//", "/v1//models", "/" * 99]
    ),
)
_QUESTIONS = st.tuples(
    st.just(f"/v1/models/{MODEL}"), _CHOICES, st.sampled_from([":predict", ":classify", ":regress"])
).map("".join)
_METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])


def _packed(request: RestRequest) -> RestRequest:
    return request._replace(
        body=gzip.compress(request.body, mtime=0), headers={"Content-Encoding": "gzip"}
    )


def _request(method: str, path: str, body: bytes, statuses: frozenset[int]) -> RestRequest:
    return RestRequest(method, path, body, {}, statuses)


_REFUSED, _ANY = frozenset([400]), frozenset([200, 400, 404])
_PLAIN = st.one_of(
    st.builds(_request, st.just("POST"), st.just(_QUESTION), _BODIES, st.just(_ANY - {404})),
    st.builds(_request, st.just("POST"), st.just(_QUESTION), _cut_short(), st.just(_REFUSED)),
    st.builds(_request, st.just("POST"), _QUESTIONS, _BODIES, st.just(_ANY)),
    st.builds(_request, _METHODS, _PATHS, _BODIES, st.just(_ANY)),
)
REST_REQUESTS = st.one_of(
    _PLAIN,
    _PLAIN.map(_packed),
    _PLAIN.map(lambda request: request._replace(headers={"Content-Encoding": "gzip"})),
)
"""Most are wrong; a few turn out right, and then have to be answered."""
