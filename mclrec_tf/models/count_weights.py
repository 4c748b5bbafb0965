"""The weights with which counts join the scores, learned from held-out items."""

from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.batches import evaluation_batches, held_out_items
from mclrec_tf.data.histories import Histories
from mclrec_tf.models.item_counts import COLD, ItemCounts
from mclrec_tf.models.sequential_recommender import SequentialRecommender

_MOST_STEPS, _TOLERANCE = 25, 1e-7  # of the likelihood, what float32 can tell

# Variance of the weights' prior, 1: keeps a feature that never occurs among the targets, as repeats
# in a log that has none, from a weight of minus infinity.
_PRECISION = 1.0

_CELLS = 2**22  # of a table of one feature held at once


class FittedWeights(NamedTuple):
    """What was learned, and how much likelier the held-out items became; weights of 0 if not.

    Attributes:
        weights: By the `feature_names` of the counts.
        log_likelihood: Mean logarithm of the held-out items' probabilities.
        before: The same for the encoder's scores alone.
    """

    weights: dict[str, float]
    log_likelihood: float
    before: float


def fit_count_weights(
    model: SequentialRecommender,
    histories: Histories,
    targets: npt.ArrayLike,
    max_users: int = 5000,
    seed: int = 0,
) -> FittedWeights:
    """Learns the weights of a model's counts; nothing else of it changes.

    Under the softmax over all items, the held-out items shall be as likely as can be. That is a
    conditional logit model with a handful of weights: a convex problem, which Newton's method
    solves in some steps. The base, the encoder's scores, has a weight in it too, since an encoder
    may be too sure or not sure enough of them; the others are divided by that, so that the base
    stays what it is. Where the held-out items are likelier by the encoder's scores alone,
    all weights become 0. The weight of cold items is learned where a held-out item is cold, and 0
    elsewhere: it would only be pushed down.

    Args:
        model: A trained model that has `counts`.
        histories: What is known of each user before the held-out item.
        targets: int `[U]`, the held-out item of each user, of the validation split. Users whose
            target the catalogue does not hold, or who have no history, teach nothing.
        max_users: A random part of so many is enough for so few weights.
        seed: Of the random part.

    Raises:
        ValueError: The model has no counts, the arguments do not fit together, or no user is left
            to learn from.

    Example:

    ```python
    from mclrec_tf import BSARec, ItemCounts, NextItemModel
    from mclrec_tf.data.histories import Histories, leave_one_out
    from mclrec_tf.models.count_weights import fit_count_weights

    lists = [[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 1]]
    train, validation, test = leave_one_out(Histories.from_lists(lists))
    counts = ItemCounts.from_histories(train, num_items=5)
    model = NextItemModel(BSARec(num_items=5), counts=counts)
    fit_count_weights(model, *validation).weights["next"]
    ```
    """
    check_whole(1, max_users=max_users)
    if model.counts is None:
        raise ValueError("model has no counts: make it with counts=ItemCounts(...).")
    targets = held_out_items(histories, targets)
    users = np.flatnonzero((targets > 0) & (histories.lengths > 0))
    if not len(users):
        raise ValueError("histories: no user has both a history and a target in the catalogue.")
    if len(users) > max_users:
        users = np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))
    batch_size = max(_CELLS // model.num_items, 1)
    batches = evaluation_batches(histories.take(users), targets[users], batch_size)

    with model.items_computed():
        return _fitted(model.counts, _LogLikelihood(model, batches), targets[users])


def _fitted(
    counts: ItemCounts, log_likelihood: "_LogLikelihood", targets: npt.NDArray[np.integer]
) -> FittedWeights:
    users = len(targets)
    start = np.concatenate([[1.0], keras.ops.convert_to_numpy(counts.feature_weights)])
    free = np.ones(len(start), bool)
    if counts.num_cold and not (targets > counts.num_items - counts.num_cold).any():
        at = 1 + counts.feature_names.index(COLD)
        start[at], free[at] = 0, False
    weights = _maximum(log_likelihood, start, free)
    if weights[0] <= 0:
        # Scores that say less than nothing, as before training: they stay what they are.
        free[0] = False
        weights = _maximum(log_likelihood, start, free)
    learned = weights[1:] / weights[0]
    found, before = log_likelihood(weights)[0], log_likelihood.of_encoder()
    if found < before:
        found, learned = before, np.zeros_like(learned)
    counts.feature_weights.assign(learned)
    return FittedWeights(
        dict(zip(counts.feature_names, map(float, learned), strict=True)),
        found / users,
        before / users,
    )


def _maximum(log_likelihood: "_LogLikelihood", start: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Newton's method; weights that are not free stay at their start."""
    precision = _PRECISION * (np.arange(len(start)) > 0)

    def posterior(weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        value, gradient, hessian = log_likelihood(weights)
        value -= 0.5 * float(precision @ weights**2)
        hessian = (hessian - np.diag(precision))[np.ix_(free, free)]
        return value, (gradient - precision * weights)[free], hessian

    weights = start
    value, gradient, hessian = posterior(weights)
    for _ in range(_MOST_STEPS):
        step = np.zeros_like(weights)
        step[free] = -np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        gain = float(step[free] @ gradient)
        found = posterior(weights + step)
        while found[0] < value and gain > _TOLERANCE * abs(value):  # too far: half the way
            step, gain = step / 2, gain / 2
            found = posterior(weights + step)
        if gain <= _TOLERANCE * abs(value):
            break
        weights = weights + step
        value, gradient, hessian = found
    return weights


class _LogLikelihood:
    """Of all targets together: value, gradient and second derivatives, as sums over users."""

    def __init__(self, model: SequentialRecommender, batches: tf.data.Dataset) -> None:
        assert model.counts is not None
        counts = model.counts
        self._model = model
        self._batches = batches
        self._of_batch = tf.function(
            self._parts,
            input_signature=[
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([1 + counts.feature_weights.shape[0]], tf.float32),
            ],
        )

    def __call__(self, weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        given = tf.constant(weights, tf.float32)
        parts = [
            [part.numpy().astype(float) for part in self._of_batch(history, target, given)]
            for history, target in self._batches
        ]
        value, gradient, hessian = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
        return float(value), gradient, hessian

    def of_encoder(self) -> float:
        """The value for the encoder's scores alone."""
        value = 0.0
        for history, target in self._batches:
            scores = tf.cast(self._model.encoder_scores(history), tf.float32)[:, 1:]
            right = tf.gather(scores, target - 1, batch_dims=1)
            value += float(tf.reduce_sum(right - tf.reduce_logsumexp(scores, axis=1)).numpy())
        return value

    def _parts(
        self, history: tf.Tensor, target: tf.Tensor, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        assert self._model.counts is not None
        counts = self._model.counts
        scores = tf.cast(self._model.encoder_scores(history), tf.float32)
        base = counts.base(history, scores)
        features = tf.concat([base[None], counts.features(history)], axis=0)
        features = features[:, :, 1:]  # [K, B, |I|], without the padding
        logits = tf.tensordot(weights, features, 1)
        right = tf.one_hot(target - 1, self._model.num_items)
        value = tf.reduce_sum(right * logits) - tf.reduce_sum(tf.reduce_logsumexp(logits, axis=1))
        expected = tf.nn.softmax(logits)
        gradient = tf.einsum("bm,kbm->k", right - expected, features)
        means = tf.einsum("bm,kbm->kb", expected, features)
        squares = tf.einsum("kbm,lbm->kl", features * expected, features)
        return value, gradient, tf.matmul(means, means, transpose_b=True) - squares
