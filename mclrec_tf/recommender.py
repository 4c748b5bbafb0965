"""A model that scores the whole catalogue, and its evaluation by ranks."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.history import lengths_of, most_recent
from mclrec_tf.metrics import ranking_metrics
from mclrec_tf.ranking import POLICIES, Ranks, target_ranks
from mclrec_tf.two_optimizers import TwoOptimizerModel


class Recommender(TwoOptimizerModel):
    """Scores every item by the inner product with the encoder's vector; base of `MCLRec`.

    Args:
        encoder: The sequence encoder f_θ.

    Call arguments and result are those of `MCLRec`.
    """

    def __init__(self, encoder: SequenceEncoder, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self._ranking_metrics = {policy: ranking_metrics(policy) for policy in POLICIES}

    @property
    def num_items(self) -> int:
        """Size of the catalogue, |I|."""
        return self.encoder.num_items

    def user_vectors(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The encoder's output at the last item of each history, `[B, d]`; 0 if it is empty."""
        recent = most_recent(history, self.encoder.max_length)
        lengths = lengths_of(recent)
        vectors = self.encoder(recent, lengths, last_only=True, training=training)
        return tf.where(lengths[:, None] > 0, vectors, tf.zeros_like(vectors))

    def call(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        history = tf.convert_to_tensor(history)
        # The encoder may compute in 16 bits (mixed precision); scores are never less than float32.
        pair = (self.user_vectors(history, training), self.encoder.item_embedding.candidates())
        vectors, candidates = (tf.cast(part, keras.config.floatx()) for part in pair)
        scores = tf.matmul(vectors, candidates, transpose_b=True)
        popularity = -tf.math.log(tf.range(self.num_items + 1, dtype=scores.dtype))
        is_empty = ~tf.reduce_any(history > 0, axis=1, keepdims=True)
        scores = tf.where(is_empty, popularity, scores)
        return tf.where(tf.range(self.num_items + 1) == 0, -float("inf"), scores)

    def rank(self, history: tf.Tensor, targets: tf.Tensor) -> Ranks:
        """Ranks of the targets `[B]` under both policies; histories as in `call`."""
        return target_ranks(self(history, training=False), targets, history)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        history, target, _ = keras.utils.unpack_x_y_sample_weight(data)
        ranks = self.rank(tf.convert_to_tensor(history), tf.convert_to_tensor(target))
        for policy, metrics in self._ranking_metrics.items():
            for metric in metrics:
                metric.update_state(getattr(ranks, policy))
        return self.results_of_step(self.evaluation_metrics)

    @property
    def evaluation_metrics(self) -> list[keras.metrics.Metric]:
        """The ranking metrics under both policies."""
        return [metric for group in self._ranking_metrics.values() for metric in group]
