"""The model: encoder, stochastic views, learned augmenters, and how they are trained."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from mclrec_tf.encoders.sequence_encoder import SequenceEncoder
from mclrec_tf.evaluation.ranking_metrics import MeanLoss
from mclrec_tf.layers.augmenter import Augmenter
from mclrec_tf.layers.padded_history import lengths_of, most_recent
from mclrec_tf.layers.views import View, ViewOperation
from mclrec_tf.models.inputs import checked_history
from mclrec_tf.models.next_item_model import NextItemTraining
from mclrec_tf.models.presets import get_preset
from mclrec_tf.models.two_optimizers import TwoOptimizerModel
from mclrec_tf.training.collapse import CollapseDiagnostics
from mclrec_tf.training.gradients import apply_gradients, gradients
from mclrec_tf.training.objectives import Losses, Objective, ViewLosses, ViewVectors
from mclrec_tf.training.replicas import pooled, share_of_all
from mclrec_tf.training.update_rules import Batch, UpdateRule, get_update_rule


@keras.saving.register_keras_serializable("mclrec_tf")
class MCLRec(NextItemTraining, TwoOptimizerModel):
    """Meta-optimised contrastive learning for sequential recommendation.

    Calling the model on histories scores the whole catalogue. Training takes
    `(history, targets)` with a target at each position (0 = none), as `training_batches` gives,
    and reports every term of the losses and the collapse of the learned views
    (`mclrec_tf.training.collapse`); `evaluate` takes `(history, target)` with one held-out item a
    history, as `evaluation_batches` gives, and reports hit rate, NDCG and MRR under both ranking
    policies.

    Both take arrays too, and ids in every form that `mclrec_tf.models.inputs` names; what does not
    fit is refused by a `ValueError` that names the argument. Training takes no `sample_weight` or
    `class_weight`; in evaluation `sample_weight` weighs users.

    Ids: 0 is padding, `1..num_items` are items by falling frequency in the training data. An
    empty history therefore gets the popularity ranking: its scores are -log(id).

    The paper's ablations and other models of its family:

    | model | arguments |
    |---|---|
    | SASRec, no contrast | `NextItemModel(PostNormSASRec(num_items))`, or `lambda_=0, beta=0` |
    | CL4SRec-like: without L_cl2 | `lambda_=0.1, beta=0` |
    | without L_cl1 | `lambda_=0` |
    | without R | `regularization=0` |
    | shared augmenter, φ1 = φ2 | `share_augmenters=True` |
    | data augmentation only | `views="training_data"` |
    | MCLRec-J, joint training | `update_rule="joint"` |
    | meta-gradients through θ′ | `update_rule="maml"` or `"maml_first_order"` |

    Under a `tf.distribute` strategy, with the model made and compiled in its scope, `fit` splits
    each batch between the replicas. Every prediction weighs the same, however uneven the split.
    The contrast takes its negatives from the replica's own part of the batch, so it differs from
    the contrast on one device.

    Args:
        encoder: The sequence encoder f_θ, for example `PostNormSASRec(num_items)`.
        preset: `"recommended"`, what has done best, `"paper"`, or `"reference"` (the authors'
            code), see `mclrec_tf.models.presets`. The weights, temperatures and similarity of the
            contrast, the update rule, `label_smoothing` and `item_dropout` are the preset's where
            they are left out.
        lambda_: λ, weight of the contrast of stochastic views.
        beta: β, weight of the contrast with learned views. With λ = β = 0
            this is `NextItemModel`.
        regularization: γ/β, weight of the contrastive regularisation.
        temperature: τ of the contrast of stochastic views.
        similarity: `"inner_product"`, the paper's, or `"cosine"`, under which the length of the
            encoder's vectors does not decide how much the contrast weighs; see `Objective`.
        learned_temperature: τ of the contrast with learned views.
        seed: Seed of the stochastic views.
        update_rule: Name from `mclrec_tf.training.update_rules.UPDATE_RULES`, or a rule of one's
            own; the preset's when left out.
        views: `"contrast"`, or `"training_data"`: no contrast and no augmenters, but each view
            must predict the item that came after the original history.
        share_augmenters: Whether both views have the same augmenter.
        operations: The stochastic operations to draw from, at least two; mask, crop and reorder
            with the ratios of the paper when left out.
        label_smoothing: Share of L_rec's right answer that is spread evenly over the catalogue,
            from 0 to 1.
        item_dropout: Share of a history's items that L_rec hides from the encoder, from 0 to 1.
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
    import tensorflow as tf
    from mclrec_tf import MCLRec, PostNormSASRec

    model = MCLRec(PostNormSASRec(num_items=100), lambda_=0.1, beta=0.1)
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
        preset: str = "recommended",
        lambda_: float | None = None,
        beta: float | None = None,
        regularization: float | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        update_rule: str | UpdateRule | None = None,
        views: str = "contrast",
        share_augmenters: bool = False,
        operations: Sequence[ViewOperation] | None = None,
        label_smoothing: float | None = None,
        item_dropout: float | None = None,
        similarity: str | None = None,
        learned_temperature: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, preset, label_smoothing, item_dropout, **kwargs)
        own = get_preset(preset)
        self.objective = own.objective_with(
            lambda_=lambda_,
            beta=beta,
            regularization=regularization,
            temperature=temperature,
            views=views,
            similarity=similarity,
            learned_temperature=learned_temperature,
        )
        self.update_rule = get_update_rule(update_rule or own.update_rule)
        self._update_rule_argument = update_rule
        self.seed = seed
        self.share_augmenters = share_augmenters
        self._operations_argument = operations
        self.stochastic_views = own.stochastic_views(encoder.item_embedding, seed, operations)
        first = Augmenter(name="augmenter_1", dtype=encoder.dtype_policy)
        second = (
            first if share_augmenters else Augmenter(name="augmenter_2", dtype=encoder.dtype_policy)
        )
        self.augmenters = [first, second]
        reported = ["loss", "rec_loss", *self.objective.view_terms]
        if self.objective.uses_augmenters:
            reported += self.update_rule.reports
        self._loss_metrics = {name: MeanLoss(name=name) for name in reported}
        self._diagnostics = CollapseDiagnostics(encoder.dim)
        self.build((None, None))

    # Building and configuration

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        for augmenter in self.augmenters:
            if not augmenter.built:
                augmenter.build((None, self.encoder.dim))

    @property
    def augmenter_weights(self) -> list[keras.Variable]:
        """φ1 and φ2."""
        different = self.augmenters[:1] if self.share_augmenters else self.augmenters
        return [v for augmenter in different for v in augmenter.trainable_variables]

    def get_config(self) -> dict[str, Any]:
        rule = self._update_rule_argument
        return {
            **super().get_config(),
            "lambda_": self.objective.lambda_,
            "beta": self.objective.beta,
            "regularization": self.objective.regularization,
            "temperature": self.objective.temperature,
            "similarity": self.objective.similarity,
            "learned_temperature": self.objective.learned_temperature,
            "seed": self.seed,
            "update_rule": keras.saving.serialize_keras_object(rule),
            "views": self.objective.views,
            "share_augmenters": self.share_augmenters,
            "operations": keras.saving.serialize_keras_object(self._operations_argument),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "MCLRec":
        objects: dict[str, Any] = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("encoder", "update_rule", "operations", "counts", "item_features")
            if name in config
        }
        return cls(**{**config, **objects})

    # Training

    def training_batch(self, history: tf.Tensor, targets: tf.Tensor) -> Batch:
        views = None
        if self.objective.uses_views:
            views = self.stochastic_views(View(history, lengths_of(history)))
        return Batch(history, targets, views)

    def update(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One iteration of Algorithm 1: two views of each history, then θ and φ by the rule."""
        return self.update_rule.update(self, batch)

    def update_augmenters(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Stage two: φ ← φ − l′·∇_φ L1, with θ fixed and the views encoded anew."""
        weights = self.augmenter_weights
        encoded = self._encode_views(batch)
        (share,) = share_of_all([tf.shape(batch.targets)[0]])
        with tf.GradientTape() as tape:
            loss = self.objective.augmenter_loss(self._view_losses(encoded))
            losses = Losses(share * loss, {"augmenter_loss": loss})
        optimizer = self.augmenter_optimizer
        apply_gradients(optimizer, gradients(tape, losses, weights, optimizer), weights)
        return losses.terms

    def encoder_losses(self, batch: Batch) -> Losses:
        """L0 and its terms."""
        return self._next_item_and_view_losses(batch, self.objective)

    def outer_losses(self, batch: Batch) -> Losses:
        """L_rec + λ·L_cl1: what the encoder is for, without the learned views."""
        outer, terms = self._next_item_and_view_losses(
            batch, dataclasses.replace(self.objective, beta=0.0)
        )
        return Losses(outer, {"outer_loss": terms["loss"]})

    def learned_views(self, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """z̃1 and z̃2 of histories, `[B, d]` each, as a step of training draws them."""
        recent = most_recent(checked_history(history, self.num_items), self.encoder.max_length)
        views = self.stochastic_views(View(recent, lengths_of(recent)))
        vectors = self._view_vectors(self._encode_views(Batch(recent, recent, views)))
        return vectors.z1, vectors.z2

    def _next_item_and_view_losses(self, batch: Batch, objective: Objective) -> Losses:
        rec_loss, count = self._next_item_loss(batch), tf.math.count_nonzero(batch.targets)
        terms = {"rec_loss": rec_loss}
        view_loss = tf.zeros_like(rec_loss)
        if objective.views == "training_data":
            terms["view_rec_loss"], view_count = self._view_next_item_loss(batch)
            rec_loss, count = pooled([rec_loss, terms["view_rec_loss"]], [count, view_count])
        elif objective.uses_views:
            vectors = self._view_vectors(self._encode_views(batch))
            losses = objective.view_losses(vectors)
            view_loss = objective.view_loss(losses)
            terms |= {name: getattr(losses, name) for name in objective.view_terms}
            if objective.uses_augmenters:
                self._diagnostics.update_state(vectors.z1, vectors.z2)
        share, view_share = share_of_all([count, tf.shape(batch.targets)[0]])
        penalty = self._weight_penalty()
        terms["loss"] = rec_loss + view_loss + penalty
        return Losses(share * (rec_loss + penalty) + view_share * view_loss, terms)

    def _view_next_item_loss(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Loss of the views as training data, and how many predictions they make.

        The vector of each view predicts the last target of its history.
        """
        encoded = tf.concat(self._encode_views(batch), axis=0)
        positions = tf.range(1, tf.shape(batch.targets)[1] + 1)
        last = tf.argmax(tf.where(batch.targets > 0, positions, 0), axis=1)
        targets = tf.tile(tf.gather(batch.targets, last, batch_dims=1), [2])
        predicted = targets > 0
        loss = self._cross_entropy(encoded[predicted], targets[predicted])
        return loss, tf.math.count_nonzero(targets)

    def _encode_views(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """h̃1 and h̃2, encoded together."""
        assert batch.views is not None
        first, second = batch.views
        both = View(
            tf.concat([first.ids, second.ids], axis=0),
            tf.concat([first.lengths, second.lengths], axis=0),
        )
        encoded = self.encoder(both.ids, both.lengths, last_only=True, training=True)
        h1, h2 = tf.split(encoded, 2, axis=0)
        return h1, h2

    def _view_vectors(self, encoded: tuple[tf.Tensor, tf.Tensor]) -> ViewVectors:
        """The views as the losses compare them: never in less than float32."""
        vectors = encoded
        if self.objective.uses_augmenters:
            augmented = (w(h) for w, h in zip(self.augmenters, encoded, strict=True))
            vectors = (*encoded, *augmented)
        return ViewVectors(*(tf.cast(v, keras.config.floatx()) for v in vectors))

    def _view_losses(self, encoded: tuple[tf.Tensor, tf.Tensor]) -> ViewLosses:
        return self.objective.view_losses(self._view_vectors(encoded))

    @property
    def training_metrics(self) -> list[keras.metrics.Metric]:
        """The terms of the losses, and the collapse diagnostics where there are learned views."""
        collapse = self._diagnostics.metrics if self.objective.uses_augmenters else []
        return [*self._loss_metrics.values(), *collapse]
