"""Requests and answers of many records as columns: a row is one history that a server was asked."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.jobs.request_log.record_files import RequestLogError, prediction_log, raw_records
from pipeline.jobs.request_log.row_builder import RowBuilder, RowPart

BEST = max(CUTOFFS)
"""How many items of an answer are kept."""

_YEAR_10000 = 253_402_300_800


class ModelVersion(NamedTuple):
    """What answered.

    Attributes:
        model: The name of the model.
        version: The number of its version; 0 where a log does not tell it.
    """

    model: str
    version: int


class Asked(NamedTuple):
    """How often a version was asked by a signature.

    Attributes:
        requests: The number of records.
        rows: The number of histories in them; 0 for signatures without histories.
    """

    requests: int
    rows: int


class Requests(NamedTuple):
    """What some files hold. Items are numbers from 0, places in `item_ids`.

    Attributes:
        versions: What has answered, sorted.
        asked: By version and signature.
        answered: Seconds since 1970 of the first and the last answer of a version, by whatever
            signature; versions are left out of which no record has a time.
        sampling_rates: Of each version.
        item_ids: Raw id of each item, of histories and answers; bytes that are no UTF-8 are
            surrogates.
        version: int32 `[N]`, the place of each row's version in `versions`.
        time: int64 `[N]`, seconds since 1970 of the answer; 0 where a log does not tell it.
        histories: The items of each row, oldest first, without padding.
        known_items: int32 `[N]`, how many of them the model knew; -1 where the answer does not say.
        best: int32 `[N, 20]`, the answer's items, best first; -1 for places without an item, and
            where something else was asked for than the best of all items.
        width: The most items that a history had room for.
        notes: What was left out.
    """

    versions: list[ModelVersion]
    asked: dict[ModelVersion, dict[str, Asked]]
    answered: dict[ModelVersion, tuple[int, int]]
    sampling_rates: dict[ModelVersion, set[float]]
    item_ids: list[str]
    version: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    histories: Histories
    known_items: npt.NDArray[np.int32]
    best: npt.NDArray[np.int32]
    width: int
    notes: list[str]

    def take(self, rows: npt.NDArray[np.int64]) -> "Requests":
        """Some of the rows; what is not counted by row stays as it is."""
        return self._replace(
            version=self.version[rows],
            time=self.time[rows],
            histories=self.histories.take(rows),
            known_items=self.known_items[rows],
            best=self.best[rows],
        )


def read_requests(files: Iterable[str], since: int = 0) -> Requests:
    """Reads the logs of one or several servers.

    Args:
        files: TFRecord files of PredictionLog, plain or packed by gzip.
        since: Seconds since 1970; earlier requests have rows, but `asked` and `answered`
            leave them out.

    Raises:
        RequestLogError: A file cannot be read, or holds another kind of record or one that cannot
            be.
    """
    notes: list[str] = []
    builder = RowBuilder(BEST)
    parts: list[RowPart] = []
    records: Counter[tuple[ModelVersion, str]] = Counter()
    rows: Counter[tuple[ModelVersion, str]] = Counter()
    answered: dict[ModelVersion, tuple[int, int]] = {}
    rates: dict[ModelVersion, set[float]] = {}
    numbers: dict[ModelVersion, int] = {}
    for file in files:
        read = 0
        for raw in raw_records(file, notes):
            for record in raw:
                read += 1
                log = prediction_log(record)
                if log is None:
                    raise RequestLogError(
                        f"{file}: record {read:,} is no PredictionLog. Give what a server has "
                        "logged; Examples and event logs are read by --data."
                    )
                metadata, response = log.log_metadata, log.predict_log.response
                spec = response.model_spec if response.HasField("model_spec") else None
                spec = spec or (
                    metadata.model_spec
                    if metadata.HasField("model_spec")
                    else log.predict_log.request.model_spec
                )
                by = ModelVersion(spec.name, spec.version.value)
                number = numbers.setdefault(by, len(numbers))
                time, rate = metadata.timestamp_secs, metadata.sampling_config.sampling_rate
                try:
                    _check_metadata(time, rate)
                    signature, added = builder.add(log, number)
                except ValueError as error:
                    raise RequestLogError(f"{file}: record {read:,} {error}.") from error
                rates.setdefault(by, set()).add(rate)
                if time >= since or not time:
                    records[by, signature] += 1
                    rows[by, signature] += added
                    if time:
                        first, last = answered.get(by, (time, time))
                        answered[by] = min(first, time), max(last, time)
            if builder.is_large:
                parts.append(builder.part())
    parts.append(builder.part())
    versions = sorted(numbers)
    # Numbers of versions were given as they came; their order is that of `versions`.
    places = np.zeros(len(versions), np.int32)
    places[[numbers[by] for by in versions]] = np.arange(len(versions))
    whole, item_ids = RowPart.joined(parts)
    return Requests(
        versions=versions,
        asked={
            by: {
                signature: Asked(count, rows[by, signature])
                for (other, signature), count in sorted(records.items())
                if other == by
            }
            for by in versions
        },
        answered=answered,
        sampling_rates=rates,
        item_ids=item_ids,
        version=places[whole.version] if len(versions) else whole.version,
        time=whole.time,
        histories=Histories.from_lengths(whole.history_items, whole.lengths),
        known_items=whole.known_items,
        best=whole.best,
        width=builder.width,
        notes=notes,
    )


def _check_metadata(time: int, rate: float) -> None:
    if not 0 <= time < _YEAR_10000:
        raise ValueError(f"has timestamp_secs of {time}, which is no number of seconds since 1970")
    if not 0 <= rate <= 1:
        raise ValueError(f"has a sampling_rate of {rate:g}, not from 0 to 1")
