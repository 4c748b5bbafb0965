"""What each user's list is worth in the metrics that are means over users.

The formulas and their sources are at the head of `mclrec_tf.evaluation.beyond_accuracy`.
"""

import itertools

import numpy as np
import numpy.typing as npt

from mclrec_tf.evaluation.catalogue import Catalogue
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS

OF_USERS = ("mean_popularity", "novelty", "intra_list_similarity", "repeat_share")


def user_values(
    items: npt.NDArray[np.int32], catalogue: Catalogue, repeated: npt.NDArray[np.integer] | None
) -> npt.NDArray[np.float64]:
    """The value of each user in each of `OF_USERS`; NaN where there is none.

    Args:
        items: int `[U, K]`, the items recommended to each, best first; 0 where there is none.
        catalogue: What is known of the items.
        repeated: int `[U, C]`, how many of the first items the history holds; None if that is not
            known, negative for a user of whom it is not.

    Returns:
        float64 `[len(OF_USERS), U, C]`, for each of `CUTOFFS`.
    """
    if not items.shape[1]:
        items = np.zeros((len(items), 1), np.int32)
    filled = items > 0
    ends = np.minimum(CUTOFFS, items.shape[1]) - 1

    def up_to(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sums over the first places of each list, `[U, C]`."""
        return np.cumsum(values, axis=1)[:, ends]

    count = up_to(filled.astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        popularity = up_to(catalogue.popularity[items]) / count
        information = up_to(catalogue.self_information[items]) / count
        similarity = np.full_like(count, np.nan)
        if catalogue.vectors is not None:
            similarity = _similarity(items, catalogue.vectors, ends)
        share = np.full_like(count, np.nan)
        if repeated is not None:
            # A list of all items is as long as it can be.
            length = np.minimum(ends + 1, catalogue.num_items)
            share = np.where(repeated < 0, np.nan, repeated / length)
    return np.stack([popularity, information, similarity, share])


def _similarity(
    items: npt.NDArray[np.int32], vectors: npt.NDArray[np.floating], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The mean cosine of the pairs of each list, `[U, C]`, without a table of the pairs.

    Of unit vectors, |Σ v|² is the cosines of all ordered pairs, of which those of a vector with
    itself are taken away.
    """
    found = vectors[items]
    length = np.sqrt(np.einsum("ukd,ukd->uk", found, found, dtype=np.float64))
    is_unit = (length > 0) & (items > 0)
    scale = np.where(is_unit, 1 / np.where(is_unit, length, 1), 0)
    # Sums of what lies between two cutoffs: a sum at every place takes five times as long.
    between = [
        np.einsum("ukd,uk->ud", found[:, begin:end], scale[:, begin:end])
        for begin, end in itertools.pairwise([0, *(ends + 1)])
    ]
    sums = np.cumsum(np.stack(between, axis=1), axis=1)
    own = np.cumsum(is_unit, axis=1)[:, ends]
    count = np.cumsum(items > 0, axis=1)[:, ends]
    pairs = np.where(count > 1, count * (count - 1), np.nan)
    return ((sums**2).sum(axis=2) - own) / pairs
