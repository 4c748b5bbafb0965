"""The settings of a training run, and the values chosen for each data set.

Imports nothing heavy, so that `--help` answers at once.
"""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from pipeline.cli.setting_options import add_options
from pipeline.settings import (
    MONITOR,
    EncoderName,
    ModelSettings,
    PresetName,
    TrainingSettings,
    UpdateRule,
    option,
    setting,
)

# "encoder" is the encoder alone, without contrast.
METHODS = ("mclrec", "encoder", "popularity", "recency", "transitions")
BASELINES = ("popularity", "recency", "transitions")
POLICIES = ("all_items", "unseen_items")


_OF_PIPELINE = {one.name: one for one in (*fields(ModelSettings), *fields(TrainingSettings))}


def _as_in_pipeline(name: str) -> Any:
    """A setting that the pipeline has too, with the same default and the same explanation."""
    return field(default=_OF_PIPELINE[name].default, metadata=_OF_PIPELINE[name].metadata)


@dataclass(frozen=True)
class RunSettings:
    """Model, objective, optimizer and schedule of one run."""

    preset: PresetName = _as_in_pipeline("preset")
    encoder: EncoderName | None = _as_in_pipeline("encoder")
    positions: Literal["default", "from_start", "from_end"] = _as_in_pipeline("positions")
    schedule: Literal["ours", "prefix", "authors"] = setting(
        "ours",
        "ours: predicts every item of a history in one pass; prefix: has a row for every prefix; "
        "authors: the schedule of the authors' code (benchmarks/authors_schedule.py)",
    )
    update_rule: UpdateRule = _as_in_pipeline("update_rule")
    views: Literal["contrast", "training_data"] = _as_in_pipeline("views")
    share_augmenters: bool = _as_in_pipeline("share_augmenters")
    similar_items: bool = _as_in_pipeline("similar_items")
    mask: float = _as_in_pipeline("mask")
    crop: float = _as_in_pipeline("crop")
    reorder: float = _as_in_pipeline("reorder")
    lambda_: float | None = _as_in_pipeline("lambda_")
    beta: float | None = _as_in_pipeline("beta")
    regularization: float | None = _as_in_pipeline("regularization")
    temperature: float | None = _as_in_pipeline("temperature")
    learned_temperature: float | None = _as_in_pipeline("learned_temperature")
    similarity: Literal["inner_product", "cosine"] | None = _as_in_pipeline("similarity")
    counts: bool | None = _as_in_pipeline("counts")
    item_start: Literal["random", "co_occurrence"] | None = _as_in_pipeline("item_start")
    members: int | None = _as_in_pipeline("members")
    dim: int = setting(64, "size of the vectors of each encoder")
    num_layers: int | None = setting(None, "layers of the encoder; its own default if left out")
    num_heads: int | None = setting(None, "attention heads; the encoder's default if left out")
    max_length: int = setting(50, "most recent items of a history that are read")
    dropout: float = setting(0.5, "dropout of the encoder")
    label_smoothing: float | None = _as_in_pipeline("label_smoothing")
    item_dropout: float | None = _as_in_pipeline("item_dropout")
    batch_size: int = setting(1024, "predictions in a batch")
    learning_rate: float | None = _as_in_pipeline("learning_rate")
    learning_rate_decay: Literal["none", "cosine"] | None = _as_in_pipeline("learning_rate_decay")
    augmenter_learning_rate: float = setting(1e-3, "Adam's learning rate of the augmenters")
    warmup_steps: int = _as_in_pipeline("warmup_steps")
    weight_decay: float | None = _as_in_pipeline("weight_decay")
    clipnorm: float = _as_in_pipeline("clipnorm")
    ema: float | None = _as_in_pipeline("ema")
    epochs: int | None = _as_in_pipeline("epochs")
    patience: int = setting(10, "stop after this many epochs without a better --monitor")
    monitor: str = setting(
        "val_unseen_items_ndcg_at_10",
        "what decides the best epoch: val_{all,unseen}_items_{hit_rate,ndcg,mrr}_at_{5,10,20}",
    )

    def __post_init__(self) -> None:
        for name in ("epochs", "members", "dim", "batch_size", "max_length"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UnusableSettings(f"{option(name)} must be at least 1, got {value}.")
        if not MONITOR.fullmatch(self.monitor):
            raise UnusableSettings(
                "--monitor must be val_{all,unseen}_items_{hit_rate,ndcg,mrr}_at_{5,10,20}, got "
                f"{self.monitor}."
            )

    @property
    def is_encoder_alone(self) -> bool:
        """Whether nothing but the next-item loss of whole histories is trained on."""
        return self.lambda_ == self.beta == 0 and self.views == "contrast"

    @property
    def fits_schedule(self) -> bool:
        """Whether the schedule can train it; that of the authors has an encoder and a rule."""
        asked = (self.encoder, self.members, self.positions, self.update_rule, self.views)
        own = ("post_norm_sasrec", 1, "default", "", "contrast")
        return self.schedule != "authors" or asked == own


# The authors' settings (paper 4.1.4 and 4.5.2, released scripts), for their schedule.
_AUTHORS: dict[str, Any] = {"preset": "reference", "batch_size": 256}
AUTHORS_SETTINGS: dict[str, dict[str, Any]] = {
    "beauty": {**_AUTHORS, "lambda_": 0.0, "beta": 0.05},
    "sports": {**_AUTHORS, "lambda_": 0.04, "beta": 0.4},
    "yelp": {**_AUTHORS, "lambda_": 0.03, "beta": 0.1},
    "ml-1m": {**_AUTHORS, "lambda_": 0.0, "beta": 0.01, "dropout": 0.1},
}

# The settings that the search on validation (benchmarks.search) chose, by data set and method.
TUNED_SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "ml-100k": {"mclrec": {"dropout": 0.2}, "encoder": {"dropout": 0.2}},
}

