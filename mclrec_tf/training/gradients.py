"""Gradients as the optimizers take them: dense, scaled, and only of finite losses."""

import re
from collections.abc import Sequence

import keras
import tensorflow as tf

from mclrec_tf.training.objectives import Losses

_DIVERGED = (
    "If the weights hold NaN or infinity, go back to the last good checkpoint; then lower the "
    "learning rate or clip the gradients (clipnorm)."
)
_STOPS = " is not finite, training stops."
# TensorFlow puts " : Tensor had NaN values" behind the message, and much else around it.
NOT_FINITE = re.compile(rf"\w+{re.escape(_STOPS)}.*?(?= : Tensor had )", re.DOTALL)
"""Finds in an error of TensorFlow what `check_finite` says."""
ADVICE = {
    "rec_loss": _DIVERGED,
    "view_rec_loss": _DIVERGED,
    "cl1_loss": "The encoded views have grown too long for their inner products: lower lambda_ "
    f"or the learning rate, or raise the temperature. {_DIVERGED}",
    "cl2_loss": "The encoded views have grown too long for their inner products: lower beta or "
    f"the learning rate. {_DIVERGED}",
    "outer_loss": "The look-ahead of the encoder went too far: lower its learning rate. "
    f"{_DIVERGED}",
    "augmenter_loss": "The weights of the augmenters or the encoded views have grown too far: "
    f"lower the learning rate of augmenter_optimizer, or beta. {_DIVERGED}",
}


def gradients(
    tape: tf.GradientTape,
    losses: Losses,
    weights: Sequence[keras.Variable | tf.Tensor],
    optimizer: keras.optimizers.Optimizer,
) -> list[tf.Tensor]:
    """Gradients of an objective, for `apply_gradients`.

    They are scaled as the optimizer wants it; `loss_scale` tells by how much. Every term of the
    losses is checked to be finite first, so a loss that is not finite changes no weight.

    Args:
        tape: Has seen how the losses came about.
        losses: The objective and its terms.
        weights: What to differentiate by.
        optimizer: Gets the gradients.

    Returns:
        A dense tensor a weight; zeros where the objective does not depend on it.

    Raises:
        tf.errors.InvalidArgumentError: A term is NaN or infinite; the message names it. `fit` and
            the other loops of a model make a `FloatingPointError` of it.
    """
    found = tape.gradient(
        losses.objective,
        # For a weight that the loss does not reach, TensorFlow makes zeros only of its own kind.
        [weight.value if isinstance(weight, keras.Variable) else weight for weight in weights],
        output_gradients=loss_scale(optimizer, losses.objective.dtype),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    # The softmax reaches every row of the item table, so its gradient is dense in any case; a
    # lookup's part is a list of rows that may repeat, which clipping would measure wrongly.
    dense = [tf.convert_to_tensor(gradient) for gradient in found]
    with tf.control_dependencies(check_finite(losses)):
        return [tf.identity(gradient) for gradient in dense]


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    weights: Sequence[keras.Variable],
) -> None:
    """The optimizer's step, in a graph too only when all gradients are there.

    Otherwise its count of steps would already have moved when a loss is found not to be finite.
    """
    with tf.control_dependencies(gradients):
        optimizer.apply(list(gradients), weights)


def loss_scale(optimizer: keras.optimizers.Optimizer, dtype: tf.DType) -> tf.Tensor:
    """What the optimizer expects its gradients to be multiplied by; 1 but for float16."""
    return tf.convert_to_tensor(optimizer.scale_loss(tf.ones((), dtype)))


def check_finite(losses: Losses) -> list[tf.Tensor]:
    """Checks of all terms, which raise where one is NaN or infinite.

    One after the other, so that the term in which it began is named, not the sum.
    """
    checks: list[tf.Tensor] = []
    for name, value in losses.terms.items():
        advice = ADVICE.get(name, _DIVERGED)
        with tf.control_dependencies(checks[-1:]):
            message = f"{name}{_STOPS} {advice}"
            checks.append(tf.debugging.check_numerics(value, message))
    return checks
