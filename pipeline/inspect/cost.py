"""What a run will take, estimated from measurements on two cores (BUILD_NOTES.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.example_gen.report import LogTotals

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
        preprocessing: seconds from the log to what is trained on.
        epoch: seconds of one epoch.
        gigabytes: the most memory that a component needs.
    """

    preprocessing: float
    epoch: float
    gigabytes: float


def expected_cost(log: LogTotals, left: LogTotals, scale: float = 1.0) -> Cost:
    """Estimates what a run takes.

    Args:
        log: how much is read.
        left: how much the k-core leaves.
        scale: how many times as much the whole log is. Users and items are taken to grow like the
            events, which is the most that they can.
    """
    events = log.events * scale
    items, users = left.items * scale, left.users * scale
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
