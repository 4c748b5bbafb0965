"""What Keras offers beside `fit` on arrays: it works with this model, or is refused by name."""

import copy
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import BSARec, GRU4Rec, MCLRec, SASRec, SequenceEncoder
from mclrec_tf.models.warm_start import warm_start
from mclrec_tf.training.fit_callbacks import tell_directions
from tests.mclrec_tf.ring import HISTORY, ITEMS, TARGETS, changes, make_model, values

EAGER = {"run_eagerly": True}
SGD, Adam = keras.optimizers.SGD, keras.optimizers.Adam
RANKED = ([[1, 2, 3], [5, 6, 7]], [4, 8])


def fitted(**arguments: Any) -> MCLRec:
    model = make_model(compile_arguments=EAGER, **arguments)
    model.fit(HISTORY, TARGETS, verbose=0)
    return model


@pytest.fixture(scope="module")
def trained() -> MCLRec:
    """For tests that only read it."""
    return fitted()


@pytest.fixture(scope="module")
def trained_with_shared_augmenters() -> MCLRec:
    """For tests that only read it."""
    return fitted(share_augmenters=True, update_rule="joint")


def same_predictions(first: MCLRec, second: MCLRec) -> None:
    a, b = (model.predict(HISTORY, verbose=0) for model in (first, second))
    np.testing.assert_array_equal(a, b)


# compile


def test_what_compile_cannot_do_is_refused_by_name() -> None:
    model = MCLRec(SASRec(ITEMS, dim=8))
    for name, value in {
        "loss": "mse",
        "metrics": ["accuracy"],
        "weighted_metrics": ["accuracy"],
        "loss_weights": [1.0],
        "jit_compile": True,
        "optimizer": None,
        "augmenter_optimizer": None,
    }.items():
        with pytest.raises(ValueError, match=f"^{name}\\b"):
            model.compile(**{name: value})
    model.compile(loss=None, metrics=None, jit_compile="auto")
    assert model.jit_compile is False


def test_optimizers_of_other_weights_are_refused() -> None:
    adam = Adam()
    with pytest.raises(ValueError, match="augmenter_optimizer must be an instance of its own"):
        make_model(optimizers=(keras.mixed_precision.LossScaleOptimizer(adam), adam))
    model = make_model(optimizers=(adam, Adam()))
    model.compile(adam, Adam())  # again, for the same weights
    with pytest.raises(ValueError, match="^optimizer has trained other weights"):
        make_model(optimizers=(adam, Adam()))
    with pytest.raises(ValueError, match="^augmenter_optimizer has trained other weights"):
        make_model(optimizers=(Adam(), adam))


@pytest.mark.skipif(not hasattr(keras.optimizers, "MultiOptimizer"), reason="Keras has none")
@pytest.mark.parametrize("place", [0, 1])
def test_an_optimizer_of_several_rates_is_refused_by_its_argument(place: int) -> None:
    several = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(Adam()))
    optimizers = [Adam(), Adam()]
    for optimizer in (several, keras.mixed_precision.LossScaleOptimizer(several)):
        optimizers[place] = optimizer
        name = ("optimizer", "augmenter_optimizer")[place]
        with pytest.raises(ValueError, match=f"^{name} must be one optimizer"):
            make_model(optimizers=tuple(optimizers))


OPTIMIZERS = sorted(
    name
    for name, kind in vars(keras.optimizers).items()
    if isinstance(kind, type)
    and issubclass(kind, keras.optimizers.Optimizer)
    and name not in ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")
)


@pytest.mark.parametrize("name", [*OPTIMIZERS, "string", "config", "LossScaleOptimizer"])
def test_every_optimizer_of_keras_trains(name: str, tmp_path: Path) -> None:
    def new() -> Any:
        if name == "string":
            return "rmsprop"
        if name == "config":
            return keras.optimizers.serialize(Adam(0.01))
        if name == "LossScaleOptimizer":
            return keras.mixed_precision.LossScaleOptimizer(Adam(0.01))
        return getattr(keras.optimizers, name)(learning_rate=0.01)

    # Jointly a step takes half as long, and both optimizers do what they do under other rules.
    model = make_model(optimizers=(new(), new()), update_rule="joint", compile_arguments=EAGER)
    before = values(model.trainable_weights)
    model.fit(HISTORY, TARGETS, verbose=0)
    moved = [bool(np.any(change)) for change in changes(before, model.trainable_weights)]
    assert np.mean(moved) > 0.9
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_names_of_results_belong_to_them() -> None:
    model = fitted()
    for results in (model.evaluate(*RANKED, verbose=0), model.test_on_batch(*RANKED)):
        expected = model.evaluate(*RANKED, verbose=0, return_dict=True)
        assert dict(zip(model.metrics_names, results, strict=True)) == pytest.approx(expected)
    results = model.train_on_batch(HISTORY, TARGETS)
    assert model.metrics_names[: len(results)][0] == "loss" and "cl2_loss" in model.metrics_names


