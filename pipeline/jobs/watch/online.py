"""How often the event that followed an answer was among its items."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.jobs.request_log.requests import Requests
from pipeline.jobs.watch.events import Events
from pipeline.jobs.watch.measures import Rate, rate
from pipeline.jobs.watch.outcomes import AMBIGUOUS, EMPTY, PENDING, UNMATCHED


class Online(NamedTuple):
    """What followed the answers of a version.

    Attributes:
        joined: How many answers have an outcome, by 0, and how many have none, by what
            `outcomes.join` calls the reason.
        predictions: How many of those with an outcome count: of several answers before one event,
            the last.
        hit_rates: The online hit rate by cutoff, of answers with as many items.
    """

    joined: dict[int, int]
    predictions: int
    hit_rates: dict[int, Rate | None]


def online_rates(
    rows: Requests,
    outcome: npt.NDArray[np.int64],
    events: Events,
    item_of: npt.NDArray[np.int64],
) -> Online:
    """Judges the answers of a version by what followed them.

    Args:
        rows: What the version was asked and has answered.
        outcome: int64 `[N]`, from `outcomes.join`.
        events: The log.
        item_of: int64, by number of an item in `rows` its number in `events`, or -1.
    """
    answered = np.flatnonzero(rows.best[:, 0] >= 0)
    outcome, best, times = outcome[answered], rows.best[answered], rows.time[answered]
    joined = dict.fromkeys((0, PENDING, AMBIGUOUS, UNMATCHED, EMPTY), 0)
    joined |= Counter(np.minimum(outcome, 0).tolist())
    # The last answer before an event is the one that its user may have seen.
    latest = np.lexsort((times, outcome))
    latest = latest[outcome[latest] >= 0]
    is_last = np.append(np.diff(outcome[latest]) > 0, True)[: len(latest)]
    latest = latest[is_last]
    targets = events.histories.items[outcome[latest]]
    users = np.searchsorted(events.histories.row_splits, outcome[latest], side="right")
    items = np.where(best[latest] >= 0, item_of[best[latest]], -1)
    is_hit = items == targets[:, None]
    places = (best[latest] >= 0).sum(axis=1)
    rates = {}
    for cutoff in CUTOFFS:
        counts = places >= cutoff
        rates[cutoff] = rate(is_hit[counts, :cutoff].any(axis=1), users[counts])
    return Online(joined, len(latest), rates)
