"""Sums over users from which the metrics of recommended lists follow; those of parts add up.

The formulas and their sources are at the head of `mclrec_tf.evaluation.beyond_accuracy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mclrec_tf.evaluation.catalogue import Catalogue
from mclrec_tf.evaluation.list_values import OF_USERS, user_values
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS

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
        return cls(*_added(found), values)

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
        return cls(*_added(found), sum((part.values for part in parts), values))

    def metrics(self, num_items: int) -> dict[str, float]:
        """The metrics by name, `<metric>_at_<k>`; NaN where there is nothing to tell them from.

        Args:
            num_items: |I|.
        """
        results = {}
        for c, cutoff in enumerate(CUTOFFS):
            results[f"coverage_at_{cutoff}"] = np.count_nonzero(self.lists[:, c]) / num_items
            results[f"gini_at_{cutoff}"] = gini(self.lists[:, c], num_items)
            for metric, (count, total, _) in zip(OF_USERS, self.values[:, c], strict=True):
                results[f"{metric}_at_{cutoff}"] = total / count if count else np.nan
        return {name: float(value) for name, value in results.items()}

    def standard_errors(self) -> dict[str, float]:
        """The standard errors of the means over users, by name; NaN with fewer than two users."""
        results = {}
        for metric, by_cutoff in zip(OF_USERS, self.values, strict=True):
            for cutoff, (count, total, squares) in zip(CUTOFFS, by_cutoff, strict=True):
                variance = max(squares - total**2 / count, 0) / (count - 1) if count > 1 else np.nan
                results[f"{metric}_at_{cutoff}"] = float(np.sqrt(variance / max(count, 1)))
        return results


def gini(counts: npt.ArrayLike, num_items: int) -> float:
    """The Gini index of how often items are recommended, as in `beyond_accuracy`.

    Args:
        counts: How many lists hold each item, any number of them up to `num_items`; those left
            out count as 0.
        num_items: |I|. The index of a catalogue of one item is 0.

    Returns:
        From 0, equally often, to 1, always the same item; NaN if nothing is recommended.

    Raises:
        ValueError: There are more counts than items.

    Example:

    ```python
    from mclrec_tf.evaluation.list_totals import gini

    gini([3, 3], num_items=2), gini([7], num_items=9)  # (0.0, 1.0)
    ```
    """
    ordered = np.sort(np.asarray(counts, np.float64))
    if len(ordered) > num_items:
        raise ValueError(f"counts has {len(ordered)} items, but num_items is {num_items}.")
    if not ordered.sum():
        return float("nan")
    if num_items == 1:
        return 0.0
    place = np.arange(num_items - len(ordered) + 1, num_items + 1)
    return float((2 * place - num_items - 1) @ ordered / ((num_items - 1) * ordered.sum()))


def _added(
    found: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Items and how often they occur, given with repeats for each cutoff, as one table."""
    items = np.unique(np.concatenate([items for items, _ in found]))
    items = items[items > 0].astype(np.int32)
    lists = np.zeros((len(items), len(found)), np.int64)
    for column, (of_cutoff, counts) in enumerate(found):
        np.add.at(
            lists[:, column],
            np.searchsorted(items, of_cutoff[of_cutoff > 0]),
            counts[of_cutoff > 0],
        )
    return items, lists


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
