"""A small model and a log whose next item is certain."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf import MCLRec, PostNormSASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.layers import View
from mclrec_tf.training.update_rules import Batch

ITEMS = 12

HISTORY = [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 0, 0], [3, 4, 5, 0, 0, 0], [11, 12, 0, 0, 0, 0]]
TARGETS = [[2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 0, 0], [4, 5, 6, 0, 0, 0], [12, 1, 0, 0, 0, 0]]


def ring_walks(users: int = 80) -> Histories:
    """Users who walk round a ring of items."""
    random = np.random.default_rng(0)
    starts, lengths = random.integers(0, ITEMS, users), random.integers(5, 9, users)
    return Histories.from_lists(
        [
            [(start + step) % ITEMS + 1 for step in range(length)]
            for start, length in zip(starts, lengths, strict=True)
        ]
    )


def make_model(
    preset: str = "paper",
    *,
    dropout: float = 0.1,
    optimizers: tuple[Any, Any] | None = None,
    compile_arguments: dict[str, Any] | None = None,
    **arguments: Any,
) -> MCLRec:
    """A small compiled model, always with the same weights."""
    keras.utils.set_random_seed(5)
    model = MCLRec(
        PostNormSASRec(ITEMS, dim=16, max_length=10, num_layers=1, dropout=dropout),
        preset=preset,
        seed=3,
        **{"lambda_": 0.1, "beta": 0.1, **arguments},
    )
    encoder, augmenters = optimizers or (
        keras.optimizers.Adam(0.01),
        keras.optimizers.Adam(0.01),
    )
    model.compile(encoder, augmenters, **(compile_arguments or {}))
    return model


def make_batch(model: MCLRec) -> Batch:
    """Four users of the ring, with views that do not change from call to call."""
    history, targets = tf.constant(HISTORY), tf.constant(TARGETS)
    first = View(tf.constant(HISTORY)[:, ::1], tf.constant([6, 4, 3, 2]))
    masked = tf.where(tf.range(6) % 2 == 1, model.encoder.item_embedding.mask_token, history)
    second = View(tf.where(history > 0, masked, 0), tf.constant([6, 4, 3, 2]))
    crop = tf.where(tf.range(6) < (first.lengths[:, None] + 1) // 2, history, 0)
    return Batch(history, targets, (View(crop, (first.lengths + 1) // 2), second))


def values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [variable.numpy() for variable in variables]


def changes(before: list[np.ndarray], variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.asarray(v) - old for v, old in zip(variables, before, strict=True)]


def all_variables(model: MCLRec) -> list[keras.Variable]:
    return model.weights + model.optimizer.variables + model.augmenter_optimizer.variables


def assert_same(first: MCLRec, second: MCLRec) -> None:
    for a, b in zip(all_variables(first), all_variables(second), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
