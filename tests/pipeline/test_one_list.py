"""What the options of the pipeline list is what the library has."""

from typing import get_args, get_type_hints

import numpy as np
import pytest

from benchmarks.settings import RunSettings
from mclrec_tf.encoders import ENCODERS
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS, ranking_metrics
from mclrec_tf.evaluation.ranks import POLICIES
from pipeline.components.evaluator.tfma_metrics import METRIC_LABELS, METRICS, gains
from pipeline.settings import ModelSettings, TrainingSettings


@pytest.mark.parametrize("settings", [ModelSettings, RunSettings])
def test_every_encoder_is_an_option(settings: type) -> None:
    assert set(get_args(get_type_hints(settings)["encoder"])) == set(ENCODERS)


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
