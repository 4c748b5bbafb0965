"""The training schedule of the authors' code, in TensorFlow: the baseline for the speed of ours.

Every prefix of a history is a sample, padded to 50 positions, and a batch has 256 random samples.
Three steps update θ, φ and θ again. The second step also computes the gradient of the encoder and
discards it. The encoder consists of stock Keras layers that compute on padding too, and the softmax
over the catalogue is TensorFlow's own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf import MCLRec, SequenceEncoder
from mclrec_tf.data.batches import generated_dataset, random_of_epochs
from mclrec_tf.data.histories import Histories
from mclrec_tf.layers.padded_history import lengths_of
from mclrec_tf.layers.views import View
from mclrec_tf.training.objectives import ViewVectors

BATCH_SIZE, WIDTH = 256, 50


@keras.saving.register_keras_serializable("benchmarks")
class PlainSASRec(SequenceEncoder):
    """SASRec of stock Keras layers: with these weights, what `mclrec_tf.PostNormSASRec` computes.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        max_length: Number of the most recent items of a history that are read, n.
        num_layers: Number of Transformer blocks.
        num_heads: Number of attention heads.
        dropout: Dropout rate in training.
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        max_length: int = WIDTH,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_items, dim, max_length, **kwargs)
        self.num_layers, self.num_heads, self.dropout = num_layers, num_heads, dropout

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.position_embedding = keras.layers.Embedding(
            self.max_length, self.dim, _normal(), name="position_embedding"
        )
        self.position_embedding.build()
        self.input_norm = _norm(self.dim, "input_norm")
        self.drop = keras.layers.Dropout(self.dropout, name="drop")
        self.blocks = [
            PlainBlock(self.dim, self.num_heads, self.dropout, name=f"block_{index}")
            for index in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((None, None, self.dim))

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        x = self.item_embedding(ids) + self.position_embedding(tf.range(tf.shape(ids)[1]))
        x = self.drop(self.input_norm(x), training=training)
        for block in self.blocks:
            x = block(x, ids > 0, training=training)
        return x

    def get_config(self) -> dict[str, Any]:
        own = {"num_layers": self.num_layers, "num_heads": self.num_heads, "dropout": self.dropout}
        return {**super().get_config(), **own}


class PlainBlock(keras.layers.Layer):
    """A post-norm Transformer block on `[B, L, d]`, including the padding."""

    def __init__(self, dim: int, num_heads: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = keras.layers.MultiHeadAttention(
            num_heads, dim // num_heads, dropout=dropout, kernel_initializer=_normal()
        )
        self.attention_norm, self.output_norm = _norm(dim, "norm_1"), _norm(dim, "norm_2")
        self.expand = keras.layers.Dense(4 * dim, "gelu", kernel_initializer=_normal())
        self.contract = keras.layers.Dense(dim, kernel_initializer=_normal())
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        self.attention.build(input_shape, input_shape)
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], 4 * input_shape[-1]))

    def call(self, x: tf.Tensor, visible: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        attended = self.attention(
            x, x, attention_mask=visible[:, None], use_causal_mask=True, training=training
        )
        x = self.attention_norm(x + self.drop(attended, training=training))
        transformed = self.contract(self.expand(x))
        return self.output_norm(x + self.drop(transformed, training=training))


@keras.saving.register_keras_serializable("benchmarks")
class AuthorsMCLRec(MCLRec):
    """MCLRec with the authors' training step and all of its work; arguments as of `MCLRec`."""

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        history, targets, _ = keras.utils.unpack_x_y_sample_weight(data)
        lengths = lengths_of(history)
        target = tf.reduce_max(targets, axis=1)
        views = self.stochastic_views(View(history, lengths)) if self.objective.uses_views else ()

        losses = self._step_theta(history, lengths, target, views)
        if self.objective.uses_augmenters:
            losses["augmenter_loss"] = self._step_phi(views)
            self._step_theta(history, lengths, target, views)
        for metric in self.training_metrics:
            metric.update_state(losses[metric.name], sample_weight=tf.shape(target)[0])
        return self.results_of_step(self.training_metrics)

    @property
    def training_metrics(self) -> list[keras.metrics.Metric]:
        """The losses alone; collapse is not measured here."""
        names = {"loss", "rec_loss", "augmenter_loss", *self.objective.view_terms}
        return [metric for metric in super().training_metrics if metric.name in names]

    def _step_theta(
        self, history: tf.Tensor, lengths: tf.Tensor, target: tf.Tensor, views: Sequence[View]
    ) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            losses = self.authors_losses(history, lengths, target, views)
        gradients = tape.gradient(losses["loss"], self.encoder_weights)
        self.optimizer.apply(gradients, self.encoder_weights)
        return losses

    def _step_phi(self, views: Sequence[View]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            vectors = self.view_vectors(views)
            loss = self.objective.augmenter_loss(self.objective.view_losses(vectors))
        used, discarded = tape.gradient(
            loss, (self.augmenter_weights, self.encoder_weights), unconnected_gradients="zero"
        )
        # TensorFlow would prune a gradient that is not used; PyTorch computes it.
        with tf.control_dependencies([tf.convert_to_tensor(gradient) for gradient in discarded]):
            used = [tf.identity(gradient) for gradient in used]
        self.augmenter_optimizer.apply(used, self.augmenter_weights)
        return loss

    def authors_losses(
        self, history: tf.Tensor, lengths: tf.Tensor, target: tf.Tensor, views: Sequence[View]
    ) -> dict[str, tf.Tensor]:
        """L0 and its terms; `target`, int `[B]`, is the item after each history."""
        vectors = self.encoder(history, lengths, last_only=True, training=True)
        candidates = self.encoder.item_embedding.candidates()
        if self.preset == "paper":
            candidates, target = candidates[1:], target - 1
        logits = tf.matmul(vectors, candidates, transpose_b=True)
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)
        losses = {"rec_loss": tf.reduce_mean(cross_entropy)}
        losses["loss"] = losses["rec_loss"]
        if views:
            terms = self.objective.view_losses(self.view_vectors(views))
            losses["loss"] = self.objective.encoder_loss(losses["rec_loss"], terms)
            losses |= {name: getattr(terms, name) for name in self.objective.view_terms}
        return losses

    def view_vectors(self, views: Sequence[View]) -> ViewVectors:
        """The vectors of the two views, encoded one after the other, and their augmentations."""
        h1, h2 = (self.encoder(v.ids, v.lengths, last_only=True, training=True) for v in views)
        if not self.objective.uses_augmenters:
            return ViewVectors(h1, h2)
        return ViewVectors(h1, h2, self.augmenters[0](h1), self.augmenters[1](h2))


def authors_batches(
    histories: Histories,
    batch_size: int = BATCH_SIZE,
    width: int = WIDTH,
    seed: int = 0,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Every prefix of the training histories once, in random batches, padded to `width`.

    Args:
        histories: The training part of each user.
        batch_size: Prefixes in a batch.
        width: Positions of a row.
        seed: Seed of the order.
        first_epoch: Number of the first epoch, for a training that resumes.

    Returns:
        Dataset of two int32 tensors `[B, width]` as `training_batches` gives: the history, and
        the next item at its last position, 0 elsewhere. Each pass is shuffled anew.
    """
    begin = np.repeat(histories.row_splits[:-1], np.maximum(histories.lengths - 1, 0))
    end = np.flatnonzero(~np.isin(np.arange(len(histories.items)), histories.row_splits[:-1]))
    begin = np.maximum(begin, end - width)
    orders = random_of_epochs(seed, first_epoch)
    places = np.arange(width)

    def one_pass() -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
        order = next(orders).permutation(len(end))
        for at in range(0, len(order), batch_size):
            first, last = begin[order[at : at + batch_size]], end[order[at : at + batch_size]]
            source = first[:, None] + places
            history = np.where(source < last[:, None], histories.items.take(source, mode="clip"), 0)
            is_last = places == (last - first - 1)[:, None]
            targets = np.where(is_last, histories.items[last][:, None], 0)
            yield history.astype(np.int32), targets.astype(np.int32)

    spec = tf.TensorSpec([None, width], tf.int32)
    return generated_dataset(one_pass, (spec, spec), -(-len(end) // batch_size))


def _normal() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.02)


def _norm(dim: int, name: str) -> keras.layers.LayerNormalization:
    layer = keras.layers.LayerNormalization(epsilon=1e-12, name=name)
    layer.build((None, None, dim))
    return layer
