"""The directions in which most of what tells scores apart lies."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_STEP = 8
"""Directions are a multiple of it, as are the registers that multiply."""

_COST_OF_SCORING = 200
"""What an item's exact score costs, by coordinate, against a coordinate of a bound.

Vectors here and there are fetched for the one, and a product runs through a table for the other.
Measured with a million items: about 15 for one history, 300 for 64 at once.
"""


class BalancedDirections(NamedTuple):
    """Two changes of basis that leave every inner product as it is: (A'e)·(B'v) = e·v.

    In the new basis the second moments of both sides are the same diagonal matrix, which falls. So
    the first coordinates tell most of an inner product, and by Cauchy and Schwarz the lengths of
    the rest bound what is missing.

    Attributes:
        of_items: float64 `[d, d]`, A; a row vector e becomes e A.
        of_queries: float64 `[d, d]`, B.
    """

    of_items: npt.NDArray[np.float64]
    of_queries: npt.NDArray[np.float64]


def balanced_directions(
    items: npt.NDArray[np.floating], queries: npt.NDArray[np.floating]
) -> BalancedDirections:
    """The directions for vectors of two kinds that are multiplied with each other.

    This is balanced truncation of linear systems (Moore, 1981), here of the product of two tables.

    Args:
        items: `[N, d]`, vectors of items.
        queries: `[Q, d]`, vectors of histories.
    """
    root = np.linalg.cholesky(_moments(items))
    strength, rotation = np.linalg.eigh(root.T @ _moments(queries) @ root)
    order = np.argsort(-strength)
    strength, rotation = np.maximum(strength[order], 0), rotation[:, order]
    # Rounding may leave nothing of the weakest, and nothing can be divided by it.
    scale = np.maximum(strength, 1e-12 * strength[0]) ** 0.25
    return BalancedDirections(np.linalg.solve(root.T, rotation) * scale, root @ rotation / scale)


def quickest_count(
    items: npt.NDArray[np.floating],
    queries: npt.NDArray[np.floating],
    directions: BalancedDirections,
    k: int,
) -> int:
    """Of how many leading directions bounds find the k best items at the least cost.

    With few, the bounds are quick, but many items reach the k-th best score and must be scored;
    with all, no bound is above its score.

    Args:
        items: `[N, d]`, vectors of some of the items.
        queries: `[Q, d]`, vectors of some histories.
        directions: Those of both.
        k: The best of these items are those at or above the k-th score.
    """
    dim = items.shape[1]
    scores = queries @ items.T
    threshold = -np.partition(-scores, k - 1, axis=1)[:, [k - 1]]
    items, queries = items @ directions.of_items, queries @ directions.of_queries
    known = np.zeros_like(scores)
    costs = {}
    for begin in range(0, dim, _STEP):
        count = min(begin + _STEP, dim)
        known += queries[:, begin:count] @ items[:, begin:count].T
        rest = np.outer(
            np.linalg.norm(queries[:, count:], axis=1), np.linalg.norm(items[:, count:], axis=1)
        )
        reached = np.mean(known + rest >= threshold) - k / len(items)
        costs[count] = count + _COST_OF_SCORING * dim * float(reached)
    return min(costs, key=costs.__getitem__)


def _moments(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    vectors = vectors.astype(np.float64)
    moments = vectors.T @ vectors / len(vectors)
    dim = len(moments)
    # Positive definite, whatever the vectors.
    return moments + (1e-9 * np.trace(moments) / dim + 1e-30) * np.eye(dim)
