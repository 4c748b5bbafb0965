"""From histories to the inputs of signatures, and from their outputs to answers; asks nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from serving.client.answers import Recommendation, Recommendations
from serving.client.contract import HISTORY_LENGTH

Outputs = Mapping[str, list[Any]]  # rows by name, lists or numbers; strings may be bytes


class Question(NamedTuple):
    """A signature and its inputs by name: lists of numbers or strings, or lists of such lists."""

    signature_name: str
    inputs: Mapping[str, list[Any]]


class Wishes(NamedTuple):
    """What to recommend for: a history and the items to leave out, row by row."""

    histories: Sequence[Sequence[str]]
    exclude: Sequence[Sequence[str]]
    k: int
    keep_seen: bool

    def part(self, rows: range) -> Wishes:
        """The same for some of the rows."""
        part = slice(rows.start, rows.stop)
        return self._replace(histories=self.histories[part], exclude=self.exclude[part])

    def plain_question(self) -> Question | None:
        """The question to the signature without options; None when it has no way to say it."""
        if self.keep_seen or any(len(items) for items in self._unwanted()):
            return None
        return history_question("serving_default", self.histories)

    def full_question(self) -> Question:
        """The question to the signature with options."""
        rows = self._unwanted()
        width = max(map(len, rows))
        return Question(
            "recommend",
            {
                "history": _padded(self.histories),
                "exclude": [[*row, *[""] * (width - len(row))] for row in rows],
                "k": [self.k] * len(rows),
                "keep_seen": [self.keep_seen] * len(rows),
            },
        )

    def _unwanted(self) -> list[Sequence[str]]:
        """What to exclude; also what is too long ago for the model to read that it was seen."""
        if self.keep_seen or all(len(items) <= HISTORY_LENGTH for items in self.histories):
            return list(self.exclude)
        return [
            list(dict.fromkeys([*history[:-HISTORY_LENGTH], *own]))
            for history, own in zip(self.histories, self.exclude, strict=True)
        ]


def history_question(signature_name: str, histories: Sequence[Sequence[str]]) -> Question:
    """The question to a signature whose only input are histories."""
    return Question(signature_name, {"history": _padded(histories)})


def recommendations(outputs: Outputs, wishes: Wishes) -> list[Recommendations]:
    """The k best of each row; blanks, which fill up a row, come last and are left out."""
    k = wishes.k
    known = outputs.get("known_items", [None] * len(wishes.histories))
    rows = zip(outputs["item_ids"], outputs["scores"], known, wishes.histories, strict=True)
    return [
        Recommendations(
            (
                Recommendation(text(item_id), score)
                for item_id, score in zip(ids[:k], scores[:k], strict=True)
                if item_id
            ),
            known_items,
            min(len(history), HISTORY_LENGTH),
        )
        for ids, scores, known_items, history in rows
    ]


def text(value: str | bytes) -> str:
    """Bytes that are not UTF-8 become surrogates."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _padded(histories: Sequence[Sequence[str]]) -> list[list[str]]:
    """The newest items of each history, filled up with "" at the right."""
    return [
        [*history[-HISTORY_LENGTH:], *[""] * (HISTORY_LENGTH - len(history))]
        for history in histories
    ]
