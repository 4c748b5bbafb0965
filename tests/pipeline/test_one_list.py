"""What the options of the pipeline list is what the library has."""

from dataclasses import fields
from typing import get_args, get_type_hints

import numpy as np
import pytest

from benchmarks.settings import RunSettings
from mclrec_tf.encoders import ENCODERS, TransformerEncoder
from mclrec_tf.encoders.transformer_encoder import POSITIONS
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS, ranking_metrics
from mclrec_tf.evaluation.ranks import POLICIES
from mclrec_tf.models.presets import PRESETS
from mclrec_tf.training.objectives import SIMILARITIES, VIEWS
from mclrec_tf.training.update_rules import UPDATE_RULES
from pipeline.components.evaluator.tfma_metrics import METRIC_LABELS, METRICS, gains
from pipeline.settings import ModelSettings, TrainingSettings, without_none


@pytest.mark.parametrize("settings", [ModelSettings, RunSettings])
@pytest.mark.parametrize(
    ("name", "of_library"),
    [
        ("encoder", [*ENCODERS]),
        ("positions", ["default", *POSITIONS]),
        ("preset", [*PRESETS]),
        ("update_rule", ["", *UPDATE_RULES]),
        ("views", [*VIEWS]),
        ("similarity", [*SIMILARITIES]),
    ],
)
def test_every_name_of_the_library_is_an_option(
    settings: type, name: str, of_library: list[str]
) -> None:
    assert set(get_args(without_none(get_type_hints(settings)[name]))) == set(of_library)


def test_positions_are_refused_for_the_encoders_without_them() -> None:
    for encoder, kind in ENCODERS.items():
        if issubclass(kind, TransformerEncoder):
            assert ModelSettings(encoder=encoder, positions="from_end").positions == "from_end"
        else:
            with pytest.raises(ValueError, match=f"--positions: {encoder} has no positions"):
                ModelSettings(encoder=encoder, positions="from_end")


def test_benchmarks_explain_settings_as_the_pipeline_does() -> None:
    shared = {
        *("positions", "update_rule", "views", "share_augmenters", "similar_items"),
        *("warmup_steps", "weight_decay", "clipnorm", "temperature"),
    }
    of_benchmarks = {field.name: field for field in fields(RunSettings)}
    for field in [*fields(ModelSettings), *fields(TrainingSettings)]:
        if field.name in shared:
            other = of_benchmarks[field.name]
            assert (field.default, field.metadata) == (other.default, other.metadata)
            shared.remove(field.name)
    assert not shared


def test_every_metric_can_be_monitored() -> None:
    for policy in POLICIES:
        for metric in ranking_metrics(policy):
            assert TrainingSettings(monitor=f"val_{metric.name}").monitor == f"val_{metric.name}"


def test_metrics_of_the_evaluator_are_those_of_fit() -> None:
    ranks = np.arange(1, 2 * max(CUTOFFS))
    found = gains(ranks)
    assert tuple(METRIC_LABELS) == METRICS
    for metric in ranking_metrics("all_items"):
        name, cutoff = METRICS.index(metric.metric), CUTOFFS.index(metric.k)
        for rank, values in zip(ranks, found, strict=True):
            metric.reset_state()
            metric.update_state(np.array([rank]))
            assert float(metric.result()) == pytest.approx(values[name, cutoff])
    assert found.shape[1:] == (len(METRICS), len(CUTOFFS))
    assert len(ranking_metrics("all_items")) == len(METRICS) * len(CUTOFFS)
