"""What happens with a batch: the order in which encoder θ and augmenters φ are updated.

A rule is an object with a method `update(model, batch)`, which updates the model's weights and
returns losses by name. What it may use of the model is in `TwoPartModel`. A rule of one's own:

```python
import keras
from mclrec_tf import MCLRec, PostNormSASRec
from mclrec_tf.training.update_rules import UpdateRule

@keras.saving.register_keras_serializable("my_project")
class AugmentersFirst(UpdateRule):
    '''φ on L1 first, then θ on L0 with the new φ.'''

    reports = ("augmenter_loss",)  # beside the terms of L0

    def update(self, model, batch):
        losses = model.update_augmenters(batch) if model.objective.uses_augmenters else {}
        return losses | model.update_encoder(batch)

model = MCLRec(PostNormSASRec(num_items=100), update_rule=AugmentersFirst())
```

Registered as above it is saved with the model; arguments of the rule go through `get_config`.
A rule with gradients of its own takes them as `Joint` does.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import keras
import tensorflow as tf

from mclrec_tf.layers.views import View
from mclrec_tf.training.gradients import apply_gradients, gradients, loss_scale
from mclrec_tf.training.objectives import Losses, Objective
from mclrec_tf.training.replicas import sum_over_replicas


class Batch(NamedTuple):
    """One training batch; the views are drawn once and shared by all updates of the batch.

    Attributes:
        history: int `[B, L]`, item ids, oldest first, right-padded with 0.
        targets: int `[B, L]`, the item that came next at each position; 0 where there is none.
        views: Two `View`s of the histories; None where the objective uses none.
    """

    history: tf.Tensor
    targets: tf.Tensor
    views: tuple[View, View] | None


class TwoPartModel(Protocol):
    """What a rule may use of the model."""

    objective: Objective
    optimizer: keras.optimizers.Optimizer
    augmenter_optimizer: keras.optimizers.Optimizer

    @property
    def encoder_weights(self) -> list[keras.Variable]:
        """θ."""

    @property
    def augmenter_weights(self) -> list[keras.Variable]:
        """φ."""

    @property
    def random_states(self) -> list[keras.Variable]:
        """States of the random numbers, dropout's among them."""

    def encoder_losses(self, batch: Batch) -> Losses:
        """L0 and its terms."""

    def outer_losses(self, batch: Batch) -> Losses:
        """L_rec + λ·L_cl1, what the encoder is for."""

    def update_encoder(self, batch: Batch) -> dict[str, tf.Tensor]:
        """θ ← θ − l·∇_θ L0; returns L0's terms by name."""

    def update_augmenters(self, batch: Batch) -> dict[str, tf.Tensor]:
        """φ ← φ − l′·∇_φ L1, the views encoded anew with the present θ; returns L1 by name."""


class UpdateRule:
    """Base of all rules."""

    reports: tuple[str, ...] = ()
    """Names of the losses that `update` returns beside the terms of L0."""

    def update(self, model: TwoPartModel, batch: Batch) -> dict[str, tf.Tensor]:
        """Updates the model's weights and returns the losses by name."""
        raise NotImplementedError(f"{type(self).__name__} must implement update().")

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "UpdateRule":
        return cls(**config)


@keras.saving.register_keras_serializable("mclrec_tf")
class Alternating(UpdateRule):
    """Algorithm 1 of the paper.

    θ ← θ − l·∇L0(θ, φ); then, with the views encoded anew by θ′, φ ← φ − l′·∇L1(θ′, φ).
    """

    reports = ("augmenter_loss",)

    def update(self, model: TwoPartModel, batch: Batch) -> dict[str, tf.Tensor]:
        losses = model.update_encoder(batch)
        if model.objective.uses_augmenters:
            losses |= model.update_augmenters(batch)
        return losses


@keras.saving.register_keras_serializable("mclrec_tf")
class AlternatingRefine(Alternating):
    """The authors' released trainer: as `Alternating`, then θ a second time, with φ′.

    The reported losses of the encoder are those of its first update.
    """

    def update(self, model: TwoPartModel, batch: Batch) -> dict[str, tf.Tensor]:
        losses = super().update(model, batch)
        if model.objective.uses_augmenters:
            model.update_encoder(batch)
        return losses


