"""A search space is checked when it is read, and its values end up in the settings."""

import json
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from pipeline.components.tuner.search_space import PAPER_SPACE, read_search_space, with_values
from pipeline.settings import ModelSettings, TrainingSettings


def _written(folder: Path, content: Any) -> str:
    file = folder / "space.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


def test_the_default_is_the_papers_grids() -> None:
    space = read_search_space("")
    assert space == PAPER_SPACE
    for name in ("lambda_", "beta"):
        assert list(space[name]) == [0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_every_value_of_the_default_is_possible() -> None:
    for name, values in PAPER_SPACE.items():
        for value in values:
            with_values({name: value}, ModelSettings(), TrainingSettings())


def test_a_file_replaces_it(tmp_path: Path) -> None:
    space = {"beta": [0.01, 0.1], "encoder": ["sasrec", "bsarec"], "num_heads": [1, 2]}
    assert read_search_space(_written(tmp_path, space)) == space


def test_whole_and_decimal_numbers_may_stand_together(tmp_path: Path) -> None:
    values = read_search_space(_written(tmp_path, {"beta": [0, 0.01]}))["beta"]
    assert values == [0.0, 0.01]
    keras_tuner.HyperParameters().Choice("beta", list(values))  # which takes values of one type


def test_truth_values_come_back_from_keras_tuner_as_such(tmp_path: Path) -> None:
    space = {"share_augmenters": [False, True], "update_rule": ["", "joint"]}
    space = read_search_space(_written(tmp_path, space))
    found = keras_tuner.HyperParameters()
    found.Choice("share_augmenters", list(space["share_augmenters"]), default=True)
    found.Choice("update_rule", list(space["update_rule"]), default="joint")
    model, _ = with_values(found.values, ModelSettings(), TrainingSettings())
    assert model.share_augmenters is True and model.update_rule == "joint"


def test_values_replace_those_of_the_settings() -> None:
    model, training = with_values(
        {"beta": 0.2, "learning_rate": 0.5}, ModelSettings(dim=8), TrainingSettings(epochs=3)
    )
    assert model == ModelSettings(dim=8, beta=0.2)
    assert training == TrainingSettings(epochs=3, learning_rate=0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read: Expecting property name"),
        ([], "must be a JSON object"),
        ({}, "must be a JSON object"),
        (
            {"gamma": [1]},
            "there is no setting 'gamma' to search. There are augmenter_learning_rate, ",
        ),
        ({"monitor": ["val_loss"]}, "there is no setting 'monitor' to search."),
        ({"beta": 0.1}, "beta must have a list of values"),
        ({"beta": []}, "beta must have a list of values"),
        ({"beta": [0.1, -1]}, "beta: --beta must be at least 0, got -1."),
        ({"beta": ["much"]}, "beta: must be a number, got 'much'."),
        ({"beta": [0.1, True]}, "beta: must be a number, got True."),
        ({"batch_size": [512, 0.5]}, "batch_size: must be a whole number, got 0.5."),
        (
            {"encoder": ["bert"]},
            "encoder: must be one of sasrec, post_norm_sasrec, bsarec, gru4rec, got 'bert'.",
        ),
        ({"num_heads": [1, None]}, "num_heads: must be a whole number, got None."),
        ({"similar_items": [0, 1]}, "similar_items: must be true or false, got 0."),
        (
            {"update_rule": ["maml2"]},
            'update_rule: must be one of "", alternating, alternating_refine, joint, maml, ',
        ),
        ({"clipnorm": [-1]}, "clipnorm: --clipnorm must be at least 0, got -1."),
        ({"mask": [1.5]}, "mask: --mask must be from 0 to 1, got 1.5."),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: Any, message: str) -> None:
    file = _written(tmp_path, content)
    with pytest.raises(ValueError) as error:
        read_search_space(file)
    assert str(error.value).startswith(f"--search-space {file}: {message}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--search-space .*absent.json: .*No such file"):
        read_search_space(str(tmp_path / "absent.json"))
