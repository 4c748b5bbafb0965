"""The measures: how far two distributions are apart, and intervals of shares."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

_BINS = (0, 1, 2, 3, 5, 9, 17, 33, 65, 129, 257, 513)
"""The first length of each group: 0, 1, 2, 3–4, 5–8, …"""
_LARGEST_ITEMS = 100


class Rate(NamedTuple):
    """A share with its interval.

    Attributes:
        hits: How many there are.
        of: Out of how many.
        low: The lower end of the interval.
        high: The upper end.
    """

    hits: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.of


def divergence(one: npt.NDArray[np.number], other: npt.NDArray[np.number]) -> float:
    """The Jensen-Shannon divergence of two distributions, in bits: from 0, alike, to 1.

    It is that of TensorFlow Data Validation: (KL(p‖m) + KL(q‖m)) / 2 with m = (p + q) / 2 and
    logarithms to the base 2 (Lin, Divergence Measures Based on the Shannon Entropy, 1991).

    Args:
        one: Counts, any shape, not all 0.
        other: Counts of the same shape, not all 0.

    Example:

    >>> import numpy as np
    >>> from pipeline.jobs.watch.measures import divergence
    >>> divergence(np.array([1, 1]), np.array([5, 5]))
    0.0
    >>> divergence(np.array([1, 0]), np.array([0, 1]))
    1.0
    """
    p, q = one / one.sum(), other / other.sum()
    m = (p + q) / 2

    def from_middle(x: npt.NDArray[np.floating]) -> float:
        is_there = x > 0
        return float((x[is_there] * np.log2(x[is_there] / m[is_there])).sum())

    return min(max((from_middle(p) + from_middle(q)) / 2, 0.0), 1.0)


def length_groups(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """How many histories have a length of each group of `group_names`."""
    places = np.searchsorted(_BINS, lengths, side="right") - 1
    return np.bincount(places, minlength=len(_BINS))


def group_names() -> list[str]:
    """The groups of lengths in words, rising."""
    lasts = [first - 1 for first in _BINS[1:]]
    ranges = zip(_BINS, lasts, strict=False)
    names = [str(first) if first == last else f"{first}–{last}" for first, last in ranges]
    return [*names, f"{_BINS[-1]}+"]


def item_divergence(
    one: npt.NDArray[np.integer], other: npt.NDArray[np.integer], num_items: int
) -> float:
    """The divergence of two distributions over items, of which only the largest stand alone.

    The 100 items with the largest share in either are compared one by one and all others as one,
    because the divergence over a whole catalogue is large between any two small samples.

    Args:
        one: Numbers of items from 0, one for each time that an item was seen.
        other: The same of what it is compared with.
        num_items: How many items there are.
    """
    first, second = (np.bincount(items, minlength=num_items) for items in (one, other))
    share = np.maximum(first / first.sum(), second / second.sum())
    largest = np.argsort(-share, kind="stable")[:_LARGEST_ITEMS]
    rest = [np.append(x[largest], x.sum() - x[largest].sum()) for x in (first, second)]
    return divergence(*rest)


def rate(
    hits: npt.NDArray[np.bool_], users: npt.NDArray[np.integer], confidence: float = 0.95
) -> Rate | None:
    """A share of predictions that were hits, with Wilson's interval.

    A user's predictions resemble each other, so the number of predictions in Wilson's formula
    (Probable Inference, 1927) is divided by Kish's design effect (Survey Sampling, 1965): the
    variance between users over that of as many independent predictions, at least 1.

    Args:
        hits: bool `[N]`.
        users: int `[N]`, whose each one is.
        confidence: Of the two-sided interval.

    Returns:
        None where there is no prediction.
    """
    n = len(hits)
    if not n:
        return None
    share = float(hits.mean())
    _, owner = np.unique(users, return_inverse=True)
    of_user = np.bincount(owner, weights=hits - share)
    alone = share * (1 - share) / n
    effect = 1.0
    if len(of_user) < 2:
        effect = float(n)  # nothing is known of other users
    elif alone > 0:
        between = (of_user**2).sum() / n**2 * len(of_user) / (len(of_user) - 1)
        effect = max(1.0, float(between) / alone)
    else:  # all alike: as many independent predictions as there are users
        effect = n / len(of_user)
    low, high = _wilson(share, n / effect, confidence)
    return Rate(int(hits.sum()), n, low, high)


def _wilson(share: float, n: float, confidence: float) -> tuple[float, float]:
    z = float(stats.norm.ppf((1 + confidence) / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)
