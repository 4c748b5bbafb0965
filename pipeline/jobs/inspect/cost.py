"""What a run will take, estimated from measurements on two cores (BUILD_NOTES.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.components.example_gen.event_log.log_report import LogTotals

# "Preprocessing against size": seconds of the start, and of all components an event.
_START_SECONDS, _SECONDS_AN_EVENT = 60, 150e-6
_GB_WITHOUT_DATA, _GB_AN_EVENT = 1.2, 0.2e-6
# "Cost against size": seconds of an epoch of Beauty's 131,413 predictions, by items.
_PREDICTIONS = 131_413
_ITEMS, _EPOCH_SECONDS = (10_000, 100_000, 1_000_000), (12.4, 51.9, 583.0)
_TRAINER_GB, _GB_AN_ITEM, _GB_A_USER = 1.6, 2.7e-6, 0.4e-6


@dataclass(frozen=True)
class Cost:
    """Seconds and memory of a run with the default model.

    Attributes:
        preprocessing: Seconds from the log to what is trained on.
        epoch: Seconds of one epoch.
        gigabytes: The most memory that a component needs.
    """

    preprocessing: float
    epoch: float
    gigabytes: float


def growth(numbers: npt.NDArray[np.int32]) -> float:
    """By which power of the events the number of different users or items grows.

    1 where the second half of the events has as many new ones as the first, 0 where it has none
    (the law of Heaps, from two points).

    Args:
        numbers: int32 `[N]`, of a user or an item each, from 0 as they first appear.
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
    """Estimates what a run takes.

    Args:
        log: How much is read.
        left: How much the k-core leaves.
        scale: How many times as much the whole log is.
        user_growth, item_growth: By which powers of it users and items grow.
    """
    events = log.events * scale
    items, users = left.items * scale**item_growth, left.users * scale**user_growth
    predictions = max(left.events * scale - 3 * users, 0)
    x, known_x, known_y = (np.log(values) for values in (max(items, 1), _ITEMS, _EPOCH_SECONDS))
    seconds = float(np.exp(np.interp(x, known_x, known_y)))
    seconds *= max(items / _ITEMS[-1], 1)
    return Cost(
        preprocessing=_START_SECONDS + _SECONDS_AN_EVENT * events,
        epoch=seconds * predictions / _PREDICTIONS,
        gigabytes=max(
            _GB_WITHOUT_DATA + _GB_AN_EVENT * events,
            _TRAINER_GB + _GB_AN_ITEM * items + _GB_A_USER * users,
        ),
    )
