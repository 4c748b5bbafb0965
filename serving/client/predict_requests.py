"""Requests to the signatures of a model, and answers made from their outputs.

Nothing here does I/O. NumPy is imported only when user vectors are asked for, since nothing else of
the client needs it: with it, an installation would be twice as large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc

from serving.client import arguments
from serving.client.answers import Recommendation, Recommendations
from serving.errors import ServingError
from serving.export_contract import SIGNATURES

if TYPE_CHECKING:
    import numpy as np

Outputs = Mapping[str, list[Any]]  # rows by name, lists or numbers; strings may be bytes


class PredictRequest(NamedTuple):
    """A signature and its inputs by name: lists of numbers or strings, or lists of such lists."""

    signature: str
    inputs: Mapping[str, list[Any]]

    def checked(self, outputs: Outputs) -> Outputs:
        """The outputs, which are those of the signature and have a row for each row of inputs.

        Raises:
            ServingError: INTERNAL: They are not.
        """
        num_rows = len(next(iter(self.inputs.values())))
        contract = SIGNATURES[self.signature]
        for name in [*contract.outputs, *(contract.counts.keys() & outputs.keys())]:
            if name not in outputs or len(outputs[name]) != num_rows:
                raise ServingError(
                    grpc.StatusCode.INTERNAL,
                    f"{self.signature} answers without {num_rows} rows of {name}; "
                    "is it a model of another kind?",
                )
        return outputs


def history_request(
    signature: str, histories: Sequence[Sequence[str]], width: int
) -> PredictRequest:
    """The request to a signature whose only input are histories."""
    return PredictRequest(signature, {"history": padded(histories, width)})


class SimilarItemsRequest(NamedTuple):
    """Items whose neighbours are asked for.

    Args:
        items: An item a row.
        k: Neighbours of each.
    """

    items: Sequence[str]
    k: int

    @classmethod
    def of_items(cls, items: Any, k: Any) -> SimilarItemsRequest:
        """The request from what a caller gave; refuses it by the argument's name."""
        return cls(arguments.item_ids("items", items), arguments.whole_number("k", k, at_least=1))

    def part(self, rows: range) -> PredictRequest:
        """The request for some of the rows."""
        items = list(self.items[rows.start : rows.stop])
        return PredictRequest("similar_items", {"item": items, "k": [self.k] * len(items)})


def best_of(outputs: Outputs, k: int, history_items: Sequence[int]) -> list[Recommendations]:
    """The k best of each row; blanks, which fill up a row, come last and are left out.

    Args:
        outputs: Of a signature that answers with the best items.
        k: Items to answer with.
        history_items: How many items a row sent.
    """
    known = outputs.get("known_items", [None] * len(history_items))
    rows = zip(outputs["item_ids"], outputs["scores"], known, history_items, strict=True)
    return [
        Recommendations(
            (
                Recommendation(text(item_id), score)
                for item_id, score in zip(ids[:k], scores[:k], strict=True)
                if item_id
            ),
            known_items,
            count,
        )
        for ids, scores, known_items, count in rows
    ]


def need_numpy() -> None:
    """Called before vectors are asked for.

    Raises:
        ModuleNotFoundError: NumPy is not installed; the message says what to do.
    """
    try:
        import numpy as np  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "User vectors are arrays of NumPy, which is not installed: pip install numpy",
            name=error.name,
        ) from error


def vectors(outputs: Outputs) -> np.ndarray:
    """Float32, a row for each history."""
    import numpy as np

    return np.array(outputs["vector"], np.float32)


def stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of all parts; of no part, an array without rows and columns."""
    import numpy as np

    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def text(value: str | bytes) -> str:
    """Bytes that are not UTF-8 become surrogates."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def padded(histories: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """The newest items of each history, filled up with "" at the right."""
    return [[*history[-width:], *[""] * (width - len(history))] for history in histories]
