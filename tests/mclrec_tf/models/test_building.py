"""One place builds the models of pipeline and benchmarks: the same as by hand."""

import keras
import numpy as np
import pytest

from mclrec_tf import GRU4Rec, MCLRec, SASRec
from mclrec_tf.models.building import build_model, encoder_optimizer
from mclrec_tf.models.presets import PRESETS

HISTORY = np.array([[3, 7, 2, 0], [9, 4, 4, 8]])
TARGETS = np.array([[7, 2, 5, 0], [4, 4, 8, 1]])


def trained(model: MCLRec) -> list[np.ndarray]:
    model.fit(HISTORY, TARGETS, verbose=0)
    return [np.array(weight) for weight in model.get_weights()]


def test_it_is_the_model_that_one_would_make_by_hand():
    keras.utils.set_random_seed(4)
    encoder = SASRec(10, dim=8, max_length=6, num_layers=1, num_heads=2, dropout=0.1)
    operations = PRESETS["reference"].operations(encoder.item_embedding, 4, mask=0.3)
    by_hand = MCLRec(
        encoder, preset="reference", lambda_=0.1, beta=0.2, seed=4, operations=operations
    )
    by_hand.compile(
        keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9), keras.optimizers.Adam(0.02)
    )
    expected = trained(by_hand)
    keras.utils.set_random_seed(4)
    built = build_model(
        10,
        **{"dim": 8, "max_length": 6, "num_layers": 1, "num_heads": 2, "dropout": 0.1},
        **{"preset": "reference", "lambda_": 0.1, "beta": 0.2, "mask": 0.3, "seed": 4},
        optimizer=encoder_optimizer(0.01, ema=0.9),
        augmenter_learning_rate=0.02,
    )
    for weight, other in zip(trained(built), expected, strict=True):
        np.testing.assert_array_equal(weight, other)


def test_an_encoder_keeps_its_own_defaults():
    model = build_model(10, encoder="gru4rec", dim=8)
    assert isinstance(model.encoder, GRU4Rec) and model.encoder.num_layers == 1


@pytest.mark.parametrize("argument", ["preset", "encoder"])
def test_a_wrong_name_is_told(argument: str):
    with pytest.raises(ValueError, match=f"{argument} must be one of .*'papers'"):
        build_model(10, dim=8, **{argument: "papers"})
