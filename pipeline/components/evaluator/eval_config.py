"""What the Evaluator computes. It sets no thresholds, because Blessing decides."""

from tensorflow_model_analysis.proto import config_pb2

from pipeline.components.evaluator.category_similarity import CategorySimilarity
from pipeline.components.evaluator.paired_moments import PairedMoments
from pipeline.components.evaluator.recommendation_metrics import RecommendationMetrics
from pipeline.components.evaluator.slices import SLICE_FEATURES, TARGET_EVENTS
from pipeline.components.evaluator.tfma_metrics import RankingMetrics


def eval_config(with_item_features: bool = False) -> config_pb2.EvalConfig:
    """The evaluation of the signature `rank_examples`: all metrics, overall and by slice.

    Without thresholds, TFX's Evaluator blesses nothing.

    Args:
        with_item_features: Whether users are also sliced by the training events of their target,
            and recommended items also compared by their categories.
    """
    features: tuple[str, ...] = SLICE_FEATURES
    kinds = [RankingMetrics, PairedMoments, RecommendationMetrics]
    if with_item_features:
        features += (TARGET_EVENTS,)
        kinds.append(CategorySimilarity)
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name="rank_examples", label_key="target")],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[feature]) for feature in features),
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(class_name="ExampleCount"),
                    *(
                        config_pb2.MetricConfig(class_name=kind.__name__, module=kind.__module__)
                        for kind in kinds
                    ),
                ]
            )
        ],
    )
