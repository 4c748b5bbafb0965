"""What happens with a batch: the order in which encoder θ and augmenters φ are updated."""

from typing import NamedTuple, Protocol

import tensorflow as tf

from mclrec_tf.layers.view_operations import View
from mclrec_tf.objectives import Objective


class Batch(NamedTuple):
    """One training batch; the views are drawn once and shared by all updates of the batch.

    Attributes:
        history: int `[B, L]`, item ids, oldest first, right-padded with 0.
        targets: int `[B, L]`, the item that came next at each position; 0 where none is asked.
        views: Two `View`s of the histories.
    """

    history: tf.Tensor
    targets: tf.Tensor
    views: tuple[View, View]


class TwoStageModel(Protocol):
    """What a rule needs of the model: its two updates, each of which returns losses by name."""

    objective: Objective

    def update_encoder(self, batch: Batch) -> dict[str, tf.Tensor]: ...

    def update_augmenters(self, batch: Batch) -> dict[str, tf.Tensor]: ...


class Alternating:
    """Algorithm 1 of the paper.

    θ ← θ − l·∇L0(θ, φ); then, with the views encoded anew by θ′, φ ← φ − l′·∇L1(θ′, φ).
    """

    def update(self, model: TwoStageModel, batch: Batch) -> dict[str, tf.Tensor]:
        """Updates the model's weights and returns the losses by name."""
        losses = model.update_encoder(batch)
        if model.objective.uses_augmenters:
            losses |= model.update_augmenters(batch)
        return losses


class AlternatingRefine(Alternating):
    """The authors' released trainer: as `Alternating`, then θ a second time, with φ′.

    The reported losses of the encoder are those of its first update.
    """

    def update(self, model: TwoStageModel, batch: Batch) -> dict[str, tf.Tensor]:
        losses = super().update(model, batch)
        model.update_encoder(batch)
        return losses
