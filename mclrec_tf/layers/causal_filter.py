"""A filter over the history that tells steady from sudden and looks back only."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.layers.tokens import Tokens


@keras.saving.register_keras_serializable("mclrec_tf")
class CausalFilter(keras.layers.Layer):
    """low + β² · (x − low), where `low` is a weighted mean of the last few places of the row.

    The weights of the mean are positive, learned for each feature and at first equal; at the
    start of a row they are shared out among the places that are there. β² is learned for each
    feature.

    Args:
        window: Places the mean runs over, the token's own among them.

    Call arguments:
        x: float tensor `[T, d]`, a vector a token.
        tokens: Where the tokens stand.
        last_only: Whether only the last token of each row is wanted.

    Returns:
        Float tensor `[T, d]`; `[B, d]` with `last_only`.
    """

    def __init__(self, window: int = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if window < 1:
            raise ValueError(f"window must be at least 1, got {window}.")
        self.window = window

    def build(self, input_shape: Any) -> None:
        dim = input_shape[-1]
        # Row j weighs the place j before; the logarithm keeps the weights positive.
        self.log_weights = self.add_weight(
            shape=(self.window, dim), initializer="zeros", name="log_weights"
        )
        self.beta = self.add_weight(
            shape=(dim,), initializer=keras.initializers.RandomNormal(stddev=1.0), name="beta"
        )

    def call(self, x: tf.Tensor, tokens: Tokens, last_only: bool = False) -> tf.Tensor:
        at = tokens.last if last_only else tf.range(tf.shape(x, tf.int64)[0])
        back = tf.range(self.window, dtype=tf.int64)
        # Rows follow one another: the token j places before stands j tokens before.
        source = tf.maximum(at[:, None] - back, 0)
        inside = tf.gather(tokens.places, at)[:, None] >= back
        readable = inside & (tf.gather(tokens.visible, source) | (back == 0))
        readable = tf.cast(readable, x.dtype)
        weights = tf.exp(self.log_weights)
        weighted = tf.gather(x, source) * readable[:, :, None] * weights
        low = tf.reduce_sum(weighted, axis=1) / tf.matmul(readable, weights)
        own = tf.gather(x, at) if last_only else x
        return low + tf.square(self.beta) * (own - low)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}
