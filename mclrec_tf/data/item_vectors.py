"""Vectors of items from who stands near whom, before anything is trained."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_pairs import ItemPairs, item_pairs

_WINDOW, _DECAY = 10, 0.8
_CONTEXT_POWER = 0.75  # of the counts of what stands near, so that rare items do not dominate

# Of the randomised decomposition: columns more than asked for, and rounds.
_MORE_COLUMNS, _ROUNDS = 16, 4


def item_vectors(
    histories: Histories, num_items: int, dim: int, seed: int = 0
) -> npt.NDArray[np.float32]:
    """Factorises the co-occurrence of items: items of like surroundings get like vectors.

    The matrix holds the positive pointwise mutual information of all pairs of items that stand
    within ten places of each other, weighed by their distance. Its `dim` greatest singular values
    are found by a randomised decomposition, so it is never held but as the pairs that occur.

    Args:
        histories: The training part of each user, oldest first.
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        seed: Of the decomposition's first guess.

    Returns:
        float32 `[num_items + 1, dim]`, row i the vector of item i, of mean length 1. An
        item that stands beside no other has 0, as has the padding, and they are not in the mean.

    Raises:
        ValueError: A number is below 1, or an item of the histories is beyond `num_items`.

    Example:

    ```python
    from mclrec_tf.data.histories import Histories
    from mclrec_tf.data.item_vectors import item_vectors

    histories = Histories.from_lists([[1, 2, 3], [2, 3, 1], [4, 5]])
    item_vectors(histories, num_items=5, dim=2).shape  # (6, 2)
    ```

    Reference:
        Levy and Goldberg, NeurIPS 2014 (the matrix); Halko et al., 2011, arXiv 0909.4061.
    """
    check_whole(1, dim=dim)
    pairs = item_pairs(histories, num_items, _WINDOW, _DECAY, both_ways=True)
    vectors = np.zeros((num_items + 1, dim), np.float32)
    if len(pairs.first):
        rank = min(dim, num_items + 1)
        left, values = _decomposed(_mutual_information(pairs, num_items), rank, seed)
        stands_beside_any = np.bincount(pairs.first, minlength=num_items + 1) > 0
        vectors[:, :rank] = np.where(stands_beside_any[:, None], left * np.sqrt(values), 0)
        length = np.linalg.norm(vectors, axis=1)
        vectors /= length[stands_beside_any].mean()
    return vectors


def _mutual_information(pairs: ItemPairs, num_items: int) -> tf.SparseTensor:
    """max(log(P(i, j) / (P(i) · P(j))), 0) of the pairs that occur, `[|I| + 1, |I| + 1]`."""
    total = np.bincount(pairs.first, pairs.weight, minlength=num_items + 1)
    context = total**_CONTEXT_POWER
    context /= context.sum()
    information = np.log(pairs.weight / (total[pairs.first] * context[pairs.second]))
    positive = information > 0
    return tf.SparseTensor(
        np.stack([pairs.first[positive], pairs.second[positive]], axis=1),
        information[positive].astype(np.float32),
        (num_items + 1, num_items + 1),
    )


def _decomposed(
    matrix: tf.SparseTensor, rank: int, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The greatest singular values of a matrix, and their left vectors as columns."""
    columns = min(rank + _MORE_COLUMNS, matrix.shape[0])
    guess = np.random.default_rng(seed).normal(size=(matrix.shape[0], columns))
    found = tf.constant(guess, tf.float32)
    for _ in range(_ROUNDS):
        found = tf.linalg.qr(_times(matrix, found)).q
        found = tf.linalg.qr(_times(matrix, found, transposed=True)).q
    # The columns of `found` now span the right vectors: what is left is a narrow matrix.
    values, left, _ = tf.linalg.svd(_times(matrix, found))
    return left[:, :rank].numpy(), values[:rank].numpy()


def _times(matrix: tf.SparseTensor, other: tf.Tensor, transposed: bool = False) -> tf.Tensor:
    return tf.sparse.sparse_dense_matmul(matrix, other, adjoint_a=transposed)
