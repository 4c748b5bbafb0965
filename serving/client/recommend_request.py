"""The requests for recommendations, made from what a caller gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from serving.client import arguments
from serving.client.answers import Recommendations
from serving.client.predict_requests import (
    Outputs,
    PredictRequest,
    best_of,
    history_request,
    padded,
)
from serving.export_contract import HISTORY_LENGTH


class RecommendRequest(NamedTuple):
    """What to recommend for, row by row.

    Args:
        histories: A row's history.
        exclude: The items to leave out.
        k: Items to answer with.
        keep_seen: Whether items of the history may be recommended.
        candidates: The items to choose from; None for all.
        candidate_set: The name of an item set of the export, whose items are candidates, too; ""
            for none.
        width: Columns of the export's input `history`.
    """

    histories: Sequence[Sequence[str]]
    exclude: Sequence[Sequence[str]]
    k: int
    keep_seen: bool
    candidates: Sequence[Sequence[str]] | None = None
    candidate_set: str = ""
    width: int = HISTORY_LENGTH

    @classmethod
    def of_history(
        cls,
        history: Any,
        k: Any,
        exclude: Any,
        keep_seen: Any,
        candidates: Any = None,
        candidate_set: Any = None,
    ) -> RecommendRequest:
        """The request of one row, from what a caller gave; refuses it by the argument's name."""
        return cls(
            [arguments.item_ids("history", history)],
            [[] if exclude is None else arguments.item_ids("exclude", exclude, any_order=True)],
            arguments.whole_number("k", k, at_least=1),
            arguments.flag("keep_seen", keep_seen),
            None
            if candidates is None
            else [arguments.item_ids("candidates", candidates, any_order=True)],
            _set_name(candidate_set),
        )

    @classmethod
    def of_histories(
        cls,
        histories: Any,
        k: Any,
        exclude: Any,
        keep_seen: Any,
        candidates: Any = None,
        candidate_set: Any = None,
    ) -> RecommendRequest:
        """The request of any number of rows, in the same way."""
        rows = arguments.rows("histories", histories)
        return cls(
            rows,
            [[]] * len(rows) if exclude is None else _a_row_each("exclude", exclude, rows),
            arguments.whole_number("k", k, at_least=1),
            arguments.flag("keep_seen", keep_seen),
            None if candidates is None else _a_row_each("candidates", candidates, rows),
            _set_name(candidate_set),
        )

    @classmethod
    def of_ranking(cls, history: Any, items: Any) -> RecommendRequest:
        """The request to rank some items, none of which is left out."""
        ids = arguments.item_ids("items", items, any_order=True)
        return cls(
            [arguments.item_ids("history", history)],
            [[]],
            max(len(ids), 1),
            keep_seen=True,
            candidates=[ids],
        )

    @property
    def items_per_row(self) -> int:
        """How many items a row sends or is answered with, so that a request has a sensible size."""
        listed = max(map(len, self.candidates), default=0) if self.candidates is not None else 0
        return max(self.k, listed)

    def part(self, rows: range) -> RecommendRequest:
        """The same for some of the rows."""
        part = slice(rows.start, rows.stop)
        return self._replace(
            histories=self.histories[part],
            exclude=self.exclude[part],
            candidates=None if self.candidates is None else self.candidates[part],
        )

    def without_options(self) -> PredictRequest | None:
        """The request to `serving_default`; None where that signature has no way to say it."""
        if self.keep_seen or self._is_among or any(len(items) for items in self._unwanted()):
            return None
        return history_request("serving_default", self.histories, self.width)

    def with_options(self) -> PredictRequest:
        """The request to `recommend`, or, where there are candidates, to `recommend_among`."""
        count = len(self.histories)
        inputs: dict[str, list[Any]] = {
            "history": padded(self.histories, self.width),
            "exclude": _filled(self._unwanted()),
            "k": [self.k] * count,
            "keep_seen": [self.keep_seen] * count,
        }
        if not self._is_among:
            return PredictRequest("recommend", inputs)
        candidates = self.candidates or [[]] * count
        inputs["candidates"] = _filled(candidates, at_least=1)
        inputs["candidate_set"] = [self.candidate_set] * count
        return PredictRequest("recommend_among", inputs)

    def answers(self, outputs: Outputs) -> list[Recommendations]:
        """The k best of each row."""
        return best_of(outputs, self.k, [min(len(h), self.width) for h in self.histories])

    @property
    def _is_among(self) -> bool:
        return self.candidates is not None or bool(self.candidate_set)

    def _unwanted(self) -> list[Sequence[str]]:
        """What to exclude; also what is too long ago for the model to read that it was seen."""
        if self.keep_seen or all(len(items) <= self.width for items in self.histories):
            return list(self.exclude)
        return [
            list(dict.fromkeys([*history[: -self.width], *own]))
            for history, own in zip(self.histories, self.exclude, strict=True)
        ]


def _filled(lists: Sequence[Sequence[str]], at_least: int = 0) -> list[list[str]]:
    """The lists, filled up with "" at the right to the longest."""
    columns = max(at_least, *map(len, lists))
    return [[*items, *[""] * (columns - len(items))] for items in lists]


def _a_row_each(name: str, value: Any, histories: Sequence[Sequence[str]]) -> list[list[str]]:
    lists = arguments.rows(name, value, any_order=True)
    if len(lists) != len(histories):
        raise ValueError(f"{name} has {len(lists)} rows for {len(histories)} histories")
    return lists


def _set_name(value: Any) -> str:
    return "" if value is None else arguments.text("candidate_set", value)
