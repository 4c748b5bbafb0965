"""What the clients answer with, and the error of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from serving.errors import ServingError


class Recommendation(NamedTuple):
    """An item and its score; higher is better, comparable within one answer only."""

    item_id: str
    score: float


class Recommendations(list[Recommendation]):
    """The best items, and how much of the history went into them. A list in all else.

    Args:
        best: The items, the best first.
        known_items: How many items of the history the model knows, each counted as often as it
            comes. With 0 of 1 or more, the answer is the popularity ranking, and the ids may be
            those of another catalogue. None: the export is of an earlier version, which does not
            tell.
        history_items: Out of how many: the whole history, but at most its last items, as many as
            the export takes, which is 50 or more.

    Example:

    >>> answer = client.recommend(["bread", "buttr"], k=1)
    >>> answer[0].item_id, answer.known_items, answer.history_items
    ('jam', 1, 2)
    """

    def __init__(
        self, best: Iterable[Recommendation], known_items: int | None, history_items: int
    ) -> None:
        super().__init__(best)
        self.known_items = known_items
        self.history_items = history_items

    def __reduce__(self) -> tuple[type, tuple[list[Recommendation], int | None, int]]:
        return type(self), (list(self), self.known_items, self.history_items)


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


class BatchError(ServingError):
    """One of the requests of a batch that failed; the code and the message are its own.

    Args:
        rows: Positions in the batch of the histories that the request held.
        size: Of the batch.
        error: Of the request.
    """

    def __init__(self, rows: range, size: int, error: ServingError):
        super().__init__(
            error.code, f"rows {rows.start} to {rows.stop - 1} of {size}: {error.message}"
        )
        self.rows = rows
