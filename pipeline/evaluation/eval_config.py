"""What the Evaluator computes. It sets no thresholds: `pipeline.evaluation.decision` decides."""

import tensorflow_model_analysis as tfma

from pipeline.evaluation.paired_moments import PairedMoments
from pipeline.evaluation.ranking_metrics import RankingMetrics
from pipeline.evaluation.slices import SLICE_FEATURES


def eval_config() -> tfma.EvalConfig:
    """The evaluation of `rank_examples`: all ranking metrics, for all users and by slice.

    Without thresholds TFX's Evaluator blesses nothing.
    """
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="rank_examples", label_key="target")],
        slicing_specs=[
            tfma.SlicingSpec(),
            *(tfma.SlicingSpec(feature_keys=[feature]) for feature in SLICE_FEATURES),
        ],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    tfma.MetricConfig(class_name="ExampleCount"),
                    *(
                        tfma.MetricConfig(class_name=metric.__name__, module=metric.__module__)
                        for metric in (RankingMetrics, PairedMoments)
                    ),
                ]
            )
        ],
    )