@keras.saving.register_keras_serializable("mclrec_tf")
class Joint(UpdateRule):
    """MCLRec-J: one update of θ and φ together on L0, each by its own optimizer."""

    def update(self, model: TwoPartModel, batch: Batch) -> dict[str, tf.Tensor]:
        if not model.objective.uses_augmenters:
            return model.update_encoder(batch)
        theta, phi = model.encoder_weights, model.augmenter_weights
        with tf.GradientTape(persistent=True) as tape:
            losses = model.encoder_losses(batch)
        theta_gradients = gradients(tape, losses, theta, model.optimizer)
        phi_gradients = gradients(tape, losses, phi, model.augmenter_optimizer)
        apply_gradients(model.optimizer, theta_gradients, theta)
        apply_gradients(model.augmenter_optimizer, phi_gradients, phi)
        return losses.terms


@keras.saving.register_keras_serializable("mclrec_tf")
class MAML(UpdateRule):
    """The augmenters learn what helps the encoder: their gradient is taken through its update.

    With the look-ahead θ′ = θ − l·∇_θ L0(θ, φ), one step of plain gradient descent at the
    encoder optimizer's present learning rate, and the outer loss L_out = L_rec + λ·L_cl1,

        φ ← φ − l′·∇_φ L_out(θ′(φ)),   then   θ ← θ − l·∇_θ L0(θ, φ)

    where θ takes its optimizer's step with the gradient that the look-ahead has used already.
    L_out depends on φ through θ′ alone, so with v = ∇_θ′ L_out(θ′) the gradient of φ is
    −l·∇_φ ⟨∇_θ L0(θ, φ), v⟩: one mixed derivative, and only of the terms of L0 in which φ
    appears. L_rec is never differentiated twice.

    Args:
        first_order: Replaces the mixed derivative by a central difference of first derivatives,
            (∇_φ L0(θ + εv, φ) − ∇_φ L0(θ − εv, φ)) / 2ε with ε = 0.01 / ‖v‖, as DARTS does.
            (First-order MAML proper, which takes θ′ for a constant, would leave the augmenters
            without any gradient, because φ does not appear in the outer loss.)

    Reference:
        Finn et al., 2017, arXiv 1703.03400; Liu et al., 2019, arXiv 1806.09055 (DARTS).
    """

    reports = ("outer_loss",)

    def __init__(self, first_order: bool = False) -> None:
        self.first_order = first_order

    def update(self, model: TwoPartModel, batch: Batch) -> dict[str, tf.Tensor]:
        if not model.objective.uses_augmenters:
            return model.update_encoder(batch)
        theta, phi = model.encoder_weights, model.augmenter_weights
        if not theta or not phi:  # frozen: there is no way of φ through an update of θ
            return {**model.update_encoder(batch), **model.outer_losses(batch).terms}
        random_states = [tf.identity(state.value) for state in model.random_states]
        # This tape sees φ alone, so what it records is the way of φ through ∇_θ L0.
        with tf.GradientTape(watch_accessed_variables=False) as phi_tape:
            phi_tape.watch([weight.value for weight in phi])
            with tf.GradientTape() as tape:
                losses = model.encoder_losses(batch)
            scaled = gradients(tape, losses, theta, model.optimizer)
            scale = loss_scale(model.optimizer, scaled[0].dtype)
            theta_gradients = [gradient / scale for gradient in scaled]

        outer, v = self._outer(model, batch, theta_gradients)
        if self.first_order:
            mixed = self._difference(model, batch, v, random_states)
        else:
            mixed = phi_tape.gradient(theta_gradients, phi, output_gradients=v)
        rate = tf.cast(model.optimizer.learning_rate, mixed[0].dtype)
        rate *= loss_scale(model.augmenter_optimizer, rate.dtype)

        # No weight moves before the outer loss, too, has been found finite.
        with tf.control_dependencies(v):
            apply_gradients(model.optimizer, scaled, theta)
        apply_gradients(model.augmenter_optimizer, [-rate * gradient for gradient in mixed], phi)
        return {**losses.terms, "outer_loss": outer.terms["outer_loss"]}

    def _outer(
        self, model: TwoPartModel, batch: Batch, theta_gradients: Sequence[tf.Tensor]
    ) -> tuple[Losses, list[tf.Tensor]]:
        """The outer loss at θ′, and v, its gradient there."""
        steps = sum_over_replicas(list(theta_gradients))
        rate = tf.cast(model.optimizer.learning_rate, steps[0].dtype)
        ahead = [
            tf.stop_gradient(weight.value - rate * step)
            for weight, step in zip(model.encoder_weights, _finite_or_zero(steps), strict=True)
        ]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(ahead)
            outer, random_states = _losses_at(
                model.outer_losses, batch, model, ahead, model.random_states
            )
        for state, after in zip(model.random_states, random_states, strict=True):
            state.assign(after)
        scale = loss_scale(model.optimizer, ahead[0].dtype)
        v = [gradient / scale for gradient in gradients(tape, outer, ahead, model.optimizer)]
        return outer, _finite_or_zero(sum_over_replicas(v))

    def _difference(
        self,
        model: TwoPartModel,
        batch: Batch,
        v: Sequence[tf.Tensor],
        random_states: Sequence[tf.Tensor],
    ) -> list[tf.Tensor]:
        """∇_φ ⟨∇_θ L0, v⟩ by a central difference along v."""
        epsilon = 0.01 / tf.maximum(tf.linalg.global_norm(v), 1e-12)

        def phi_gradients(distance: tf.Tensor) -> list[tf.Tensor]:
            moved = [
                weight.value + distance * direction
                for weight, direction in zip(model.encoder_weights, v, strict=True)
            ]
            with tf.GradientTape() as tape:
                # From the same random states both ends of the difference get the same dropout
                # masks, those of the batch's own L0. With masks of their own the difference
                # would be that of two dropouts, divided by a very small number.
                losses, _ = _losses_at(model.encoder_losses, batch, model, moved, random_states)
            scaled = gradients(tape, losses, model.augmenter_weights, model.augmenter_optimizer)
            scale = loss_scale(model.augmenter_optimizer, scaled[0].dtype)
            return [gradient / scale for gradient in scaled]

        ends = zip(phi_gradients(epsilon), phi_gradients(-epsilon), strict=True)
        return [(plus - minus) / (2.0 * epsilon) for plus, minus in ends]

    def get_config(self) -> dict[str, Any]:
        return {"first_order": self.first_order}


