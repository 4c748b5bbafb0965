"""The Trainer trains what the settings say, from Transform's output to the export."""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_type_hints

import keras
import pytest
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from mclrec_tf import MCLRec
from pipeline.components.trainer import fit
from pipeline.components.trainer import run_fn as run_fn_module
from pipeline.components.trainer.custom_config import TrainerConfig
from pipeline.components.trainer.learned_views import VIEWS_FILE
from pipeline.components.trainer.run_fn import HISTORY_FILE, keras_path, run_fn
from pipeline.settings import ModelSettings, TrainingSettings, without_none
from tests.pipeline.components.trainer.test_transformed_examples import write
from tests.pipeline.components.transform.test_preprocessing import transform

_MODEL = ModelSettings(dim=8, num_layers=1, max_length=10, dropout=0.1)
_TRAINING = TrainingSettings(epochs=1, patience=1, batch_size=64)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the components before have made of users who walk round a ring of items."""
    folder = tmp_path_factory.mktemp("inputs")
    log = [[f"i{(user + step) % 9}" for step in range(4 + user % 5)] for user in range(24)]
    _, splits = transform(log, folder)
    files = {"train": "train_files", "validation": "eval_files"}
    for split in files:
        users = [(list(user["history_ids"]), int(user["target_id"][0])) for user in splits[split]]
        write(folder / f"{split}.gz", users)
    return {
        "transform_output": str(folder / "graph"),
        **{argument: [str(folder / f"{split}.gz")] for split, argument in files.items()},
    }


def _run(
    inputs: dict[str, Any], folder: Path, model: dict[str, Any], training: dict[str, Any]
) -> MCLRec:
    """Trains and gives the model that was saved."""
    config = TrainerConfig(
        dataclasses.replace(_MODEL, **model),
        dataclasses.replace(_TRAINING, **training),
        str(folder / "backup"),
    )
    (folder / "model").mkdir(exist_ok=True)  # as TFX does
    export = str(folder / "model" / "Format-Serving")
    run_fn(
        FnArgs(
            **inputs,
            serving_model_dir=export,
            model_run_dir=str(folder / "model_run"),
            custom_config=json.loads(json.dumps(dataclasses.asdict(config))),
        )
    )
    served = tf.saved_model.load(export).signatures["serving_default"]
    found = served(tf.constant([["i0"] + [""] * 49]))["item_ids"]
    assert found.shape[0] == 1
    return keras.models.load_model(keras_path(export))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("model", "training"),
    [
        ({"update_rule": "joint", "share_augmenters": True, "temperature": 0.5}, {}),
        ({"views": "training_data", "similar_items": True}, {}),
        (
            {"positions": "from_start", "members": 3},
            {"weight_decay": 0.01, "clipnorm": 0.5},
        ),
    ],
    ids=lambda chosen: ",".join(chosen) or "-",
)
def test_what_is_chosen_is_trained_and_saved(
    inputs: dict[str, Any], tmp_path: Path, model: dict[str, Any], training: dict[str, Any]
) -> None:
    saved = _run(inputs, tmp_path, model, training)
    found = {
        **saved.get_config(),
        "positions": saved.encoder.members[-1].positions,
        "members": len(saved.encoder.members),
        "similar_items": "Insert"
        in [type(one).__name__ for one in saved.stochastic_views.operations],
        "weight_decay": saved.optimizer.weight_decay,
        "clipnorm": saved.optimizer.clipnorm,
    }
    chosen = model | training
    assert {name: found[name] for name in chosen} == chosen
    has_learned_views = (tmp_path / "model_run" / VIEWS_FILE).exists()
    assert has_learned_views == saved.objective.uses_augmenters == ("views" not in model)
    [epoch] = json.loads((tmp_path / "model_run" / HISTORY_FILE).read_text())
    assert ("alignment" in epoch) == has_learned_views


@pytest.mark.integration
@pytest.mark.parametrize(
    ("training", "low", "high"),
    [
        ({"learning_rate_decay": "none"}, 0.01, 0.01),
        ({"learning_rate_decay": "cosine"}, 0.0, 0.0099),
        ({"learning_rate_decay": "none", "warmup_steps": 1000}, 1e-5, 0.001),
    ],
)
def test_the_learning_rate_takes_its_course(
    inputs: dict[str, Any], tmp_path: Path, training: dict[str, Any], low: float, high: float
) -> None:
    saved = _run(inputs, tmp_path, {}, {**training, "learning_rate": 0.01})
    [epoch] = json.loads((tmp_path / "model_run" / HISTORY_FILE).read_text())
    assert low - 1e-6 <= epoch["learning_rate"] <= high + 1e-6
    assert float(saved.optimizer.learning_rate.numpy()) == pytest.approx(0.01)


@pytest.mark.integration
@pytest.mark.parametrize(("base_model", "expected"), [(None, "co_occurrence"), ("a", "random")])
def test_a_training_that_goes_on_from_a_model_keeps_its_item_vectors(
    inputs: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    base_model: str | None,
    expected: str,
) -> None:
    def fit(model: Any, data: Any, training: Any, state: str, item_start: str, logs: Any) -> None:
        assert item_start == expected
        raise Killed

    monkeypatch.setattr(run_fn_module, "fit", fit)
    monkeypatch.setattr(run_fn_module, "_goes_on_from", lambda *_: True)
    with pytest.raises(Killed):
        given = {**inputs, "base_model": base_model}
        _run(given, tmp_path, {"item_start": "co_occurrence"}, {})


@pytest.mark.integration
def test_a_training_that_was_killed_goes_on_under_the_same_settings_alone(
    inputs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    class KilledOnce(fit.TrainingProgress):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            begun.append(epoch)
            if begun == [0, 1]:
                raise Killed
            super().on_epoch_begin(epoch, logs)

    monkeypatch.setattr(fit, "TrainingProgress", KilledOnce)
    two = {"epochs": 2, "patience": 2}
    with pytest.raises(Killed):
        _run(inputs, tmp_path, {}, two)
    _run(inputs, tmp_path, {}, {**two, "clipnorm": 1.0})
    _run(inputs, tmp_path, {}, two)
    assert begun == [0, 1, 0, 1, 1]


_OTHER = {
    **{str: "x", int: 3, float: 0.3, bool: True},
    "encoder": "bsarec",
    "positions": "from_end",
    "preset": "reference",
    "update_rule": "joint",
    "views": "training_data",
    "num_heads": 4,
    "monitor": "val_all_items_mrr_at_5",
    "schedule": "prefix",
    "start_from": "blessed",
    "similarity": "cosine",
    "item_start": "random",
    "learning_rate_decay": "none",
}


@pytest.mark.parametrize("kind", ["model", "training"])
def test_every_setting_has_a_backup_of_its_own(kind: str) -> None:
    config = TrainerConfig(ModelSettings(), TrainingSettings(), "backup")
    settings = getattr(config, kind)
    folders, types = {config.backup()}, get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value = _OTHER.get(field.name, _OTHER.get(without_none(types[field.name])))
        other = dataclasses.replace(settings, **{field.name: value})
        folders.add(dataclasses.replace(config, **{kind: other}).backup())
    assert len(folders) == 1 + len(dataclasses.fields(settings))
