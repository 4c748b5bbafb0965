"""What recommendations are like besides accurate: spread, popularity, novelty, alikeness, repeats.

All follow from the lists L_u of the k best items of each user u, and from the training users of
each item, of whom p(i) is the share that had item i:

- `coverage`, catalogue coverage: |∪_u L_u| / |I|, the share of the catalogue that anybody is
  recommended (Herlocker et al., TOIS 2004; Ge et al., RecSys 2010).
- `gini`, the Gini index of how often each item of the catalogue is recommended:
  Σ_j (2j - |I| - 1) · n_j / ((|I| - 1) · Σ_j n_j), where n_1 ≤ … ≤ n_|I| are the numbers of lists
  that hold the items, 0 for those that nobody gets. It is 0 if all are recommended equally often
  and 1 if all lists hold one and the same item (Shani and Gunawardana, Recommender Systems
  Handbook, 2011).
- `mean_popularity`: the mean over users of the mean over L_u of p(i) (Yin et al., VLDB 2012, with
  the share of users in place of their number).
- `novelty`, mean self-information in bits: the mean over users of the mean over L_u of -log2 p(i)
  (Zhou et al., PNAS 2010; Vargas and Castells, RecSys 2011).
- `intra_list_similarity`: the mean over users of the mean over the pairs of L_u of the cosine of
  the items' vectors (Ziegler et al., WWW 2005). A vector that is 0 is like no other.
- `repeat_share`: the mean over users of the share of L_u that the user's history holds already. It
  says something under `all_items` only (Anderson et al., WWW 2014, on repeat consumption).

A user without a recommended item, for similarity without two, is not in the mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.data.batches import evaluation_batches, evaluation_order
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.catalogue import Catalogue
from mclrec_tf.evaluation.list_values import OF_USERS, user_values
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.recommended_lists import Lists, repeats
from mclrec_tf.evaluation.spread import gini, lists_of_items

OF_CATALOGUE = ("coverage", "gini")
_USERS_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class ListTotals:
    """Sums over users from which every metric follows, small enough to send to another machine.

    They take 28 bytes for each item that anybody is recommended, and half a kilobyte besides.

    Attributes:
        items: int32 `[n]`, the items that are recommended, in rising order.
        lists: int64 `[n, C]`, how many lists of each of `CUTOFFS` hold them.
        values: float64 `[len(OF_USERS), C, 3]`: how many users have a value, its sum, and the sum
            of its square.
    """

    items: npt.NDArray[np.int32]
    lists: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls,
        items: npt.NDArray[np.int32],
        catalogue: Catalogue,
        repeated: npt.NDArray[np.integer] | None = None,
    ) -> ListTotals:
        """The sums over some users.

        Args:
            items: int `[U, K]`, the items recommended to each, best first, no item twice; 0 where
                there is none. Cutoffs beyond K see K items.
            catalogue: What is known of the items.
            repeated: int `[U, C]`, how many of the first items the history holds, as
                `recommended_lists.repeats` counts them; None if that is not known, negative for a
                user of whom it is not.

        Raises:
            ValueError: An item is not of the catalogue, or a shape does not fit.
        """
        _check(items, catalogue, repeated)
        values = np.zeros((len(OF_USERS), len(CUTOFFS), 3))
        for begin in range(0, len(items), _USERS_AT_ONCE):
            part = slice(begin, begin + _USERS_AT_ONCE)
            own = None if repeated is None else repeated[part]
            per_user = user_values(items[part], catalogue, own)
            known = ~np.isnan(per_user)
            per_user = np.where(known, per_user, 0)
            values += np.stack([known.sum(1), per_user.sum(1), (per_user**2).sum(1)], axis=-1)
        found = [np.unique(items[:, :cutoff], return_counts=True) for cutoff in CUTOFFS]
        return cls(*lists_of_items(found), values)

    @classmethod
    def sum(cls, parts: Iterable[ListTotals]) -> ListTotals:
        """The sums over the users of all parts; of no parts those of no users."""
        parts = list(parts)
        found = [
            (
                np.concatenate([np.zeros(0, np.int32), *(part.items for part in parts)]),
                np.concatenate([np.zeros(0, np.int64), *(part.lists[:, c] for part in parts)]),
            )
            for c in range(len(CUTOFFS))
        ]
        values = np.zeros((len(OF_USERS), len(CUTOFFS), 3))
        return cls(*lists_of_items(found), sum((part.values for part in parts), values))

    def metrics(self, num_items: int) -> dict[str, float]:
        """The metrics by name, `<metric>_at_<k>`; NaN where there is nothing to tell them from.

        Args:
            num_items: |I|.
        """
        results: dict[str, float] = {}
        for c, cutoff in enumerate(CUTOFFS):
            results[f"coverage_at_{cutoff}"] = np.count_nonzero(self.lists[:, c]) / num_items
            results[f"gini_at_{cutoff}"] = gini(self.lists[:, c], num_items)
            for metric, (count, total, _) in zip(OF_USERS, self.values[:, c], strict=True):
                results[f"{metric}_at_{cutoff}"] = float(total / count) if count else np.nan
        return results

    def standard_errors(self) -> dict[str, float]:
        """The standard errors of the means over users, by name; NaN with fewer than two users."""
        results = {}
        for metric, by_cutoff in zip(OF_USERS, self.values, strict=True):
            for cutoff, (count, total, squares) in zip(CUTOFFS, by_cutoff, strict=True):
                variance = max(squares - total**2 / count, 0) / (count - 1) if count > 1 else np.nan
                results[f"{metric}_at_{cutoff}"] = float(np.sqrt(variance / max(count, 1)))
        return results


def summarize_lists(
    lists: Lists, catalogue: Catalogue, histories: Histories | None = None
) -> dict[str, float]:
    """All metrics at 5, 10 and 20 under both policies, by name.

    Args:
        lists: What each user is recommended, as `recommend_lists` tells. Either part may be None
            if it is not known. A list shorter than 20 is what the longer cutoffs see, too.
        catalogue: What is known of the items. Without vectors there is no similarity.
        histories: What is known of each user. None leaves out the share of repeats.

    Returns:
        `{all,unseen}_items_<metric>_at_<k>`; the share of repeats under `all_items` only.

    Raises:
        ValueError: An item is not of the catalogue, or there is not one list a user.

    Example:

    ```python
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.evaluation.baselines import Popularity
    from mclrec_tf.evaluation.beyond_accuracy import summarize_lists
    from mclrec_tf.evaluation.catalogue import Catalogue
    from mclrec_tf.evaluation.recommended_lists import recommend_lists

    train = Histories.from_lists([[1, 2, 1], [1]])
    lists = recommend_lists(Popularity(num_items=40), train)
    found = summarize_lists(lists, Catalogue.from_histories(train, 40), train)
    found["all_items_coverage_at_10"], found["all_items_repeat_share_at_5"]  # (0.25, 0.3)
    ```
    """
    results = {}
    for policy, items in lists._asdict().items():
        if items is None:
            continue
        repeated = None
        if policy == "all_items" and histories is not None:
            repeated = _repeats_of(items, histories)
        totals = ListTotals.of(items, catalogue, repeated)
        values = totals.metrics(catalogue.num_items)
        if repeated is None:
            values = {k: v for k, v in values.items() if not k.startswith("repeat_share")}
        if catalogue.vectors is None:
            values = {k: v for k, v in values.items() if not k.startswith("intra_list")}
        results.update({f"{policy}_{name}": value for name, value in values.items()})
    return results


def _repeats_of(items: npt.NDArray[np.int32], histories: Histories) -> npt.NDArray[np.int32]:
    """`repeats` of all users, longest history first, so that a batch has little padding."""
    if len(items) != len(histories):
        raise ValueError(
            f"lists and histories must have one row a user, got {len(items)} and {len(histories)}."
        )
    found = np.zeros((len(items), len(CUTOFFS)), np.int32)
    users = evaluation_order(histories)
    batches = evaluation_batches(histories, np.zeros(len(histories), np.int32))
    for history, _ in batches:
        batch, users = np.split(users, [len(history)])
        found[batch] = repeats(tf.constant(items[batch]), history).numpy()
    return found


def _check(
    items: npt.NDArray[np.int32], catalogue: Catalogue, repeated: npt.NDArray[np.integer] | None
) -> None:
    if items.ndim != 2 or items.dtype.kind not in "iu":
        raise ValueError(f"lists must be ids of the shape [U, K], got {items.dtype} {items.shape}.")
    least, most = items.min(initial=0), items.max(initial=0)
    if least < 0 or most > catalogue.num_items:
        raise ValueError(
            f"lists: item {least if least < 0 else most} is not among the {catalogue.num_items} of "
            "the catalogue."
        )
    if repeated is not None and repeated.shape != (len(items), len(CUTOFFS)):
        raise ValueError(
            f"repeated must have the shape [{len(items)}, {len(CUTOFFS)}], got {repeated.shape}."
        )
