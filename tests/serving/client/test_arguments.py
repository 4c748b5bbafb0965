"""Arguments of every kind: each works as a caller expects, or is refused by name and not sent."""

import collections
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.client import RecommendationClient, Tls
from tests.serving.client.kinds import KINDS, open_client
from tests.serving.conftest import ITEMS
from tests.serving.running_server import Addresses

_NOBODY = "127.0.0.1:9"  # whatever is sent there fails as UNAVAILABLE


@pytest.mark.integration
@pytest.mark.parametrize(
    "history",
    [
        ITEMS[3:6],
        tuple(ITEMS[3:6]),
        collections.deque(ITEMS[3:6]),
        (item for item in ITEMS[3:6]),
        iter(ITEMS[3:6]),
        map(str, ITEMS[3:6]),
        np.array(ITEMS[3:6]),
        np.array(ITEMS[3:6], dtype=object),
        pd.Series(ITEMS[3:6], index=[7, 0, 3]),
        pd.Series(ITEMS[3:6], dtype="category"),
    ],
    ids=lambda history: type(history).__name__,
)
def test_any_iterable_of_strings_is_a_history(server: Addresses, history: Any) -> None:
    with open_client("blocking-rest", server) as client:
        assert client.recommend(history, k=3) == client.recommend(ITEMS[3:6], k=3)


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_and_flags_of_numpy(server: Addresses, kind: str) -> None:
    with open_client(kind, server, timeout=np.float32(30), version=np.int64(1)) as client:
        expected = client.recommend(ITEMS[:2], k=25, keep_seen=True)
        assert client.recommend(ITEMS[:2], k=np.int64(25), keep_seen=np.bool_(True)) == expected
        # The order of what is left out does not matter.
        expected = client.recommend([], exclude=ITEMS[:9])
        for exclude in (set(ITEMS[:9]), np.array(ITEMS[:9]), (item for item in ITEMS[:9])):
            assert client.recommend([], exclude=exclude) == expected
        assert client.recommend([], exclude=None) == client.recommend([], exclude=())


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_generators_and_arrays(server: Addresses, kind: str) -> None:
    histories = [[*ITEMS[row : row + 3]] for row in range(5)]
    with open_client(kind, server, rows_per_request=2) as client:
        expected = client.recommend_batch(histories, exclude=[ITEMS[:1]] * 5)
        for rows in (np.array(histories), map(iter, histories), pd.Series(histories)):
            assert client.recommend_batch(rows, exclude=({ITEMS[0]} for _ in "12345")) == expected
        vectors = client.user_vectors(histories)
        assert np.array_equal(client.user_vectors(map(iter, histories)), vectors)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"history": None}, TypeError, "history is None; give a sequence of item ids"),
        ({"history": 5}, TypeError, "history is 5 of type int"),
        ({"history": "abc"}, TypeError, "history is the string 'abc'"),
        ({"history": b"abc"}, TypeError, "history is the string b'abc'"),
        ({"history": {"a", "b"}}, TypeError, "history is a set, which has no order"),
        ({"history": {"a": 1}}, TypeError, "history is a dict"),
        ({"history": np.array("a")}, TypeError, r"history is array\('a'.* of type ndarray"),
        ({"history": np.array([["a"]])}, TypeError, r"history\[0\] is array"),
        ({"history": np.array([3, 4])}, TypeError, r"history\[0\] is 3 of type int64"),
        ({"history": ["a", 5]}, TypeError, r"history\[1\] is 5"),
        ({"history": ["a", None]}, TypeError, r"history\[1\] is None"),
        ({"history": pd.Series(["a", np.nan])}, TypeError, r"history\[1\] is nan of type float"),
        ({"history": [b"a"]}, TypeError, r"history\[0\] is b'a' of type bytes"),
        ({"history": [["a"]]}, TypeError, r"history\[0\] is \['a'\] of type list"),
        ({"history": ["a", ""]}, ValueError, r"history\[1\] is ''"),
        ({"history": ["a", "b\n"]}, ValueError, r"history\[1\] is 'b\\n'; .* no line break"),
        ({"history": pd.DataFrame({"item": ["a"]})}, TypeError, "history is a DataFrame; give"),
        ({"exclude": 7}, TypeError, "exclude is 7 of type int"),
        ({"exclude": "abc"}, TypeError, "exclude is the string 'abc'"),
        ({"exclude": [7]}, TypeError, r"exclude\[0\] is 7"),
        ({"exclude": [""]}, ValueError, r"exclude\[0\] is ''"),
        ({"k": 0}, ValueError, "k is 0; give at least 1, at most 2147483647"),
        ({"k": -3}, ValueError, "k is -3"),
        ({"k": 2**31}, ValueError, "k is 2147483648; .* at most 2147483647"),
        ({"k": 2.0}, TypeError, "k is 2.0 of type float; give a whole number"),
        ({"k": True}, TypeError, "k is True; give a whole number"),
        ({"k": np.True_}, TypeError, "k is True"),
        ({"k": "5"}, TypeError, "k is '5' of type str"),
        ({"k": None}, TypeError, "k is None"),
        ({"k": np.array([5, 6])}, TypeError, "k is array"),
        ({"keep_seen": 1}, TypeError, "keep_seen is 1 of type int; give True or False"),
        ({"keep_seen": "no"}, TypeError, "keep_seen is 'no'"),
        ({"keep_seen": None}, TypeError, "keep_seen is None"),
        ({"candidates": "ab"}, TypeError, "candidates is the string 'ab'"),
        ({"candidates": [5]}, TypeError, r"candidates\[0\] is 5"),
        ({"candidate_set": ""}, ValueError, "candidate_set is empty"),
        ({"candidate_set": ["new"]}, TypeError, "candidate_set is .* of type list"),
    ],
)
@pytest.mark.parametrize("kind", ["blocking-grpc", "asyncio-rest"])
def test_a_wrong_argument_is_named(
    kind: str, arguments: dict, error: type[Exception], message: str
) -> None:
    with open_client(kind, _NOBODY) as client, pytest.raises(error, match=f"^{message}"):
        client.recommend(**{"history": [], **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"histories": None}, TypeError, "histories is None; give a sequence of sequences"),
        ({"histories": "ab"}, TypeError, "histories is the string 'ab'"),
        ({"histories": {("a",)}}, TypeError, "histories is a set, which has no order"),
        ({"histories": [["a"], "ab"]}, TypeError, r"histories\[1\] is the string 'ab'"),
        ({"histories": [["a"], None]}, TypeError, r"histories\[1\] is None"),
        ({"histories": [["a"], {"b"}]}, TypeError, r"histories\[1\] is a set"),
        ({"histories": ["a", "b"]}, TypeError, r"histories\[0\] is the string 'a'"),
        ({"histories": [["a"], ["b", ""]]}, ValueError, r"histories\[1\]\[1\] is ''"),
        ({"exclude": [[], [""]]}, ValueError, r"exclude\[1\]\[0\] is ''"),
        ({"exclude": [[], "b"]}, TypeError, r"exclude\[1\] is the string 'b'"),
        ({"exclude": [[], 5]}, TypeError, r"exclude\[1\] is 5"),
        ({"exclude": [[]]}, ValueError, "exclude has 1 rows for 2 histories"),
        ({"k": [5, 5]}, TypeError, r"k is \[5, 5\] of type list"),
        ({"candidates": ["b", "c"]}, TypeError, r"candidates\[0\] is the string 'b'"),
        ({"candidates": [["b"]]}, ValueError, "candidates has 1 rows for 2 histories"),
        ({"candidate_set": ["new", "old"]}, TypeError, "candidate_set is .* of type list"),
    ],
)
def test_a_wrong_row_of_a_batch_is_named(
    arguments: dict, error: type[Exception], message: str
) -> None:
    with RecommendationClient(_NOBODY) as client, pytest.raises(error, match=f"^{message}"):
        client.recommend_batch(**{"histories": [["a"], ["b"]], **arguments})