# Encoders of one's own, and parts that are not trained


@keras.saving.register_keras_serializable("test_keras_contract")
class OwnEncoder(SequenceEncoder):
    """With a weight that no loss reaches, and moving statistics."""

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.spare = self.add_weight(shape=(4,), name="spare")
        self.norm = keras.layers.BatchNormalization()
        self.norm.build((None, None, self.dim))

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        return self.norm(self.item_embedding(ids), training=training)


@pytest.mark.parametrize("rule", ["alternating", "joint", "maml", "maml_first_order"])
def test_own_encoder_with_weights_that_the_loss_does_not_reach(rule: str) -> None:
    model = MCLRec(OwnEncoder(ITEMS, dim=8), beta=0.1, update_rule=rule)
    model.compile(SGD(0.1), SGD(0.1), run_eagerly=True)
    before = values(model.weights)
    model.fit(HISTORY, TARGETS, verbose=0)
    moved = dict(zip([w.path for w in model.weights], changes(before, model.weights), strict=True))
    still = [path for path, change in moved.items() if not np.any(change)]
    assert [path.rsplit("/", 1)[-1] for path in still] == ["spare"]

    names = [str(item) for item in range(ITEMS)]
    warm = MCLRec(OwnEncoder(ITEMS, dim=8), beta=0.1)
    with pytest.raises(ValueError, match="model must be compiled"):
        warm_start(warm, model, names, names)
    warm.compile()
    warm_start(warm, model, names, names)
    same_predictions(warm, model)  # moving statistics too


@pytest.mark.parametrize("rule", ["alternating", "joint", "maml", "maml_first_order"])
@pytest.mark.parametrize("part", ["items", "encoder", "augmenters"])
def test_frozen_parts_stay_as_they_are(part: str, rule: str) -> None:
    model = make_model(update_rule=rule)
    layers = {
        "items": [model.encoder.item_embedding],
        "encoder": [model.encoder],
        "augmenters": model.augmenters,
    }[part]
    for layer in layers:
        layer.trainable = False
    model.compile(SGD(0.1), SGD(0.1), run_eagerly=True)
    frozen = [weight for layer in layers for weight in layer.weights]
    before, others = values(frozen), values(model.trainable_weights)
    model.fit(HISTORY, TARGETS, verbose=0)
    assert not any(np.any(change) for change in changes(before, frozen))
    # With the encoder frozen there is no update of it through which the augmenters could learn.
    assert any(np.any(c) for c in changes(others, model.trainable_weights)) is not (
        part == "encoder" and "maml" in rule
    )


# Precision


@pytest.fixture
def precision() -> Iterator[None]:
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("kind", [SASRec, GRU4Rec, BSARec])
def test_double_precision(kind: type[SequenceEncoder], precision: None) -> None:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    encoder = kind(ITEMS, dim=8, num_layers=1, dropout=0.0)
    model = MCLRec(encoder, "paper", lambda_=0.1, update_rule="joint")
    model.compile(Adam(0.05), Adam(0.05), run_eagerly=True)
    assert {weight.dtype for weight in model.weights} == {"float64"}
    losses = model.fit(HISTORY, TARGETS, epochs=3, verbose=0).history["rec_loss"]
    assert losses[-1] < losses[0]
    assert model.predict(HISTORY, verbose=0).dtype == np.float64


def test_16_bits_for_everything_are_refused(precision: None) -> None:
    keras.config.set_floatx("float16")
    with pytest.raises(ValueError, match="floatx must be float32 or float64, got float16"):
        MCLRec(SASRec(ITEMS, dim=8))


