"""A model that scores the whole catalogue, and its evaluation by ranks."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.evaluation.ranking_metrics import ranking_metrics
from mclrec_tf.evaluation.ranks import POLICIES, Ranks, target_ranks
from mclrec_tf.layers.padded_history import lengths_of, most_recent
from mclrec_tf.models.checked_model import CheckedModel
from mclrec_tf.models.inputs import checked_history, checked_weights, evaluation_rows
from mclrec_tf.models.two_optimizers import TwoOptimizerModel


class Recommender(CheckedModel, TwoOptimizerModel):
    """Scores every item by the inner product with the encoder's vector; base of `MCLRec`.

    Args:
        encoder: The sequence encoder f_θ.

    Call arguments and result are those of `MCLRec`.
    """

    def __init__(self, encoder: SequenceEncoder, **kwargs: Any) -> None:
        if keras.config.floatx() not in ("float32", "float64"):
            raise ValueError(
                f"floatx must be float32 or float64, got {keras.config.floatx()}: losses and "
                "metrics need them. For 16 bits set the dtype policy mixed_bfloat16 or "
                "mixed_float16."
            )
        if not isinstance(encoder, SequenceEncoder):
            raise ValueError(f"encoder must be a SequenceEncoder, got {encoder!r}.")
        # One policy for all: Keras looks at the model's to know whether losses must be scaled.
        own = keras.dtype_policies.get(kwargs.pop("dtype", None) or encoder.dtype_policy)
        if own.name != encoder.dtype_policy.name:
            raise ValueError(
                f"dtype must be that of the encoder, {encoder.dtype_policy.name}, got {own.name}: "
                "give it to the encoder."
            )
        super().__init__(dtype=encoder.dtype_policy, **kwargs)
        # The input is ids: cast to the dtype of the weights they would become other ids.
        self.autocast = False
        self.encoder = encoder
        self._ranking_metrics = {policy: ranking_metrics(policy) for policy in POLICIES}

    @property
    def input_dtype(self) -> str:
        """What the input is in an export, by `export` or `tf.saved_model.save`."""
        return "int32"

    @property
    def num_items(self) -> int:
        """Size of the catalogue, |I|."""
        return self.encoder.num_items

    def call(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return self.scores(checked_history(history, self.num_items), training)

    def user_vectors(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The encoder's output at the last item of each history, `[B, d]`; 0 if it is empty."""
        return self._vectors(checked_history(history, self.num_items), training)

    def rank(self, history: tf.Tensor, targets: tf.Tensor) -> Ranks:
        """Ranks of the targets `[B]` under both policies; histories as in `call`."""
        rows = evaluation_rows(history, targets, self.num_items)
        return target_ranks(self.scores(rows.history, training=False), rows.target, rows.history)

    def scores(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The scores of `call`, for histories in the form that `checked_history` gives."""
        # The encoder may compute in 16 bits (mixed precision); scores are never less than float32.
        pair = (self._vectors(history, training), self.encoder.item_embedding.candidates())
        vectors, candidates = (tf.cast(part, keras.config.floatx()) for part in pair)
        scores = tf.matmul(vectors, candidates, transpose_b=True)
        popularity = -tf.math.log(tf.range(self.num_items + 1, dtype=scores.dtype))
        is_empty = ~tf.reduce_any(history > 0, axis=1, keepdims=True)
        scores = tf.where(is_empty, popularity, scores)
        lowest = tf.constant(-float("inf"), scores.dtype)
        return tf.where(tf.range(self.num_items + 1) == 0, lowest, scores)

    def _vectors(self, history: tf.Tensor, training: bool | None) -> tf.Tensor:
        recent = most_recent(history, self.encoder.max_length)
        lengths = lengths_of(recent)
        vectors = self.encoder(recent, lengths, last_only=True, training=training)
        return tf.where(lengths[:, None] > 0, vectors, tf.zeros_like(vectors))

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        history, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        rows = evaluation_rows(history, targets, self.num_items)
        weight = tf.cast(rows.asked, keras.config.floatx())
        if sample_weight is not None:
            weight *= checked_weights(sample_weight)
        ranks = target_ranks(self.scores(rows.history, training=False), rows.target, rows.history)
        for policy, metrics in self._ranking_metrics.items():
            for metric in metrics:
                metric.update_state(getattr(ranks, policy), sample_weight=weight)
        return self.results_of_step(self.evaluation_metrics)

    @property
    def evaluation_metrics(self) -> list[keras.metrics.Metric]:
        """The ranking metrics under both policies."""
        return [metric for group in self._ranking_metrics.values() for metric in group]
