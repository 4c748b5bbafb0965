"""The tables of what is recommended, besides how accurately: metrics by who recommends."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.components.evaluator import category_similarity
from pipeline.components.evaluator.list_features import MODEL
from pipeline.components.evaluator.recommendation_metrics import (
    LABELS,
    METRICS,
    name_of,
    policy_of,
)
from pipeline.components.evaluator.results import SliceResult
from pipeline.components.evaluator.slices import ALL_USERS

CUTOFF = 10

MEANINGS = {
    "coverage": "the share of the catalogue that is recommended to anybody; more is more varied. "
    "The fewer users a slice has, the less it can be.",
    "gini": "how unevenly recommendations are spread over the catalogue, from 0, every item as "
    "often, to 1, the same item for all; less is more even.",
    "mean_popularity": "the share of training users who had a recommended item; less shows items "
    "that fewer know.",
    "novelty": "the same in bits, -log2 of that share, in which rare items weigh more; more is "
    "newer to users.",
    "intra_list_similarity": "the mean cosine of the new model's vectors of each two items of a "
    "list; less is more diverse. Vectors differ from run to run: compare within this page only.",
    category_similarity.METRIC: "the mean cosine of each two items of a list by the categories of "
    "--items: how many values they share; less is more diverse, on every page by the same measure.",
    "repeat_share": "the share of the best of all items that the history holds already; neither "
    "more nor less is better, it tells how much is left out when items of the history are.",
}

_LABELS = LABELS | {category_similarity.METRIC: category_similarity.LABEL}

Row = tuple[str, Sequence[float | None]]


class Recommended(NamedTuple):
    """What the page shows.

    Attributes:
        by_cutoff: The rows of all users, for each of `CUTOFFS`.
        by_slice: The rows of each other slice, at `CUTOFF`.
    """

    by_cutoff: dict[int, list[Row]]
    by_slice: dict[str, list[Row]]


def recommended_tables(results: Mapping[str, SliceResult]) -> Recommended | None:
    """The values of the model, of the latest blessed one if there is one, and of the baselines.

    Args:
        results: The evaluation by slice.

    Returns:
        The tables; a value that is not known is None. None if an earlier version evaluated, which
        had no such metrics.
    """
    everybody = results.get(ALL_USERS)
    if everybody is None or name_of(MODEL, METRICS[0], CUTOFF) not in everybody.metrics:
        return None
    return Recommended(
        by_cutoff={cutoff: _rows(everybody, cutoff) for cutoff in CUTOFFS},
        by_slice={
            name: _rows(result, CUTOFF) for name, result in results.items() if name != ALL_USERS
        },
    )


def meanings(results: Mapping[str, SliceResult]) -> list[tuple[str, str, str]]:
    """Label, policy and meaning of each metric.

    Args:
        results: The evaluation by slice.
    """
    everybody = results.get(ALL_USERS)
    shown = _shown(everybody) if everybody else METRICS
    return [(_LABELS[metric], policy_of(metric), MEANINGS[metric]) for metric in shown]


def _shown(result: SliceResult) -> Sequence[str]:
    """The metrics of a slice: that by categories only if the items have some."""
    by_categories = name_of(MODEL, category_similarity.METRIC, CUTOFF) in result.metrics
    return (*METRICS, category_similarity.METRIC) if by_categories else METRICS


def _rows(result: SliceResult, cutoff: int) -> list[Row]:
    rows: list[Row] = []
    for metric in _shown(result):
        own = name_of(MODEL, metric, cutoff)
        values: list[float | None] = [result.metrics.get(own)]
        if result.latest_blessed_metrics:
            values.append(result.latest_blessed_metrics.get(own))
        values += [result.metrics.get(name_of(b, metric, cutoff)) for b in result.baselines]
        rows.append((_LABELS[metric], values))
    return rows