@pytest.mark.parametrize("kind", [SASRec, GRU4Rec, BSARec])
def test_policy_of_an_encoder_is_that_of_all_its_layers(kind: type[SequenceEncoder]) -> None:
    model = MCLRec(kind(ITEMS, dim=8, dtype="mixed_float16"))
    layers = [*model.encoder._flatten_layers(), *model.augmenters]
    assert {layer.dtype_policy.name for layer in layers} == {"mixed_float16"}
    model.compile(run_eagerly=True)
    assert isinstance(model.optimizer, keras.mixed_precision.LossScaleOptimizer)
    assert isinstance(model.augmenter_optimizer, keras.mixed_precision.LossScaleOptimizer)
    assert np.isfinite(model.fit(HISTORY, TARGETS, verbose=0).history["loss"]).all()
    assert model.predict(HISTORY, verbose=0).dtype == np.float32


# Saving


def test_hdf5_is_refused_when_it_is_written(trained: MCLRec, tmp_path: Path) -> None:
    for name in ("model.h5", "model.hdf5"):
        for path in (tmp_path / name, str(tmp_path / name)):
            with pytest.raises(ValueError, match=r"filepath=.*end the name in .keras"):
                trained.save(path)
    assert not list(tmp_path.iterdir())


def test_a_name_without_an_ending_is_refused(trained: MCLRec, tmp_path: Path) -> None:
    path = str(tmp_path / "plainname")
    with pytest.raises(ValueError) as error:
        trained.save(path)
    assert str(error.value) == f"filepath must end in .keras, got {path!r}."
    assert not list(tmp_path.iterdir())
    trained.save(path, zipped=False)  # a folder, which Keras reads
    assert isinstance(keras.models.load_model(path), MCLRec)


@pytest.mark.parametrize("path", ["all.weights.h5", "shards.weights.json"])
def test_weights_are_written_and_read(path: str, trained: MCLRec, tmp_path: Path) -> None:
    other = make_model(compile_arguments=EAGER)
    trained.save_weights(tmp_path / path, **({"max_shard_size": 1} if "shard" in path else {}))
    other.load_weights(tmp_path / path)
    same_predictions(trained, other)


@pytest.mark.parametrize("way", ["clone", "pickle", "deepcopy", "json"])
def test_copies(way: str, trained_with_shared_augmenters: MCLRec) -> None:
    model = trained_with_shared_augmenters
    ways: dict[str, Callable[[], MCLRec]] = {
        "clone": lambda: keras.models.clone_model(model),
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "deepcopy": lambda: copy.deepcopy(model),
        "json": lambda: keras.models.model_from_json(model.to_json()),
    }
    again = ways[way]()
    if way in ("clone", "json"):  # new weights
        again.set_weights(model.get_weights())
        again.compile(run_eagerly=True)
    same_predictions(model, again)
    again.fit(HISTORY, TARGETS, verbose=0)
    lines: list[str] = []
    again.summary(print_fn=lambda line, **_: lines.append(line))
    assert "item_embedding" in "".join(lines) or "sas_rec" in "".join(lines)


@pytest.mark.integration
@pytest.mark.parametrize("way", ["export", "saved_model"])
def test_exports_of_keras_and_tensorflow(way: str, tmp_path: Path) -> None:
    model = make_model()  # never called
    if way == "export":
        model.export(tmp_path / "export", verbose=False)
        loaded = tf.saved_model.load(str(tmp_path / "export"))
        served = loaded.serve
    else:
        tf.saved_model.save(model, str(tmp_path / "export"))
        loaded = tf.saved_model.load(str(tmp_path / "export"))

        def served(history: tf.Tensor) -> tf.Tensor:
            (scores,) = loaded.signatures["serving_default"](history).values()
            return scores

    for width in (3, 60):
        history = keras.utils.pad_sequences([[1, 2, 3], [5]], width)
        expected = model.predict(history, verbose=0)
        np.testing.assert_allclose(served(tf.constant(history)), expected, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="history must hold ids"):
        served(tf.constant([[ITEMS + 1]]))


# Callbacks


def rates(model: MCLRec) -> tuple[float, float]:
    optimizers = (model.optimizer, model.augmenter_optimizer)
    return tuple(float(optimizer.learning_rate) for optimizer in optimizers)


def fit_with(model: MCLRec, *callbacks: keras.callbacks.Callback, epochs: int = 3) -> Any:
    return model.fit(
        HISTORY,
        TARGETS,
        validation_data=RANKED,
        epochs=epochs,
        verbose=0,
        callbacks=list(callbacks),
    )


