"""One place builds the models of pipeline and benchmarks: the same as by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import BSARec, GRU4Rec, MCLRec, PostNormSASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_similarity import similar_items
from mclrec_tf.layers.views import Insert, View
from mclrec_tf.models.building import build_model, encoder_optimizer
from mclrec_tf.models.presets import PRESETS
from mclrec_tf.training.averaging_adam import AveragingAdam


def begin_anew() -> None:
    """Names and random numbers as in a new process."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(4)


def described(model: MCLRec) -> dict[str, object]:
    """All that decides how a model trains."""
    return {
        "model": model.get_config(),
        "optimizers": [model.optimizer.get_config(), model.augmenter_optimizer.get_config()],
        "weights": [np.array(weight).tolist() for weight in model.get_weights()],
    }


def test_it_is_the_model_that_one_would_make_by_hand():
    begin_anew()
    encoder = PostNormSASRec(10, dim=8, max_length=6, num_layers=1, num_heads=2, dropout=0.1)
    operations = PRESETS["reference"].operations(encoder.item_embedding, 4, mask=0.3)
    by_hand = MCLRec(
        encoder, preset="reference", lambda_=0.1, beta=0.2, seed=4, operations=operations
    )
    by_hand.compile(
        AveragingAdam(0.01, use_ema=True, ema_momentum=0.9), keras.optimizers.Adam(0.02)
    )
    expected = described(by_hand)
    begin_anew()
    built = build_model(
        10,
        **{"dim": 8, "max_length": 6, "num_layers": 1, "num_heads": 2, "dropout": 0.1},
        **{"preset": "reference", "lambda_": 0.1, "beta": 0.2, "mask": 0.3, "seed": 4},
        optimizer=encoder_optimizer(0.01, preset="reference", ema=0.9),
        augmenter_learning_rate=0.02,
    )
    assert described(built) == expected


def test_an_encoder_keeps_its_own_defaults():
    model = build_model(10, encoder="gru4rec", dim=8, members=1)
    assert isinstance(model.encoder, GRU4Rec) and model.encoder.num_layers == 1


def test_inserted_items_leave_no_view_longer_than_the_encoder_reads():
    histories = Histories.from_lists([[1, 2, 3, 4, 5, 6, 7]] * 4)
    model = build_model(10, dim=8, max_length=6, similar_items=similar_items(histories, 10))
    [insert] = [one for one in model.stochastic_views.operations if isinstance(one, Insert)]
    longest = insert(View(tf.constant([[1, 2, 3, 4, 5, 6]]), tf.constant([6])))
    assert longest.lengths.numpy() == [6] and longest.ids.shape[1] == 6


def test_positions_are_those_asked_for():
    for given, expected in ((None, "from_end"), ("from_start", "from_start")):
        model = build_model(10, encoder="sasrec", dim=8, positions=given)
        assert {member.positions for member in model.encoder.members} == {expected}
    with pytest.raises(ValueError, match="GRU4Rec.*positions"):
        build_model(10, encoder="gru4rec", dim=8, positions="from_start")


@pytest.mark.parametrize(
    ("argument", "value"),
    [("weight_decay", -0.1), ("clipnorm", float("inf")), ("ema", 2)],
)
def test_an_optimizer_refuses_what_is_out_of_range_by_name(argument: str, value: float):
    with pytest.raises(ValueError, match=argument):
        encoder_optimizer(**{argument: value})


@pytest.mark.parametrize("argument", ["preset", "encoder"])
def test_a_wrong_name_is_told(argument: str):
    with pytest.raises(ValueError, match=f"{argument} must be one of .*'papers'"):
        build_model(10, dim=8, **{argument: "papers"})


def test_what_is_left_out_is_the_presets():
    begin_anew()
    model = build_model(10, dim=8)
    own = PRESETS["recommended"]
    assert [type(member) for member in model.encoder.members] == [BSARec] * own.members
    assert (model.objective, model.label_smoothing) == (own.objective, own.label_smoothing)
    assert model.optimizer.weight_decay == own.weight_decay
    assert model.optimizer.ema_momentum == own.ema
    paper = build_model(10, dim=8, preset="paper", label_smoothing=0.2, beta=0.5)
    assert isinstance(paper.encoder, PostNormSASRec)
    assert (paper.label_smoothing, paper.objective.beta) == (0.2, 0.5)
    assert paper.objective.similarity == "inner_product"
    alone = encoder_optimizer(preset="paper", weight_decay=0.3)
    assert (alone.weight_decay, alone.ema_momentum) == (0.3, PRESETS["paper"].ema)


def test_a_preset_that_is_not_there_is_refused():
    for make in (lambda: build_model(10, preset="best"), lambda: encoder_optimizer(preset="best")):
        with pytest.raises(ValueError, match="preset must be one of .*recommended"):
            make()


def test_an_encoder_that_is_made_already_is_refused() -> None:
    with pytest.raises(ValueError, match=r"encoder must be a name or a class.*MCLRec\(encoder\)"):
        build_model(9, encoder=BSARec(9))  # type: ignore[arg-type]
