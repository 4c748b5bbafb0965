"""The two objectives: L0 trains the encoder, L1 the augmenters (Eq. 14 and 15)."""

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from mclrec_tf.arguments import check_weight
from mclrec_tf.training.losses import (
    batch_margin_regularization,
    info_nce,
    row_margin_regularization,
)

VIEWS = ("contrast", "training_data")
SIMILARITIES = ("inner_product", "cosine")


class ViewVectors(NamedTuple):
    """Vectors of two views of each sequence, each `[B, d]`: encoded h̃ and augmented z̃.

    Without augmenters there is no z̃.
    """

    h1: tf.Tensor
    h2: tf.Tensor
    z1: tf.Tensor | None = None
    z2: tf.Tensor | None = None


class ViewLosses(NamedTuple):
    """The terms of the objectives that compare views, scalars: L_cl1, L_cl2 and R.

    A term of weight 0 is not computed and stands as 0.
    """

    cl1_loss: tf.Tensor | float = 0.0
    cl2_loss: tf.Tensor | float = 0.0
    regularization: tf.Tensor | float = 0.0


class Losses(NamedTuple):
    """An objective, ready to be differentiated, and what there is to report of it.

    Attributes:
        objective: Scalar, this replica's part of the objective: the parts of all replicas add
            up to the objective of the whole batch. On one device, the objective.
        terms: The objective and its terms by name, means over what this replica has.
    """

    objective: tf.Tensor
    terms: dict[str, tf.Tensor]


@dataclass(frozen=True)
class Objective:
    """The paper's objectives: L0 = L_rec + λ·L_cl1 + β·L_cl2 + γ·R and L1 = L_cl2 + γ·R.

    Args:
        lambda_: λ, weight of the contrast of the stochastic views, L_cl1.
        beta: β, weight of the contrast with the learned views, L_cl2.
        regularization: γ/β, weight of R beside L_cl2; 0.1 in the paper.
        temperature: τ of L_cl1.
        learned_temperature: τ of L_cl2; 1 in the authors' code.
        similarity: `"inner_product"`, the paper's, or `"cosine"`. By inner products the length of
            the encoder's vectors decides how much the contrast weighs beside L_rec: an encoder
            whose vectors end in a LayerNorm has lengths near √d, one without has others, and
            neither stays what it was while training. By cosines it plays no part. Learned views
            have length 1 under both.
        views: What the stochastic views are for: `"contrast"`, or `"training_data"`, where λ
            and β play no part and each view predicts what came after the original history.
    """

    lambda_: float = 0.0
    beta: float = 0.01
    regularization: float = 0.1
    temperature: float = 1.0
    views: str = "contrast"
    similarity: str = "inner_product"
    learned_temperature: float = 1.0

    def __post_init__(self) -> None:
        temperatures = ("temperature", "learned_temperature")
        for name in ("lambda_", "beta", "regularization", *temperatures):
            check_weight(**{name: getattr(self, name)})
        for name in temperatures:
            if getattr(self, name) == 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")
        for name, known in (("views", VIEWS), ("similarity", SIMILARITIES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}.")

    @property
    def view_terms(self) -> tuple[str, ...]:
        """Names of the terms of L0 that come from views; those of weight 0 are left out."""
        if self.views == "training_data":
            return ("view_rec_loss",)
        weights = {
            "cl1_loss": self.lambda_,
            "cl2_loss": self.beta,
            "regularization": self.beta * self.regularization,
        }
        return tuple(name for name, weight in weights.items() if weight > 0)

    @property
    def uses_views(self) -> bool:
        """Whether any view enters L0; if not, the encoder is trained alone."""
        return bool(self.view_terms)

    @property
    def uses_augmenters(self) -> bool:
        """Whether the learned views enter L0."""
        return "cl2_loss" in self.view_terms

    def view_losses(self, views: ViewVectors) -> ViewLosses:
        """L_cl1 = L_con(h̃1, h̃2), L_cl2 = L_con(z̃1, z̃2) + L_con(h̃1, z̃2) + L_con(h̃2, z̃1), R."""
        if self.similarity == "cosine":
            views = views._replace(h1=_unit(views.h1), h2=_unit(views.h2))
        h1, h2, z1, z2 = views
        losses = ViewLosses()
        if "cl1_loss" in self.view_terms:
            losses = losses._replace(cl1_loss=info_nce(h1, h2, self.temperature))
        if "cl2_loss" in self.view_terms:
            pairs = ((z1, z2), (h1, z2), (h2, z1))
            cl2 = sum(info_nce(*pair, self.learned_temperature) for pair in pairs)
            losses = losses._replace(cl2_loss=cl2)
        if "regularization" in self.view_terms:
            losses = losses._replace(regularization=self.regularizer(views))
        return losses

    def regularizer(self, views: ViewVectors) -> tf.Tensor:
        """R of the learned views (Eq. 13)."""
        return batch_margin_regularization(views.z1, views.z2)

    def encoder_loss(self, rec_loss: tf.Tensor, losses: ViewLosses) -> tf.Tensor:
        """L0 (Eq. 14) from its terms."""
        return rec_loss + self.view_loss(losses)

    def view_loss(self, losses: ViewLosses) -> tf.Tensor:
        """What views add to L_rec in L0."""
        cl1, cl2, r = losses
        return self.lambda_ * cl1 + self.beta * (cl2 + self.regularization * r)

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


def _unit(vectors: tf.Tensor) -> tf.Tensor:
    """Vectors of length 1; one of length 0 stays, and gives no gradient that is not finite."""
    return tf.math.l2_normalize(vectors, axis=-1, epsilon=1e-12)
