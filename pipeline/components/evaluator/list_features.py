"""The names of what a model and the baselines recommend: outputs of an export, or features.

A model's have no prefix and are outputs of its signature `rank_examples`. Those of a baseline are
features of the test Examples, which EvaluationFeatures writes.
"""

from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.components.evaluator.tfma_metrics import BASELINES

LONGEST = max(CUTOFFS)
"""How many items a list needs."""

MODEL = ""


def items_name(who: str) -> str:
    """The items that are not in the history, best first, raw ids; "" where there is none.

    Args:
        who: `MODEL`, or one of `BASELINES`.
    """
    return _named(who, "item_ids")


def repeats_names(who: str) -> list[str]:
    """How many of the best of all items the history holds, for each of `CUTOFFS`.

    Exports of earlier versions do not tell.
    """
    return [_named(who, f"repeats_at_{cutoff}") for cutoff in CUTOFFS]


def _named(who: str, name: str) -> str:
    return f"{who}_{name}" if who else name


LIST_FEATURES = tuple(
    name for baseline in BASELINES for name in (items_name(baseline), *repeats_names(baseline))
)
