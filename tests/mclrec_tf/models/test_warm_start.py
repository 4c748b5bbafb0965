"""A model goes on where an earlier one stood, although items came, went and changed their ids."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec
from mclrec_tf.encoders import ENCODERS
from mclrec_tf.models.architecture import ArchitectureMismatchError
from mclrec_tf.models.warm_start import warm_start

_BEFORE = [f"item-{n}" for n in range(20)]
_AFTER = ["new-0", *_BEFORE[17:4:-1], "new-1", "new-2"]  # others, fewer, and in another order


def _model(num_items: int, encoder: str = "sasrec", ema: bool = False, **options: Any) -> MCLRec:
    """A small compiled model, which trains without a graph: it takes longer to make."""
    sizes = {"num_layers": 1, "dim": 8, "max_length": 10, "dropout": 0.0, **options}
    if encoder != "gru4rec":
        sizes.setdefault("num_heads", 2)
    model = MCLRec(ENCODERS[encoder](num_items=num_items, **sizes), beta=0.1, seed=1)
    model.compile(
        keras.optimizers.Adam(0.01, use_ema=ema, ema_momentum=0.9),
        keras.optimizers.Adam(0.02),
        run_eagerly=True,
    )
    return model


def _trained(model: MCLRec, epochs: int = 2) -> MCLRec:
    items = np.random.default_rng(0).integers(1, model.num_items + 1, (16, 7)).astype(np.int32)
    model.fit(items[:, :-1], items[:, 1:], epochs=epochs, batch_size=16, shuffle=False, verbose=0)
    return model


def _as_if_trained(model: MCLRec) -> MCLRec:
    """Quicker than training: chance for all weights, and for what the optimizers keep."""
    random = np.random.default_rng(0)
    optimizers = [model.optimizer, model.augmenter_optimizer]
    slots = [v for optimizer in optimizers for v in optimizer.variables if v.ndim]
    for variable in [*model.trainable_variables, *slots]:
        variable.assign(random.uniform(0.01, 0.1, variable.shape))
    for optimizer in optimizers:
        optimizer.iterations.assign(12)
    return model


@pytest.fixture(scope="module")
def previous() -> MCLRec:
    return _as_if_trained(_model(len(_BEFORE)))


def _ids(names: list[str], vocabulary: list[str]) -> tf.Tensor:
    return tf.constant([[vocabulary.index(name) + 1 for name in names]], tf.int32)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_scores_of_known_items_are_those_of_the_earlier_model(encoder: str) -> None:
    previous = _as_if_trained(_model(len(_BEFORE), encoder))
    model = _model(len(_AFTER), encoder)
    known = [name for name in _AFTER if name in _BEFORE]
    assert warm_start(model, previous, _AFTER, _BEFORE) == len(known)
    history = known[3:9]
    before = previous(_ids(history, _BEFORE)).numpy()[0]
    after = model(_ids(history, _AFTER)).numpy()[0]
    np.testing.assert_allclose(
        [after[_AFTER.index(name) + 1] for name in known],
        [before[_BEFORE.index(name) + 1] for name in known],
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.integration
def test_with_the_same_catalogue_training_goes_on_as_if_nothing_had_happened(
    tmp_path: Path,
) -> None:
    previous = _trained(_model(len(_BEFORE)))
    previous.save(tmp_path / "model.keras")
    model = _model(len(_BEFORE))
    warm_start(model, keras.models.load_model(tmp_path / "model.keras"), _BEFORE, _BEFORE)
    for state, earlier in zip(model.random_states, previous.random_states, strict=True):
        state.assign(earlier)
    _trained(previous, epochs=1)
    _trained(model, epochs=1)
    for weight, expected in zip(
        model.trainable_variables, previous.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=1e-6, err_msg=weight.path)


def test_known_items_keep_the_state_of_the_optimizer_and_new_ones_have_none(
    previous: MCLRec,
) -> None:
    model = _model(len(_AFTER))
    warm_start(model, previous, _AFTER, _BEFORE)
    assert int(model.optimizer.iterations) == int(previous.optimizer.iterations) > 0
    assert int(model.augmenter_optimizer.iterations) > 0
    for kind in ("momentum", "velocity"):
        [slot, earlier] = [
            next(v for v in m.optimizer.variables if v.name.endswith(f"embedding_table_{kind}"))
            for m in (model, previous)
        ]
        assert np.any(earlier)
        for row, name in enumerate(_AFTER, start=1):
            expected = earlier[_BEFORE.index(name) + 1] if name in _BEFORE else np.zeros(8)
            np.testing.assert_array_equal(slot[row], expected)
    pairs = zip(
        model.augmenter_optimizer.variables, previous.augmenter_optimizer.variables, strict=True
    )
    for slot, earlier in pairs:
        np.testing.assert_array_equal(slot, earlier)


def test_a_new_item_starts_near_the_rare_ones_and_not_near_the_popular_ones() -> None:
    previous = _as_if_trained(_model(len(_BEFORE)))
    table = previous.encoder.item_embedding.table
    popularity = np.linspace(9, 0, len(_BEFORE))  # ids are by falling frequency
    table.assign(np.concatenate([[0], popularity, [0]])[:, None] * np.ones((1, 8)))
    model = _model(len(_AFTER))
    warm_start(model, previous, _AFTER, _BEFORE)
    new = model.encoder.item_embedding.table.numpy()[[1, len(_AFTER) - 1, len(_AFTER)]]
    np.testing.assert_allclose(new, np.full((3, 8), popularity[-2:].mean()), atol=0.12)


def test_new_items_differ_and_do_not_overtake_known_ones(previous: MCLRec) -> None:
    model = _model(len(_AFTER))
    warm_start(model, previous, _AFTER, _BEFORE)
    table = model.encoder.item_embedding.table.numpy()
    new = table[[1, len(_AFTER) - 1, len(_AFTER)]]
    rarest = previous.encoder.item_embedding.table.numpy()[19:21].mean(axis=0)
    assert len(np.unique(new, axis=0)) == 3
    np.testing.assert_allclose(new, np.tile(rarest, (3, 1)), atol=0.12)  # six standard deviations


def test_the_new_learning_rates_stay(previous: MCLRec) -> None:
    model = _model(len(_AFTER))
    model.optimizer.learning_rate.assign(0.003)
    warm_start(model, previous, _AFTER, _BEFORE)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.003)


@pytest.mark.parametrize("earlier_ema", [False, True])
def test_averages_begin_with_the_weights(earlier_ema: bool) -> None:
    previous = _as_if_trained(_model(len(_BEFORE), ema=earlier_ema))
    model = _model(len(_AFTER), ema=True)
    warm_start(model, previous, _AFTER, _BEFORE)
    averages = [v for v in model.optimizer.variables if v.name.endswith("_average")]
    assert len(averages) == len(model.encoder_weights)
    for average, weight in zip(averages, model.encoder_weights, strict=True):
        np.testing.assert_array_equal(average, weight)


def test_another_optimizer_starts_anew(previous: MCLRec) -> None:
    model = _model(len(_AFTER))
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), keras.optimizers.Adam(0.01))
    warm_start(model, previous, _AFTER, _BEFORE)
    assert int(model.optimizer.iterations) == 0
    assert int(model.augmenter_optimizer.iterations) > 0


@pytest.mark.parametrize(
    ("encoder", "options", "difference"),
    [
        ("bsarec", {}, "its encoder is a SASRec, that of the new model a BSARec"),
        ("post_norm_sasrec", {}, "its encoder is a SASRec, that of the new model a PostNormSASRec"),
        ("sasrec", {"dim": 16}, "its encoder has dim=8, that of the new model 16"),
        # Weights of these have the shapes of the earlier model's, but not their meaning.
        ("sasrec", {"num_heads": 4}, "its encoder has num_heads=2, that of the new model 4"),
        (
            "sasrec",
            {"positions": "from_start"},
            "its encoder has positions='from_end', that of the new model 'from_start'",
        ),
        ("sasrec", {"max_length": 12}, "it has weights of the shapes "),
    ],
)
def test_another_architecture_is_refused(
    previous: MCLRec, encoder: str, options: dict[str, Any], difference: str
) -> None:
    model = _model(len(_AFTER), encoder, **options)
    before = model.get_weights()
    with pytest.raises(ArchitectureMismatchError, match=r"start from scratch\.$") as error:
        warm_start(model, previous, _AFTER, _BEFORE)
    assert error.value.difference.startswith(difference)
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_another_dropout_is_not_another_architecture(previous: MCLRec) -> None:
    assert warm_start(_model(len(_AFTER), dropout=0.3), previous, _AFTER, _BEFORE) > 0


@pytest.mark.parametrize("items", [_AFTER[:-1], [*_AFTER[:-1], _AFTER[0]]])
def test_a_vocabulary_that_does_not_fit_is_refused(previous: MCLRec, items: list[str]) -> None:
    with pytest.raises(ValueError, match=rf"items: {len(items)} names"):
        warm_start(_model(len(_AFTER)), previous, items, _BEFORE)