UPDATE_RULES: dict[str, Callable[[], UpdateRule]] = {
    "alternating": Alternating,
    "alternating_refine": AlternatingRefine,
    "joint": Joint,
    "maml": MAML,
    "maml_first_order": lambda: MAML(first_order=True),
}


def get_update_rule(rule: str | UpdateRule) -> UpdateRule:
    """The rule of a name, or the rule itself.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(rule, UpdateRule):
        return rule
    if not isinstance(rule, str) or rule not in UPDATE_RULES:
        raise ValueError(
            f"update_rule must be one of {sorted(UPDATE_RULES)} or an UpdateRule, got {rule!r}."
        )
    return UPDATE_RULES[rule]()


def _finite_or_zero(gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The gradients, or zeros if any is not finite.

    While the loss scale of float16 is still too high, gradients overflow and the optimizer skips
    the step; there is nothing to look ahead to then.
    """
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])
    return [tf.where(finite, g, tf.zeros_like(g)) for g in gradients]


def _losses_at(
    losses: Callable[[Batch], Losses],
    batch: Batch,
    model: TwoPartModel,
    theta: Sequence[tf.Tensor],
    random_states: Sequence[Any],
) -> tuple[Losses, list[tf.Tensor]]:
    """Losses of the model with other values for θ, and the states of the random numbers after.

    Nothing is assigned: within the scope, Keras variables have the given values, and what is
    assigned to others (random states, diagnostics) is dropped when it ends.
    """
    variables = model.encoder_weights + model.random_states
    with keras.StatelessScope(zip(variables, [*theta, *random_states], strict=True)) as scope:
        found = losses(batch)
    return found, [scope.get_current_value(state) for state in model.random_states]
