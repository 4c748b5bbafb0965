"""A sequence encoder that learns to predict the next item, without contrast."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.arguments import check_share
from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.evaluation.ranking_metrics import MeanLoss
from mclrec_tf.layers.padded_history import lengths_of
from mclrec_tf.models.inputs import refuse_weights, training_rows
from mclrec_tf.models.presets import get_preset
from mclrec_tf.models.sequential_recommender import SequentialRecommender
from mclrec_tf.training.gradients import apply_gradients, gradients
from mclrec_tf.training.losses import next_item_loss
from mclrec_tf.training.objectives import Losses
from mclrec_tf.training.replicas import share_of_all
from mclrec_tf.training.update_rules import Batch


class NextItemTraining(SequentialRecommender):
    """How an encoder learns to predict the next item; base of `NextItemModel` and `MCLRec`.

    A subclass makes a `MeanLoss` for every loss that `update` returns.

    Args:
        encoder: The sequence encoder f_θ.
        preset: Name from `mclrec_tf.models.presets`.
        label_smoothing: Share of L_rec's right answer that is spread evenly over the catalogue,
            from 0 to 1; the preset's when left out.
        item_dropout: Share of a history's items that L_rec hides from the encoder, drawn anew in
            every step, from 0 to 1, never the last one; the preset's when left out.
    """

    _loss_metrics: dict[str, MeanLoss]

    def __init__(
        self,
        encoder: SequenceEncoder,
        preset: str = "paper",
        label_smoothing: float | None = None,
        item_dropout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, **kwargs)
        own = get_preset(preset)
        if label_smoothing is None:
            label_smoothing = own.label_smoothing
        if item_dropout is None:
            item_dropout = own.item_dropout
        check_share(label_smoothing=label_smoothing, item_dropout=item_dropout)
        self.label_smoothing = label_smoothing
        self.item_dropout = item_dropout
        # Not without need: its state is part of a saved model.
        self._hiding = keras.random.SeedGenerator() if item_dropout else None
        self.preset = preset

    def build(self, input_shape: Any) -> None:
        if not self.encoder.built:
            self.encoder.build(input_shape)

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "preset": self.preset,
            "label_smoothing": self.label_smoothing,
            "item_dropout": self.item_dropout,
            "counts": keras.saving.serialize_keras_object(self.counts),
        }
        if self.item_features is not None:
            config["item_features"] = keras.saving.serialize_keras_object(self.item_features)
            config["encoder"].pop("build_config", None)  # the model builds it, with its features
        return config

    @property
    def encoder_weights(self) -> list[keras.Variable]:
        """θ."""
        return self.encoder.trainable_variables

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        history, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        refuse_weights(sample_weight=sample_weight)
        history, targets = training_rows(
            history,
            targets,
            self.num_items,
            self.encoder.max_length,
            self.encoder.item_embedding.num_trained,
        )
        losses = self.update(self.training_batch(history, targets))
        predictions = tf.math.count_nonzero(targets)
        for name, value in losses.items():
            self._loss_metrics[name].update_state(value, sample_weight=predictions)
        return self.results_of_step(self.training_metrics)

    def training_batch(self, history: tf.Tensor, targets: tf.Tensor) -> Batch:
        """What an update is made from: int `[B, L]` histories and targets."""
        return Batch(history, targets, views=None)

    def update(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Updates the weights and returns the losses by name."""
        return self.update_encoder(batch)

    def update_encoder(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Stage one: θ ← θ − l·∇_θ L0."""
        weights = self.encoder_weights
        with tf.GradientTape() as tape:
            losses = self.encoder_losses(batch)
        apply_gradients(self.optimizer, gradients(tape, losses, weights, self.optimizer), weights)
        return losses.terms

    def encoder_losses(self, batch: Batch) -> Losses:
        """L_rec and the regularizers of the weights."""
        rec_loss, penalty = self._next_item_loss(batch), self._weight_penalty()
        loss = rec_loss + penalty
        (share,) = share_of_all([tf.math.count_nonzero(batch.targets)])
        return Losses(share * loss, {"rec_loss": rec_loss, "loss": loss})

    def _weight_penalty(self) -> tf.Tensor:
        """What regularizers of the encoder's weights add to the loss.

        Raises:
            ValueError: It has losses of other kinds, which depend on one call among several.
        """
        losses = self.encoder.losses
        if len(losses) > sum(v.regularizer is not None for v in self.encoder_weights):
            raise ValueError(
                f"{type(self.encoder).__name__} adds a loss of its own (add_loss or "
                "activity_regularizer), which is not trained on; regularizers of weights are."
            )
        # L_rec is the mean over the members of an ensemble, and each has its own weights.
        penalty = sum(losses) / len(self.encoder.member_dims)
        return tf.cast(penalty, keras.config.floatx())

    def _next_item_loss(self, batch: Batch) -> tf.Tensor:
        lengths = lengths_of(batch.history)
        hidden = self.encoder(self._partly_hidden(batch.history, lengths), lengths, training=True)
        predicted = tf.where(batch.targets > 0)
        return self._cross_entropy(
            tf.gather_nd(hidden, predicted), tf.gather_nd(batch.targets, predicted)
        )

    def _partly_hidden(self, history: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """The history with a random part of its items masked, `item_dropout`."""
        if self._hiding is None:
            return history
        place = tf.range(1, tf.shape(history)[1] + 1, dtype=lengths.dtype)
        drawn = keras.random.uniform(tf.shape(history), seed=self._hiding) < self.item_dropout
        return tf.where(drawn & (place < lengths[:, None]), 0, history)

    def _cross_entropy(self, vectors: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        first = 0 if get_preset(self.preset).padding_is_candidate else 1
        items = self.encoder.item_embedding
        candidates = items.candidates(first, items.num_trained)
        dims = self.encoder.member_dims
        # Each member of an ensemble learns by itself; its vectors are a share of the ensemble's.
        of_members = zip(
            tf.split(len(dims) * vectors, dims, axis=1),
            tf.split(candidates, dims, axis=1),
            strict=True,
        )
        losses = [
            next_item_loss(own, items, labels - first, self.label_smoothing)
            for own, items in of_members
        ]
        return tf.cast(tf.add_n(losses) / len(dims), keras.config.floatx())


@keras.saving.register_keras_serializable("mclrec_tf")
class NextItemModel(NextItemTraining):
    """SASRec, BSARec or GRU4Rec as it was published: an encoder trained on L_rec alone (Eq. 3).

    `MCLRec` adds the contrast. With `lambda_=0` and `beta=0` it trains the same weights to the
    same values, but carries augmenters and a second optimizer.

    Training takes `(history, targets)` with a target at each position (0 = none), as
    `training_batches` gives; `evaluate` takes `(history, target)` with one held-out item a
    history, as `evaluation_batches` gives, and reports hit rate, NDCG and MRR under both ranking
    policies. Ids: 0 is padding, `1..num_items` are items by falling frequency in the training
    data.

    Args:
        encoder: The sequence encoder f_θ, for example `SASRec(num_items)`.
        preset: `"paper"`, or `"reference"` for the softmax of the authors' code, which runs over
            the padding too; see `mclrec_tf.models.presets`.
        label_smoothing: Share of the right answer that is spread evenly over the catalogue, from 0
            to 1; the preset's when left out.
        item_dropout: Share of a history's items that training hides from the encoder, from 0 to 1,
            never the last one; the preset's when left out.
        counts: What joins the scores from counting, `ItemCounts`; nothing when left out.
        item_features: What is known of the items, `mclrec_tf.data.item_features.ItemFeatures`;
            nothing when left out. The encoder must be new.

    Call arguments:
        history: int tensor `[B, L]` of ids, oldest first, padded with 0, of any length; the most
            recent `encoder.max_length` items are read.
        training: Whether dropout is active.

    Returns:
        Float tensor `[B, num_items + 1]`, a score for every id; -inf for the padding.

    Example:

    ```python
    import keras
    import numpy as np
    from mclrec_tf import NextItemModel, SASRec

    model = NextItemModel(SASRec(num_items=100))
    model.compile(keras.optimizers.Adam(1e-3))
    history = np.array([[3, 7, 2, 0], [9, 4, 4, 8]])
    targets = np.array([[7, 2, 5, 0], [4, 4, 8, 1]])
    model.fit(history, targets, verbose=0)
    model.recommend([[3, 7, 2]], k=5).item_ids.shape  # (1, 5)
    ```

    Reference:
        Kang and McAuley, 2018 (SASRec); Shin et al., 2024 (BSARec); Hidasi et al., 2016 (GRU4Rec).
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        preset: str = "paper",
        label_smoothing: float | None = None,
        item_dropout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, preset, label_smoothing, item_dropout, **kwargs)
        self._loss_metrics = {name: MeanLoss(name=name) for name in ("loss", "rec_loss")}
        self.build((None, None))

    @property
    def training_metrics(self) -> list[keras.metrics.Metric]:
        """The terms of the losses."""
        return list(self._loss_metrics.values())

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "NextItemModel":
        objects: dict[str, Any] = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("encoder", "counts", "item_features")
            if name in config
        }
        return cls(**{**config, **objects})
