"""The two objectives: L0 trains the encoder, L1 the augmenters (Eq. 14 and 15)."""

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from mclrec_tf.losses import batch_margin_regularization, info_nce, row_margin_regularization


class ViewVectors(NamedTuple):
    """Vectors of two views of each sequence, each `[B, d]`: encoded h̃ and augmented z̃."""

    h1: tf.Tensor
    h2: tf.Tensor
    z1: tf.Tensor
    z2: tf.Tensor


class ViewLosses(NamedTuple):
    """The terms of the objectives that compare views, scalars: L_cl1, L_cl2 and R."""

    cl1_loss: tf.Tensor
    cl2_loss: tf.Tensor
    regularization: tf.Tensor


@dataclass(frozen=True)
class Objective:
    """The paper's objectives: L0 = L_rec + λ·L_cl1 + β·L_cl2 + γ·R and L1 = L_cl2 + γ·R.

    Args:
        lambda_: λ, weight of the contrast of the stochastic views, L_cl1.
        beta: β, weight of the contrast with the learned views, L_cl2.
        regularization: γ/β, weight of R beside L_cl2; 0.1 in the paper.
        temperature: τ of L_cl1. L_cl2 has temperature 1, as in the authors' code.
    """

    lambda_: float = 0.0
    beta: float = 0.01
    regularization: float = 0.1
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("lambda_", "beta", "regularization"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}.")
        if not self.temperature > 0:
            raise ValueError(f"temperature must be positive, got {self.temperature}.")

    @property
    def uses_views(self) -> bool:
        """Whether any view enters L0; if not, the encoder is trained alone."""
        return self.lambda_ > 0 or self.uses_augmenters

    @property
    def uses_augmenters(self) -> bool:
        """Whether the learned views enter L0."""
        return self.beta > 0

    def view_losses(self, views: ViewVectors) -> ViewLosses:
        """L_cl1 = L_con(h̃1, h̃2), L_cl2 = L_con(z̃1, z̃2) + L_con(h̃1, z̃2) + L_con(h̃2, z̃1), R."""
        h1, h2, z1, z2 = views
        return ViewLosses(
            cl1_loss=info_nce(h1, h2, self.temperature),
            cl2_loss=info_nce(z1, z2) + info_nce(h1, z2) + info_nce(h2, z1),
            regularization=self.regularizer(views),
        )

    def regularizer(self, views: ViewVectors) -> tf.Tensor:
        """R of the learned views (Eq. 13)."""
        return batch_margin_regularization(views.z1, views.z2)

    def encoder_loss(self, rec_loss: tf.Tensor, losses: ViewLosses) -> tf.Tensor:
        """L0 (Eq. 14) from its terms."""
        cl1, cl2, r = losses
        return rec_loss + self.lambda_ * cl1 + self.beta * (cl2 + self.regularization * r)

    def augmenter_loss(self, losses: ViewLosses) -> tf.Tensor:
        """L1 (Eq. 15) from its terms."""
        return losses.cl2_loss + self.beta * self.regularization * losses.regularization


@dataclass(frozen=True)
class ReferenceObjective(Objective):
    """The objectives of the authors' code, to the last digit.

    R has margins per row and is summed over the pairs (h̃1, z̃2), (h̃2, z̃1), (z̃1, z̃2);
    L1 = λ·L_cl1 + L_cl2 + 0.1·R, without the β that the paper's γ brings. (λ·L_cl1 gives the
    augmenters no gradient; it is there so that the reported loss is the authors'.)
    """

    def regularizer(self, views: ViewVectors) -> tf.Tensor:
        return (
            row_margin_regularization(views.h1, views.z2)
            + row_margin_regularization(views.h2, views.z1)
            + row_margin_regularization(views.z1, views.z2)
        )

    def augmenter_loss(self, losses: ViewLosses) -> tf.Tensor:
        cl1, cl2, r = losses
        return self.lambda_ * cl1 + cl2 + self.regularization * r
