"""The search space: the settings that a search may change, with the values to try.

Imports nothing heavy.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pipeline.settings import ModelSettings, TrainingSettings, without_none

SearchSpace = Mapping[str, Sequence[Any]]

_WEIGHTS = [0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]  # Fig. 6

PAPER_SPACE: SearchSpace = {
    "lambda_": _WEIGHTS,
    "beta": _WEIGHTS,
    "regularization": [0.0, 0.05, 0.1, 0.2, 0.5],
    "dropout": [0.1, 0.2, 0.3, 0.5, 0.6],
    "learning_rate": [5e-4, 1e-3, 2e-3, 4e-3],
    "augmenter_learning_rate": [1e-4, 3e-4, 1e-3, 3e-3],
    "mask": [0.1, 0.3, 0.5, 0.7, 0.9],
    "crop": [0.1, 0.3, 0.5, 0.7, 0.9],
    "reorder": [0.2, 0.4, 0.6, 0.8, 1.0],
}
"""The paper's grids of λ and β, and for the other settings values around the paper's."""

_TYPES = get_type_hints(ModelSettings) | get_type_hints(TrainingSettings)
# Counts join the scores after a trial, whose metric is that of the encoder.
_MODEL = {field.name for field in dataclasses.fields(ModelSettings)} - {"counts"}
_TRAINING = {field.name for field in dataclasses.fields(TrainingSettings)} - {"monitor", "seed"}


def read_search_space(path: str | os.PathLike[str]) -> SearchSpace:
    """Reads a search space.

    Args:
        path: A JSON file such as `{"beta": [0.01, 0.1], "dropout": [0.2, 0.5]}`, which maps fields
            of `ModelSettings` and `TrainingSettings` to the values to try. "" stands for
            `PAPER_SPACE`.

    Raises:
        ValueError: The file cannot be read, or a setting or a value in it is wrong.
    """
    if not path:
        return PAPER_SPACE
    try:
        with open(path, encoding="utf-8") as file:
            space = json.load(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(
            f"--search-space {path}: cannot be read: {reason}. Give a file with a JSON object."
        ) from error
    if not isinstance(space, dict) or not space:
        raise ValueError(
            f'--search-space {path}: must be a JSON object, for example {{"beta": [0.01, 0.1]}}.'
        )
    for name, values in space.items():
        if name not in _MODEL | _TRAINING:
            raise ValueError(
                f"--search-space {path}: there is no setting {name!r} to search. There are "
                f"{', '.join(sorted(_MODEL | _TRAINING))}."
            )
        if not isinstance(values, list) or not values:
            raise ValueError(
                f"--search-space {path}: {name} must have a list of values, got {values!r}."
            )
        for index, value in enumerate(values):
            try:
                values[index] = _of_type(_TYPES[name], value)
                with_values({name: values[index]}, ModelSettings(), TrainingSettings())
            except ValueError as error:
                raise ValueError(f"--search-space {path}: {name}: {error}") from error
    return space


def _of_type(type_: Any, value: Any) -> Any:
    """The value in the type of the setting: KerasTuner accepts no list of both int and float."""
    type_ = without_none(type_)
    if get_origin(type_) is Literal:
        if value not in get_args(type_):
            known = ", ".join(name or '""' for name in get_args(type_))
            raise ValueError(f"must be one of {known}, got {value!r}.")
        return value
    if type_ is bool:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, got {value!r}.")
        return value
    numbers = (int, float) if type_ is float else (int,)
    if not isinstance(value, numbers) or isinstance(value, bool):
        kind = "number" if type_ is float else "whole number"
        raise ValueError(f"must be a {kind}, got {value!r}.")
    return type_(value)


def with_values(
    values: Mapping[str, Any], model: ModelSettings, training: TrainingSettings
) -> tuple[ModelSettings, TrainingSettings]:
    """Replaces some of the settings.

    Args:
        values: The new values, by fields of `ModelSettings` and `TrainingSettings`.
        model: The other settings of the model.
        training: The other settings of the training.

    Raises:
        ValueError: A value is out of range, or two values contradict each other.
    """
    # KerasTuner makes 0 and 1 of truth values.
    truths = {name for name, type_ in _TYPES.items() if without_none(type_) is bool}
    typed: dict[str, Any] = {k: bool(v) if k in truths else v for k, v in values.items()}
    return (
        dataclasses.replace(model, **{k: v for k, v in typed.items() if k in _MODEL}),
        dataclasses.replace(training, **{k: v for k, v in typed.items() if k in _TRAINING}),
    )
