"""What the clients answer with."""

from __future__ import annotations

from typing import NamedTuple


class Recommendation(NamedTuple):
    """An item and its score; higher is better, comparable within one answer only."""

    item_id: str
    score: float


class ModelVersion(NamedTuple):
    """A version of a model on a server.

    Args:
        version: Its number.
        state: "START", "LOADING", "AVAILABLE", "UNLOADING", "END" or "UNKNOWN".
        error: Why it failed; empty if it did not.
    """

    version: int
    state: str
    error: str


class TensorSpec(NamedTuple):
    """An input or output, such as `TensorSpec("DT_STRING", (-1, 50))`; -1 is any size.

    The shape is None where even the number of dimensions is open.
    """

    dtype: str
    shape: tuple[int, ...] | None


class Signature(NamedTuple):
    """The inputs and outputs of a signature, by name."""

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]


class ModelMetadata(NamedTuple):
    """The version that answers, and its signatures by name."""

    version: int
    signatures: dict[str, Signature]
