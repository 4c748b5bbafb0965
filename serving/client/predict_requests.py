"""Requests to the signatures of a model, made from histories, and answers made from their outputs.

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
from serving.export_contract import HISTORY_LENGTH, SIGNATURES

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


class RecommendRequest(NamedTuple):
    """What to recommend for: a history and the items to leave out, row by row."""

    histories: Sequence[Sequence[str]]
    exclude: Sequence[Sequence[str]]
    k: int
    keep_seen: bool
    width: int = HISTORY_LENGTH  # columns of the export's input `history`

    @classmethod
    def of_history(cls, history: Any, k: Any, exclude: Any, keep_seen: Any) -> RecommendRequest:
        """The request of one row, from what a caller gave; refuses it by the argument's name."""
        return cls(
            [arguments.item_ids("history", history)],
            [[] if exclude is None else arguments.item_ids("exclude", exclude, any_order=True)],
            arguments.whole_number("k", k, at_least=1),
            arguments.flag("keep_seen", keep_seen),
        )

    @classmethod
    def of_histories(cls, histories: Any, k: Any, exclude: Any, keep_seen: Any) -> RecommendRequest:
        """The request of any number of rows, in the same way."""
        rows = arguments.rows("histories", histories)
        unwanted: list[list[str]] = [[]] * len(rows)
        if exclude is not None:
            unwanted = arguments.rows("exclude", exclude, any_order=True)
        if len(unwanted) != len(rows):
            raise ValueError(f"exclude has {len(unwanted)} rows for {len(rows)} histories")
        return cls(
            rows,
            unwanted,
            arguments.whole_number("k", k, at_least=1),
            arguments.flag("keep_seen", keep_seen),
        )

    def part(self, rows: range) -> RecommendRequest:
        """The same for some of the rows."""
        part = slice(rows.start, rows.stop)
        return self._replace(histories=self.histories[part], exclude=self.exclude[part])

    def without_options(self) -> PredictRequest | None:
        """The request to `serving_default`; None where that signature has no way to say it."""
        if self.keep_seen or any(len(items) for items in self._unwanted()):
            return None
        return history_request("serving_default", self.histories, self.width)

    def with_options(self) -> PredictRequest:
        """The request to `recommend`."""
        rows = self._unwanted()
        columns = max(map(len, rows))
        return PredictRequest(
            "recommend",
            {
                "history": _padded(self.histories, self.width),
                "exclude": [[*row, *[""] * (columns - len(row))] for row in rows],
                "k": [self.k] * len(rows),
                "keep_seen": [self.keep_seen] * len(rows),
            },
        )

    def answers(self, outputs: Outputs) -> list[Recommendations]:
        """The k best of each row; blanks, which fill up a row, come last and are left out."""
        k = self.k
        known = outputs.get("known_items", [None] * len(self.histories))
        rows = zip(outputs["item_ids"], outputs["scores"], known, self.histories, strict=True)
        return [
            Recommendations(
                (
                    Recommendation(text(item_id), score)
                    for item_id, score in zip(ids[:k], scores[:k], strict=True)
                    if item_id
                ),
                known_items,
                min(len(history), self.width),
            )
            for ids, scores, known_items, history in rows
        ]

    def _unwanted(self) -> list[Sequence[str]]:
        """What to exclude; also what is too long ago for the model to read that it was seen."""
        if self.keep_seen or all(len(items) <= self.width for items in self.histories):
            return list(self.exclude)
        return [
            list(dict.fromkeys([*history[: -self.width], *own]))
            for history, own in zip(self.histories, self.exclude, strict=True)
        ]


def history_request(
    signature: str, histories: Sequence[Sequence[str]], width: int
) -> PredictRequest:
    """The request to a signature whose only input are histories."""
    return PredictRequest(signature, {"history": _padded(histories, width)})


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


def _padded(histories: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """The newest items of each history, filled up with "" at the right."""
    return [[*history[-width:], *[""] * (width - len(history))] for history in histories]
