"""A loss that is not finite stops training before it reaches any weight."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.mclrec_tf.ring import HISTORY, TARGETS, make_model, values


def assert_stops(model: Any, message: str) -> None:
    variables = model.trainable_weights + model.optimizer.variables
    variables = variables + model.augmenter_optimizer.variables
    before = values(variables)
    with pytest.raises(FloatingPointError, match=f"^{message}") as error:
        model.fit(tf.constant(HISTORY), tf.constant(TARGETS), verbose=0)
    # Nothing of TensorFlow's graph is around it.
    assert str(error.value).endswith("clip the gradients (clipnorm).")
    assert error.value.__suppress_context__
    for old, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())


@pytest.mark.parametrize("eager", [pytest.param(False, marks=pytest.mark.integration), True])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_number_in_the_item_table(bad: float, eager: bool) -> None:
    model = make_model(compile_arguments={"run_eagerly": eager})
    table = model.encoder.item_embedding.table.numpy()
    table[4, 2] = bad
    model.encoder.item_embedding.table.assign(table)
    assert_stops(model, "rec_loss is not finite, training stops.*lower the learning rate")


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("alternating", marks=pytest.mark.integration),  # in a graph
        "joint",
        "maml",
        "maml_first_order",
    ],
)
def test_overflowing_contrast(rule: str) -> None:
    """Vectors of length 1e20 have finite scores, but no finite inner products."""
    model = make_model(update_rule=rule, compile_arguments={"run_eagerly": rule != "alternating"})
    model.encoder.blocks[-1].output_norm.gamma.assign(np.full(16, 1e20, np.float32))
    assert_stops(model, "cl1_loss is not finite, training stops.*raise the temperature")


@pytest.mark.slow
def test_look_ahead_that_overflows() -> None:
    """L0 is finite, the loss of the encoder a step ahead is not: then nobody moves."""
    model = make_model(update_rule="maml")
    model.optimizer.learning_rate = 1e30
    assert_stops(model, "outer_loss is not finite, training stops.*lower its learning rate")