# The values that `benchmarks.search` draws from.
SEARCH_SPACE: dict[str, list[Any]] = {
    "learning_rate": [5e-4, 1e-3, 2e-3, 4e-3],
    "dropout": [0.3, 0.4, 0.5, 0.6],
    "batch_size": [256, 512, 1024, 2048],
    "weight_decay": [0.0, 1e-4, 1e-3],
    "ema": [0.0, 0.999],
    "lambda_": [0.0, 0.01, 0.03, 0.1],
    "beta": [0.001, 0.003, 0.01, 0.03, 0.1],
}


class UnusableSettings(ValueError):
    """Settings that no run can have."""


@contextmanager
def usable() -> Iterator[None]:
    """What is refused in the block is a matter of settings, and needs no traceback."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise UnusableSettings(str(error)) from error


def settings_for(data: str, method: str, given: Mapping[str, Any]) -> RunSettings:
    """The settings of a run: those given, else those chosen for the data set and method.

    Args:
        data: Name of the data set, as `benchmarks.quality.data_name` gives it.
        method: One of `METHODS`; the weights of the contrast are 0 for "encoder".
        given: Values of fields of `RunSettings`.

    Raises:
        UnusableSettings: A value is out of range.
    """
    if given.get("schedule") == "authors":
        chosen = AUTHORS_SETTINGS.get(data, _AUTHORS)
    else:
        chosen = TUNED_SETTINGS.get(data, {}).get(method, {})
    values = {**chosen, **given}
    if method == "encoder":
        values |= {"lambda_": 0.0, "beta": 0.0}
    settings = RunSettings(**values)
    return replace(settings, **_left_out(settings))


def _left_out(settings: RunSettings) -> dict[str, Any]:
    """The preset's values for what a run leaves out, so that its file holds every value.

    All but `epochs`, which depend on the data too.
    """
    from mclrec_tf.models.presets import get_preset

    preset = get_preset(settings.preset)
    return {
        one.name: getattr(preset, one.name, getattr(preset.objective, one.name, None))
        for one in fields(RunSettings)
        if getattr(settings, one.name) is None and one.name != "epochs"
    }


def add_run_settings(parser: argparse.ArgumentParser) -> None:
    """Adds an option for every setting; one that is not given is absent from the parsed options."""
    group = parser.add_argument_group(
        "settings", "A setting left out has the value chosen for the data set, else its default."
    )
    add_options(group, RunSettings, with_defaults=False)


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given on the command line."""
    names = {one.name for one in fields(RunSettings)}
    return {name: value for name, value in vars(options).items() if name in names}
