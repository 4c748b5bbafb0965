"""Gathers the rows of records in plain lists, and turns many of them into arrays at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow
import pyarrow.compute
from tensorflow_serving.apis import prediction_log_pb2

from pipeline.jobs.request_log.tensors import integers, strings
from serving.export_contract import DEFAULT_SIGNATURE

_LARGE = 1_000_000
_BEST_OF_ALL = (DEFAULT_SIGNATURE, "recommend")
"""The signatures whose answers are the best items of the whole catalogue."""


class RowPart(NamedTuple):
    """Some rows. The columns are those of `Requests`, but items are of `words` still.

    Attributes:
        words: Raw ids, a pyarrow dictionary array: those of all histories, then those of `best`,
            row by row.
    """

    words: pyarrow.DictionaryArray
    version: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    known_items: npt.NDArray[np.int32]
    best: npt.NDArray[np.int32]
    history_items: npt.NDArray[np.int32]

    @classmethod
    def joined(cls, parts: list[RowPart]) -> tuple[RowPart, list[str]]:
        """Puts parts together; returns the whole, its items numbered, and their raw ids."""
        words = pyarrow.chunked_array([part.words for part in parts]).unify_dictionaries()
        codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in words.chunks]
        histories, best = [], []
        for part, numbers in zip(parts, codes, strict=True):
            length = part.lengths.sum()
            histories.append(numbers[:length])
            filled = part.best.copy()
            filled[part.best >= 0] = numbers[length:]
            best.append(filled)
        whole = cls(
            words=words,
            version=np.concatenate([part.version for part in parts]),
            time=np.concatenate([part.time for part in parts]),
            lengths=np.concatenate([part.lengths for part in parts]),
            known_items=np.concatenate([part.known_items for part in parts]),
            best=np.concatenate(best),
            history_items=np.concatenate(histories),
        )
        raw = words.chunk(0).dictionary.to_pylist()
        ids = [word.decode("utf-8", "surrogateescape") for word in raw]  # as `item_ids` reads them
        return whole, ids


class RowBuilder:
    """Gathers rows.

    Args:
        best: How many items of an answer are kept.

    Attributes:
        width: The most items that a history had room for.
    """

    def __init__(self, best: int) -> None:
        self._best = best
        self.width = 0
        self._clear()

    @property
    def is_large(self) -> bool:
        """Whether it is time for `part`."""
        return len(self._cells) > _LARGE

    def add(self, log: prediction_log_pb2.PredictionLog, version: int) -> tuple[str, int]:
        """Adds the rows of a record.

        Args:
            log: The record.
            version: The number of what has answered.

        Returns:
            The signature, or the kind of a record that is none of Predict, and the number of rows,
            0 for a signature without histories.

        Raises:
            ValueError: A tensor cannot be read, or the answer does not fit the histories.
        """
        kind = log.WhichOneof("log_type")
        if kind != "predict_log":
            return kind, 0
        request, response = log.predict_log.request, log.predict_log.response
        signature = (
            response.model_spec.signature_name
            or request.model_spec.signature_name
            or DEFAULT_SIGNATURE
        )
        if "history" not in request.inputs:
            return signature, 0
        rows, width, cells = strings(request.inputs["history"], "history")
        known = [-1] * rows
        if "known_items" in response.outputs:
            known = integers(response.outputs["known_items"], "known_items")
            _check_known(known, rows, width, cells)
        asked = 0
        best: Sequence[bytes] = []
        if signature in _BEST_OF_ALL and "item_ids" in response.outputs:
            answered, asked, best = strings(response.outputs["item_ids"], "item_ids")
            if answered != rows:
                raise ValueError(f"has {rows} histories and an answer of {answered} rows")
        self._cells += cells
        self._widths += [width] * rows
        self.width = max(self.width, width)
        self._known += known
        self._versions += [version] * rows
        self._times += [log.log_metadata.timestamp_secs] * rows
        kept = min(asked, self._best)
        self._best_widths += [kept] * rows
        for begin in range(0, rows * asked, asked or 1):
            self._best_cells += best[begin : begin + kept]
        return signature, rows

    def part(self) -> RowPart:
        """The rows that were gathered, which are then forgotten."""
        cells = pyarrow.array(self._cells, pyarrow.binary())
        filled, lengths = _filled(cells, self._widths)
        best_cells = pyarrow.array(self._best_cells, pyarrow.binary())
        best_filled, _ = _filled(best_cells, self._best_widths)
        best = np.full((len(self._widths), self._best), -1, np.int32)
        widths = np.array(self._best_widths, np.int64)
        is_place = np.arange(self._best) < widths[:, None]
        best[is_place] = np.where(best_filled, 0, -1)
        words = pyarrow.concat_arrays(
            [cells.filter(pyarrow.array(filled)), best_cells.filter(pyarrow.array(best_filled))]
        )
        part = RowPart(
            words=words.dictionary_encode(),
            version=np.array(self._versions, np.int32),
            time=np.array(self._times, np.int64),
            lengths=lengths,
            known_items=np.array(self._known, np.int32),
            best=best,
            history_items=np.zeros(0, np.int32),
        )
        self._clear()
        return part

    def _clear(self) -> None:
        self._cells: list[bytes] = []
        self._widths: list[int] = []
        self._best_cells: list[bytes] = []
        self._best_widths: list[int] = []
        self._known: list[int] = []
        self._versions: list[int] = []
        self._times: list[int] = []


def _check_known(known: list[int], rows: int, width: int, cells: Sequence[bytes]) -> None:
    if len(known) != rows:
        raise ValueError(f"has {rows} histories and known_items of {len(known)}")
    for row, count in enumerate(known):
        items = width - cells[row * width : (row + 1) * width].count(b"")
        if not 0 <= count <= items:
            raise ValueError(f"has known_items of {count} for a history of {items} items")


def _filled(
    cells: pyarrow.Array, widths: list[int]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Which cells hold an id, and how many of each row do."""
    filled = pyarrow.compute.binary_length(cells).to_numpy(zero_copy_only=False) > 0
    ends = np.concatenate([[0], np.cumsum(widths, dtype=np.int64)])
    before = np.concatenate([[0], np.cumsum(filled)])
    return filled, np.diff(before[ends])