def test_wrong_items_to_rank_or_compare_are_named() -> None:
    with RecommendationClient(_NOBODY) as client:
        with pytest.raises(TypeError, match="^items is None"):
            client.rank(["a"], None)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="^items is the string 'a'"):
            client.similar_items("a")
        with pytest.raises(ValueError, match=r"^items\[1\] is ''"):
            client.similar_items(["a", ""])
        with pytest.raises(ValueError, match="^k is 0"):
            client.similar_items(["a"], k=0)
        assert client.similar_items([]) == []  # for which nothing is asked


def test_wrong_histories_to_encode_are_named() -> None:
    with RecommendationClient(_NOBODY) as client:
        with pytest.raises(TypeError, match=r"^histories\[0\] is the string 'ab'"):
            client.user_vectors(["ab"])
        with pytest.raises(TypeError, match="^history is None"):
            client.user_vector(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"protocol": "soap"}, ValueError, 'protocol is \'soap\'; use "grpc" or "rest"'),
        ({"protocol": ["rest"]}, TypeError, "protocol is .'rest'. of type list"),
        ({"address": None}, TypeError, "address is None"),
        ({"address": ("h", 1)}, TypeError, "address is .*of type tuple"),
        ({"address": ""}, ValueError, "address is empty"),
        ({"model_name": ""}, ValueError, "model_name is empty"),
        ({"model_name": 5}, TypeError, "model_name is 5"),
        ({"version": 1, "version_label": "a"}, ValueError, "version and version_label are both"),
        ({"version": "1"}, TypeError, "version is '1' of type str"),
        ({"version": 1.0}, TypeError, "version is 1.0"),
        ({"version": True}, TypeError, "version is True"),
        ({"version": -1}, ValueError, "version is -1"),
        ({"version": 2**63}, ValueError, "version is 9223372036854775808"),
        ({"version_label": ""}, ValueError, "version_label is empty"),
        ({"version_label": 7}, TypeError, "version_label is 7"),
        ({"timeout": 0}, ValueError, "timeout is 0"),
        ({"timeout": -1.5}, ValueError, "timeout is -1.5"),
        ({"timeout": float("nan")}, ValueError, "timeout is nan"),
        ({"timeout": float("inf")}, ValueError, "timeout is inf"),
        ({"timeout": 10**400}, ValueError, "timeout is 1000"),
        ({"timeout": None}, TypeError, "timeout is None; give a number of seconds"),
        ({"timeout": "10"}, TypeError, "timeout is '10'"),
        ({"timeout": True}, TypeError, "timeout is True"),
        ({"max_attempts": 0}, ValueError, "max_attempts is 0; give at least 1"),
        ({"max_attempts": 2.5}, TypeError, "max_attempts is 2.5"),
        ({"rows_per_request": 0}, ValueError, "rows_per_request is 0"),
        ({"requests_in_flight": None}, TypeError, "requests_in_flight is None"),
        ({"tls": True}, TypeError, "tls is True; give a Tls"),
        ({"tls": Tls("")}, ValueError, "root_certificates is empty"),
        ({"tls": Tls(5)}, TypeError, "root_certificates is 5"),
        ({"tls": Tls(Path("nowhere.pem"))}, OSError, ".*root_certificates: No such file.*nowhere"),
        ({"tls": Tls(None, "no.pem", "no")}, OSError, ".*client_certificate: No such file.*no.pem"),
        ({"tls": Tls(Path("/"))}, OSError, ".*root_certificates: Is a directory"),
    ],
)
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_client_that_makes_no_sense(
    protocol: str, arguments: dict, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        RecommendationClient(**{"address": _NOBODY, "protocol": protocol, **arguments})


@pytest.mark.parametrize(
    "address",
    [
        *("localhost", "localhost:", ":8500", "localhost:0", "localhost:65536", "localhost:port"),
        *(
            " localhost:8500",
            "local host:8500",
            "localhost:8500\n",
            "::1:8500",
            "me@localhost:8500",
        ),
        *("ftp://localhost", "http://", "https://", "http:/localhost:8500", "http://h:0", "//"),
        *("http://h/?x", "http://h/#x", "http://me:secret@h:8501", "http://h:99999", "http://h h"),
    ],
)
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_an_address_that_is_none(address: str, protocol: str) -> None:
    with pytest.raises(ValueError, match="^address is .*(it is host:port|port must be 1 to 65535)"):
        RecommendationClient(address, protocol=protocol)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("protocol", "addresses"),
    [
        ("grpc", ["h:1", "h.example:65535", "[::1]:8500", "dns:///h:1", "unix:/run/models"]),
        ("rest", ["h:1", "[::1]:8501", "http://h", "https://h/models/", "http://[::1]:8501"]),
    ],
)
def test_addresses(protocol: Any, addresses: list[str]) -> None:
    for address in addresses:
        RecommendationClient(address, protocol=protocol).close()


def test_how_long_to_wait_makes_no_sense() -> None:
    with RecommendationClient(_NOBODY) as client:
        with pytest.raises(TypeError, match="^timeout is '5'"):
            client.wait_until_ready("5")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="^timeout is 0"):
            client.wait_until_ready(0)
