"""The client without NumPy: all but user vectors, which say what they need."""

import builtins
import json
import struct
import subprocess
import sys

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.client import RecommendationClient
from serving.client.grpc_api import rows_of_tensor
from serving.client.rest_api import outputs_of_json
from serving.client.tf_serving_pb2 import TensorProto
from serving.errors import ServingError
from serving.export_contract import SIGNATURES

_WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None  # as if it were not installed
from serving.client import RecommendationClient
with RecommendationClient("127.0.0.1:1", max_attempts=1, timeout=5) as client:
    for ask in (lambda: client.user_vector(["a"]), lambda: client.user_vectors([]),
                lambda: client.recommend(["a"], k=True), lambda: client.recommend(["a"])):
        try:
            ask()
        except Exception as error:
            print(type(error).__name__, error)
"""


def test_user_vectors_say_what_they_need_and_nothing_else_does() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT_NUMPY], capture_output=True, text=True, check=True
    )
    one, many, flag, asked = ended.stdout.splitlines()
    assert (
        one
        == many
        == (
            "ModuleNotFoundError User vectors are arrays of NumPy, which is not installed: "
            "pip install numpy"
        )
    )
    assert flag.startswith("TypeError k is True")
    assert asked.startswith("ServingError UNAVAILABLE")


def test_a_missing_numpy_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def importing(name: str, *rest: object) -> object:
        if name == "numpy":
            raise ModuleNotFoundError("No module named 'numpy'", name="numpy")
        return original(name, *rest)

    with RecommendationClient("127.0.0.1:1") as client:
        monkeypatch.setattr(builtins, "__import__", importing)
        with pytest.raises(ModuleNotFoundError, match="pip install numpy"):
            client.user_vector(["a"])


_NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**63), 2**63)


@given(st.lists(st.lists(_NUMBERS, max_size=4), max_size=4))
def test_decimals_become_the_float32_that_numpy_makes_of_them(rows: list[list[float]]) -> None:
    sent = json.loads(json.dumps({"item_ids": [], "scores": rows}))
    with np.errstate(over="ignore"):
        expected = [np.array(row, np.float32).tolist() for row in rows]
    assert outputs_of_json(SIGNATURES["serving_default"], sent)["scores"] == expected


@pytest.mark.parametrize(
    "scores", [3.5, None, "abc", [1.5], [None], [["a"]], [[None]], [[10**400]]]
)
def test_what_is_no_rows_of_numbers_is_refused(scores: object) -> None:
    with pytest.raises(ServingError, match="scores of the answer holds no rows") as failed:
        outputs_of_json(SIGNATURES["serving_default"], {"item_ids": [], "scores": scores})
    assert failed.value.code == grpc.StatusCode.INTERNAL


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=9))
def test_numbers_as_bytes_are_read_as_numpy_reads_them(values: list[float]) -> None:
    content = np.array([values], "<f4").tobytes()
    tensor = TensorProto(tensor_content=content)
    for size in (1, len(values)):
        tensor.tensor_shape.dim.add(size=size)
    assert rows_of_tensor("scores", "DT_FLOAT", tensor, 2) == [
        np.frombuffer(content, "<f4").tolist()
    ]


def test_bytes_that_are_cut_off_are_refused() -> None:
    tensor = TensorProto(tensor_content=struct.pack("<2f", 1.0, 2.0)[:-1])
    for size in (1, 2):
        tensor.tensor_shape.dim.add(size=size)
    with pytest.raises(ServingError, match="holds 0 values of DT_FLOAT in scores"):
        rows_of_tensor("scores", "DT_FLOAT", tensor, 2)
