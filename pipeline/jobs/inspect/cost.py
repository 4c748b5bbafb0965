"""The expected time and memory of a run, from measurements on two cores (BUILD_NOTES.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.components.example_gen.event_log.log_report import LogTotals

# "Preprocessing against size" in BUILD_NOTES.md: seconds to start, and for each event.
_START_SECONDS, _SECONDS_AN_EVENT = 60, 150e-6
_GB_WITHOUT_DATA, _GB_AN_EVENT = 1.2, 0.2e-6
# "Cost against size" in BUILD_NOTES.md: seconds for an epoch of 131,413 predictions, as the Beauty
# data set has, by the number of items.
_PREDICTIONS = 131_413
_ITEMS, _EPOCH_SECONDS = (10_000, 100_000, 1_000_000), (12.4, 51.9, 583.0)
# These are of one encoder, and the default model has three: 67 s where two had 45, and 2.6 GB where
# one had 1.2. An item has three vectors of 64 numbers, with what the optimizer keeps of them.
_TIMES_AS_LONG = 3.0
_TRAINER_GB, _GB_AN_ITEM, _GB_A_USER = 3.0, 6.3e-6, 0.4e-6


@dataclass(frozen=True)
class Cost:
    """The expected time and memory of a run with the default model.

    Attributes:
        preprocessing: Seconds from the log to the transformed Examples.
        epoch: Seconds of one epoch.
        gigabytes: The peak memory of a component in GB.
    """

    preprocessing: float
    epoch: float
    gigabytes: float


def growth(numbers: npt.NDArray[np.int32]) -> float:
    """The exponent with which the number of distinct users or items grows with the events.

    It is 1 if the second half of the events has as many new ones as the first, and 0 if it has none
    (Heaps' law, estimated from two points).

    Args:
        numbers: int32 `[N]`, the number of the user or item of each event. Numbers count from 0 in
            the order of first appearance.
    """
    half = numbers[: len(numbers) // 2]
    return float(np.log2((numbers.max() + 1) / (half.max() + 1))) if len(half) else 1.0


def expected_cost(
    log: LogTotals,
    left: LogTotals,
    scale: float = 1.0,
    user_growth: float = 1.0,
    item_growth: float = 1.0,
) -> Cost:
    """Estimates the time and memory of a run.

    Args:
        log: The size of the part of the log that was read.
        left: The size of what the k-core leaves of it.
        scale: The size of the whole log divided by that of the part. 1 by default.
        user_growth, item_growth: The exponents of `growth`. 1 by default.
    """
    events = log.events * scale
    items, users = left.items * scale**item_growth, left.users * scale**user_growth
    predictions = max(left.events * scale - 3 * users, 0)
    x, known_x, known_y = (np.log(values) for values in (max(items, 1), _ITEMS, _EPOCH_SECONDS))
    seconds = float(np.exp(np.interp(x, known_x, known_y)))
    seconds *= max(items / _ITEMS[-1], 1)
    return Cost(
        preprocessing=_START_SECONDS + _SECONDS_AN_EVENT * events,
        epoch=_TIMES_AS_LONG * seconds * predictions / _PREDICTIONS,
        gigabytes=max(
            _GB_WITHOUT_DATA + _GB_AN_EVENT * events,
            _TRAINER_GB + _GB_AN_ITEM * items + _GB_A_USER * users,
        ),
    )
