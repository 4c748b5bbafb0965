"""The model: encoder, stochastic views, learned augmenters, and how they are trained."""

from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.history import lengths_of, most_recent
from mclrec_tf.layers.augmenter import Augmenter
from mclrec_tf.layers.stochastic_views import StochasticViews
from mclrec_tf.layers.view_operations import Crop, Mask, Reorder, View
from mclrec_tf.losses import next_item_loss
from mclrec_tf.metrics import ranking_metrics
from mclrec_tf.objectives import ViewLosses, ViewVectors
from mclrec_tf.presets import PRESETS
from mclrec_tf.ranking import POLICIES, Ranks, seen_items, target_ranks
from mclrec_tf.update_rules import Batch

LOSSES = ("loss", "rec_loss", *ViewLosses._fields, "augmenter_loss")


@keras.saving.register_keras_serializable("mclrec_tf")
class MCLRec(keras.Model):
    """Meta-optimised contrastive learning for sequential recommendation.

    Calling the model on histories scores the whole catalogue. Training takes
    `(history, targets)` with a target at each position (0 = none), as `training_batches` gives;
    `evaluate` takes `(history, target)` with one held-out item a history, as
    `evaluation_batches` gives, and reports hit rate, NDCG and MRR under both ranking policies.

    Ids: 0 is padding, `1..num_items` are items by falling frequency in the training data. An
    empty history therefore gets the popularity ranking: its scores are -log(id).

    Args:
        encoder: The sequence encoder f_θ, for example `SASRec(num_items)`.
        preset: `"paper"` or `"reference"` (the authors' code), see `mclrec_tf.presets`.
        lambda_: λ, weight of the contrast of stochastic views.
        beta: β, weight of the contrast with learned views. λ = β = 0 is the encoder alone.
        regularization: γ/β, weight of the contrastive regularisation.
        temperature: τ of the contrast of stochastic views.
        seed: Seed of the stochastic views.

    Call arguments:
        history: int tensor `[B, L]` of ids, oldest first, right-padded with 0, of any length;
            the most recent `encoder.max_length` items are read.
        training: Whether dropout is active.

    Returns:
        Float tensor `[B, num_items + 1]`, a score for every id; -inf for the padding.

    Example:

    ```python
    model = MCLRec(SASRec(num_items=100), lambda_=0.1, beta=0.1)
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    history = tf.constant([[3, 7, 2, 0], [9, 4, 4, 8]])
    targets = tf.constant([[7, 2, 5, 0], [4, 4, 8, 1]])
    model.fit(history, targets, verbose=0)
    model.predict(history, verbose=0).shape  # (2, 101)
    ```

    Reference:
        Qin et al., 2023, arXiv 2304.07763.
    """

    def __init__(
        self,
        encoder: SequenceEncoder,
        preset: str = "paper",
        lambda_: float = 0.0,
        beta: float = 0.01,
        regularization: float = 0.1,
        temperature: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if preset not in PRESETS:
            raise ValueError(f"preset must be one of {sorted(PRESETS)}, got {preset!r}.")
        self.encoder = encoder
        self.preset = preset
        self.objective = PRESETS[preset].objective(lambda_, beta, regularization, temperature)
        self.update_rule = PRESETS[preset].update_rule()
        self.seed = seed
        token = encoder.item_embedding.mask_token if PRESETS[preset].mask_token else 0
        seeds = [None if seed is None else seed + offset for offset in range(4)]
        self.stochastic_views = StochasticViews(
            [
                Mask(0.5, token=token, seed=seeds[0]),
                Crop(0.5, seed=seeds[1]),
                Reorder(0.8, seed=seeds[2]),
            ],
            seed=seeds[3],
        )
        self.augmenters = [Augmenter(name="augmenter_1"), Augmenter(name="augmenter_2")]
        self._loss_trackers = [keras.metrics.Mean(name=name) for name in LOSSES]
        self._ranking_metrics = {policy: ranking_metrics(policy) for policy in POLICIES}
        self.build((None, None))

    # Building and configuration

    def build(self, input_shape: Any) -> None:
        if not self.encoder.built:
            self.encoder.build(input_shape)
        for augmenter in self.augmenters:
            if not augmenter.built:
                augmenter.build((None, self.encoder.dim))

    @property
    def num_items(self) -> int:
        """Size of the catalogue, |I|."""
        return self.encoder.num_items

    @property
    def encoder_weights(self) -> list[keras.Variable]:
        """θ."""
        return self.encoder.trainable_variables

    @property
    def augmenter_weights(self) -> list[keras.Variable]:
        """φ1 and φ2."""
        return [v for augmenter in self.augmenters for v in augmenter.trainable_variables]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "preset": self.preset,
            "lambda_": self.objective.lambda_,
            "beta": self.objective.beta,
            "regularization": self.objective.regularization,
            "temperature": self.objective.temperature,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "MCLRec":
        encoder = keras.saving.deserialize_keras_object(config.pop("encoder"), custom_objects)
        return cls(encoder, **config)

    def compile(
        self,
        optimizer: Any = "adam",
        augmenter_optimizer: Any = "adam",
        **kwargs: Any,
    ) -> None:
        """Configures training.

        Args:
            optimizer: Optimizer of the encoder, learning rate l.
            augmenter_optimizer: Optimizer of the augmenters, learning rate l′. A second
                instance: the two keep separate states.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in Keras. The
                losses and metrics are the model's own.
        """
        own = {"loss", "loss_weights", "metrics", "weighted_metrics"} & set(kwargs)
        if own:
            raise ValueError(f"{sorted(own)}: the losses and metrics of MCLRec are its own.")
        super().compile(optimizer=optimizer, **kwargs)
        self.augmenter_optimizer = keras.optimizers.get(augmenter_optimizer)
        if self.augmenter_optimizer is self.optimizer:
            raise ValueError("augmenter_optimizer must be an instance of its own.")
        # Built now, so that a checkpoint can be loaded before the first step.
        self.optimizer.build(self.encoder_weights)
        self.augmenter_optimizer.build(self.augmenter_weights)

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            config.pop(name, None)
        if config:
            config["augmenter_optimizer"] = keras.saving.serialize_keras_object(
                self.augmenter_optimizer
            )
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    # The state of the random numbers is saved too, so that a training resumed from a checkpoint
    # goes on exactly as it would have without the interruption. Keras leaves it out by default.

    def _random_states(self) -> list[keras.Variable]:
        return [v for v in self.variables if v.name == "seed_generator_state"]

    def save_own_variables(self, store: Any) -> None:
        for index, state in enumerate(self._random_states()):
            store[str(index)] = state

    def load_own_variables(self, store: Any) -> None:
        for index, state in enumerate(self._random_states()):
            state.assign(store[str(index)])

    # Scoring

    def user_vectors(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The encoder's output at the last item of each history, `[B, d]`; 0 if it is empty."""
        recent = most_recent(history, self.encoder.max_length)
        lengths = lengths_of(recent)
        vectors = self._encode(View(recent, lengths), training)
        return tf.where(lengths[:, None] > 0, vectors, tf.zeros_like(vectors))

    def call(self, history: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        history = tf.convert_to_tensor(history)
        vectors = self.user_vectors(history, training)
        scores = tf.matmul(vectors, self.encoder.item_embedding.candidates(), transpose_b=True)
        popularity = -tf.math.log(tf.range(self.num_items + 1, dtype=scores.dtype))
        is_empty = ~tf.reduce_any(history > 0, axis=1, keepdims=True)
        scores = tf.where(is_empty, popularity, scores)
        return tf.where(tf.range(self.num_items + 1) == 0, -float("inf"), scores)

    def rank(self, history: tf.Tensor, targets: tf.Tensor) -> Ranks:
        """Ranks of the targets `[B]` under both policies; histories as in `call`."""
        scores = self(history, training=False)
        return target_ranks(scores, targets, seen_items(history, self.num_items))

    # Training

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        history, targets, _ = keras.utils.unpack_x_y_sample_weight(data)
        history, targets = tf.convert_to_tensor(history), tf.convert_to_tensor(targets)
        views = self.stochastic_views(View(history, lengths_of(history)))
        batch = Batch(history, targets, views)
        losses = self.update_rule.update(self, batch)
        predictions = tf.math.count_nonzero(targets)
        for tracker in self._loss_trackers:
            if tracker.name in losses:
                tracker.update_state(losses[tracker.name], sample_weight=predictions)
        return {t.name: t.result() for t in self._loss_trackers if t.name in losses}

    def update_encoder(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Stage one: θ ← θ − l·∇_θ L0."""
        weights = self.encoder_weights
        with tf.GradientTape() as tape:
            rec_loss = self._next_item_loss(batch)
            losses = {"rec_loss": rec_loss}
            loss = rec_loss
            if self.objective.uses_views:
                view_losses = self._view_losses(self._encode_views(batch))
                losses |= view_losses._asdict()
                loss = self.objective.encoder_loss(rec_loss, view_losses)
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss, **losses}

    def update_augmenters(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Stage two: φ ← φ − l′·∇_φ L1, with θ fixed and the views encoded anew."""
        weights = self.augmenter_weights
        encoded = self._encode_views(batch)
        with tf.GradientTape() as tape:
            loss = self.objective.augmenter_loss(self._view_losses(encoded))
        self.augmenter_optimizer.apply(tape.gradient(loss, weights), weights)
        return {"augmenter_loss": loss}

    def _next_item_loss(self, batch: Batch) -> tf.Tensor:
        hidden = self.encoder(batch.history, training=True)
        asked = tf.where(batch.targets > 0)
        candidates = self.encoder.item_embedding.candidates()
        labels = tf.gather_nd(batch.targets, asked)
        if not PRESETS[self.preset].padding_is_candidate:
            candidates, labels = candidates[1:], labels - 1
        return next_item_loss(tf.gather_nd(hidden, asked), candidates, labels)

    def _encode_views(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """h̃1 and h̃2, encoded together."""
        first, second = batch.views
        both = View(
            tf.concat([first.ids, second.ids], axis=0),
            tf.concat([first.lengths, second.lengths], axis=0),
        )
        h1, h2 = tf.split(self._encode(both, training=True), 2, axis=0)
        return h1, h2

    def _view_losses(self, encoded: tuple[tf.Tensor, tf.Tensor]) -> ViewLosses:
        h1, h2 = encoded
        z1, z2 = self.augmenters[0](h1), self.augmenters[1](h2)
        return self.objective.view_losses(ViewVectors(h1, h2, z1, z2))

    def _encode(self, view: View, training: bool | None) -> tf.Tensor:
        """The encoder's output at the last position of each sequence, `[B, d]`."""
        hidden = self.encoder(view.ids, training=training)
        return tf.gather(hidden, tf.maximum(view.lengths - 1, 0), batch_dims=1)

    # Evaluation

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        history, target, _ = keras.utils.unpack_x_y_sample_weight(data)
        ranks = self.rank(tf.convert_to_tensor(history), tf.convert_to_tensor(target))
        results = {}
        for policy, metrics in self._ranking_metrics.items():
            for metric in metrics:
                metric.update_state(getattr(ranks, policy))
                results[metric.name] = metric.result()
        return results

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        # Keras turns results into floats only where training and evaluation report the same.
        return keras.tree.map_structure(float, super().evaluate(*args, **kwargs))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [
            *self._loss_trackers,
            *(m for group in self._ranking_metrics.values() for m in group),
        ]
