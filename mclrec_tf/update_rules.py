"""What happens with a batch: the order in which encoder θ and augmenters φ are updated."""

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from mclrec_tf.mclrec import Batch, MCLRec


class Alternating:
    """Algorithm 1 of the paper.

    θ ← θ − l·∇L0(θ, φ); then, with the views encoded anew by θ′, φ ← φ − l′·∇L1(θ′, φ).
    """

    def update(self, model: "MCLRec", batch: "Batch") -> dict[str, tf.Tensor]:
        """Updates the model's weights and returns the losses by name."""
        losses = model.update_encoder(batch)
        if model.objective.uses_augmenters:
            losses |= model.update_augmenters(batch)
        return losses


class AlternatingRefine(Alternating):
    """The authors' released trainer: as `Alternating`, then θ a second time, with φ′.

    The reported losses of the encoder are those of its first update.
    """

    def update(self, model: "MCLRec", batch: "Batch") -> dict[str, tf.Tensor]:
        losses = super().update(model, batch)
        model.update_encoder(batch)
        return losses