def test_both_learning_rates_follow_a_scheduler_in_proportion() -> None:
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(rates(model))
    )
    model = make_model(optimizers=(SGD(0.1), SGD(0.01)), compile_arguments=EAGER)
    # From 0, as in a warm-up: the proportion is not lost.
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: [0.0, 0.2, 0.05][epoch])
    fit_with(model, schedule, look)
    assert np.ravel(seen) == pytest.approx(np.ravel([(0, 0), (0.2, 0.02), (0.05, 0.005)]))


def test_both_learning_rates_fall_on_a_plateau() -> None:
    model = make_model(optimizers=(SGD(0.0), Adam(0.0)), compile_arguments=EAGER)
    model.optimizer.learning_rate, model.augmenter_optimizer.learning_rate = 1e-9, 4e-9
    plateau = keras.callbacks.ReduceLROnPlateau(
        "val_all_items_ndcg_at_10", factor=0.5, patience=1, cooldown=0
    )
    fit_with(model, plateau)
    assert rates(model) == pytest.approx((0.25e-9, 1e-9))


def test_learning_rates_set_by_hand_and_by_schedules_are_left_alone() -> None:
    def by_hand(batch: int, logs: Any) -> None:
        model.augmenter_optimizer.learning_rate = 0.5

    model = make_model(optimizers=(SGD(0.1), SGD(0.1)), compile_arguments=EAGER)
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.2)
    fit_with(model, schedule, keras.callbacks.LambdaCallback(on_epoch_begin=by_hand), epochs=1)
    assert rates(model) == pytest.approx((0.2, 0.5))
    cosine = keras.optimizers.schedules.CosineDecay(0.1, 100)
    model = make_model(optimizers=(SGD(0.1), SGD(cosine)), compile_arguments=EAGER)
    fit_with(model, schedule, epochs=1)
    assert rates(model)[0] == pytest.approx(0.2) and 0.09 < rates(model)[1] < 0.1


