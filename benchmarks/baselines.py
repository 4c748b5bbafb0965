"""The baselines of a quality run; what one leaves open is chosen on the validation split."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from mclrec_tf.data.histories import Splits
from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.decay import CHOSEN_BY, best_decay
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from mclrec_tf.evaluation.offline import rank_targets, summarize


class Baseline(NamedTuple):
    """A baseline that is ready for the test.

    Attributes:
        scorer: The baseline, called like a model.
        validation: Its metrics on the validation split, by name.
        choice: What was chosen and from what, for the file of the result; empty if nothing was.
    """

    scorer: Callable[[tf.Tensor], tf.Tensor]
    validation: dict[str, float]
    choice: dict[str, Any]


def baseline(method: str, splits: Splits, num_items: int) -> Baseline:
    """The baseline of a name; reads the training and the validation split alone.

    Args:
        method: One of `benchmarks.settings.BASELINES`.
        splits: The parts of the log.
        num_items: |I|.
    """
    if method == "transitions":
        return _transitions(splits, num_items)
    scorer = Popularity(num_items) if method == "popularity" else Recency(num_items)
    return Baseline(scorer, summarize(rank_targets(scorer, *splits.validation)), {})


def _transitions(splits: Splits, num_items: int) -> Baseline:
    """The decay with the best metric. The reach stays: half and twice of it gained nothing."""
    counted = ItemTransitions.from_histories(splits.train, num_items)
    best, tried = best_decay(counted, splits.validation)
    choice = {
        "decay": best.decay,
        "reach": best.reach,
        "by": CHOSEN_BY,
        "tried": [
            {"decay": decay, "value": round(metrics[CHOSEN_BY], 6)}
            for decay, metrics in tried.items()
        ],
    }
    return Baseline(best, tried[best.decay], {"choice": choice})