@pytest.mark.parametrize(
    "kind",
    [
        keras.callbacks.EarlyStopping,
        keras.callbacks.ReduceLROnPlateau,
        lambda monitor: keras.callbacks.ModelCheckpoint(
            "unused.weights.h5", monitor, save_best_only=True, save_weights_only=True
        ),
    ],
)
def test_callbacks_know_by_themselves_which_way_is_better(
    kind: Callable[[str], keras.callbacks.Callback],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    model = make_model(compile_arguments=EAGER)
    callback = kind("val_unseen_items_ndcg_at_10")
    fit_with(model, callback, epochs=1)
    assert callback.monitor_op is keras.ops.greater
    for monitor, mode in (
        ("val_all_items_hit_rate_at_5", "max"),
        ("val_all_items_mrr_at_20", "max"),
        ("rec_loss", "min"),
        ("loss", "min"),
        ("alignment", "auto"),  # neither way is better
    ):
        callback = kind(monitor)
        tell_directions([callback], model.training_metrics, model.evaluation_metrics)
        assert callback.mode == mode, monitor
    with pytest.raises(ValueError, match="monitor='val_loss' is not measured"):
        fit_with(model, kind("val_loss"))


def test_other_callbacks(tmp_path: Path) -> None:
    """Those that only look, and a checkpoint of every epoch, whose `monitor` does not matter."""
    fit_with(
        make_model(compile_arguments=EAGER),
        keras.callbacks.TensorBoard(tmp_path / "board", histogram_freq=1),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        keras.callbacks.TerminateOnNaN(),
        epochs=1,
    )
    assert (tmp_path / "1.keras").is_file() and list((tmp_path / "board").iterdir())


def test_swapped_averages_are_what_is_validated() -> None:
    optimizers = (SGD(0.5, use_ema=True, ema_momentum=0.9), SGD(0.5, use_ema=True))
    model = make_model(optimizers=optimizers, compile_arguments=EAGER)
    at_test: list[list[np.ndarray]] = []
    fit_with(
        model,
        keras.callbacks.SwapEMAWeights(),
        keras.callbacks.LambdaCallback(
            on_test_begin=lambda logs: at_test.append(values(model.encoder_weights))
        ),
        epochs=1,
    )
    averages = values(model.optimizer._model_variables_moving_average)
    for average, weight in zip(averages, at_test[0], strict=True):
        np.testing.assert_allclose(weight, average, atol=1e-6)


# Losses, dtypes and inputs of other kinds


class Regularized(SequenceEncoder):
    """The mean of the items' vectors through a layer with what Keras adds to losses."""

    def __init__(self, num_items: int, weights: float = 0.0, activity: float = 0.0) -> None:
        super().__init__(num_items, dim=8, max_length=8)
        l2 = keras.regularizers.L2
        self.dense = keras.layers.Dense(
            8,
            kernel_regularizer=l2(weights) if weights else None,
            activity_regularizer=l2(activity) if activity else None,
        )

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.dense.build((None, None, 8))

    def encode(self, ids: tf.Tensor, lengths: tf.Tensor, training: bool | None) -> tf.Tensor:
        return self.dense(self.item_embedding(ids))


def test_regularizers_of_weights_count() -> None:
    losses = {}
    for strength in (0.0, 10.0):
        keras.utils.set_random_seed(0)
        model = MCLRec(Regularized(ITEMS, strength), lambda_=0, beta=0)
        model.compile(SGD(0.0), run_eagerly=True)
        found = model.fit(HISTORY, TARGETS, verbose=0)
        losses[strength] = found.history["loss"][0]
    penalty = 10.0 * np.sum(np.square(model.encoder.dense.kernel.numpy()))
    np.testing.assert_allclose(losses[10.0] - losses[0.0], penalty, rtol=1e-4)


def test_losses_of_activities_are_refused() -> None:
    model = MCLRec(Regularized(ITEMS, activity=0.1), lambda_=0, beta=0)
    model.compile(run_eagerly=True)
    with pytest.raises(ValueError, match="Regularized adds a loss of its own"):
        model.fit(HISTORY, TARGETS, verbose=0)


def test_a_list_of_callbacks_of_keras_own_kind(tmp_path: Path) -> None:
    model = make_model(compile_arguments=EAGER)
    seen: list[int] = []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    callbacks = keras.callbacks.CallbackList([count], add_history=True, model=model, epochs=2)
    model.fit(HISTORY, TARGETS, epochs=2, callbacks=callbacks, verbose=0)
    assert seen == [0, 1]


@pytest.mark.parametrize("dtype", ["float64", "mixed_float16", "bfloat16"])
def test_another_dtype_than_that_of_the_encoder_is_refused(dtype: str) -> None:
    with pytest.raises(
        ValueError, match=f"^dtype must be that of the encoder, float32, got {dtype}"
    ):
        MCLRec(SASRec(ITEMS, dim=8), dtype=dtype)
    assert MCLRec(SASRec(ITEMS, dim=8, dtype=dtype), dtype=dtype).dtype_policy.name == dtype


def test_histories_without_a_place_are_empty_ones() -> None:
    model = make_model(compile_arguments=EAGER)
    popular = model.predict(np.zeros((3, 2), int), verbose=0)
    for empty in (np.zeros((3, 0), int), tf.ragged.constant([[], [], []], tf.int32)):
        np.testing.assert_array_equal(model(empty), popular)
    assert model.user_vectors(np.zeros((3, 0), int)).numpy().any() == False  # noqa: E712
    ranked = model.evaluate(np.zeros((3, 0), int), np.array([1, 1, 1]), verbose=0, return_dict=True)
    assert ranked["all_items_hit_rate_at_5"] == 1


# TensorFlow makes a graph for targets of one shape after another, here of the encoder alone: it is
# made sooner than one of the contrast.
ENCODER_ALONE = {"lambda_": 0.0, "beta": 0.0}
SIXTEEN = np.tile([[1, 2, 3], [5, 6, 7]], (8, 1))
LAST, BY_PLACE = np.tile([4, 8], 8), np.tile([[2, 3, 4], [6, 7, 8]], (8, 1))


@pytest.mark.parametrize("eager", [pytest.param(False, marks=pytest.mark.integration), True])
def test_evaluation_with_targets_of_one_shape_after_another(eager: bool) -> None:
    model = make_model(**ENCODER_ALONE, compile_arguments={"run_eagerly": eager})
    expected = model.evaluate(SIXTEEN, LAST, verbose=0)
    for targets in (LAST[:, None], BY_PLACE, LAST, tf.constant(LAST)):
        np.testing.assert_allclose(model.evaluate(SIXTEEN, targets, verbose=0), expected)


@pytest.mark.parametrize("eager", [pytest.param(False, marks=pytest.mark.integration), True])
def test_training_with_targets_of_one_shape_after_another(eager: bool) -> None:
    model = make_model(**ENCODER_ALONE, compile_arguments={"run_eagerly": eager})
    for targets in (LAST, LAST[:, None], BY_PLACE):
        model.fit(SIXTEEN, targets, validation_split=0.25, batch_size=5, verbose=0)
        model.evaluate(SIXTEEN, targets, verbose=0)
