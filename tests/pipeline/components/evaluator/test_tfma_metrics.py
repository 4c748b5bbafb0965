"""The TFMA metrics equal the textbook formulas, whatever way Beam combines them."""

import math
import pickle

import apache_beam as beam
import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from pipeline.components.evaluator.tfma_metrics import (
    CUTOFFS,
    RANK_FEATURES,
    RANKINGS,
    RankingMetrics,
    RankingMetricsCombiner,
    metric_name,
    rank_name,
)


def extracts(ranks: dict[str, int], model_name: str = "") -> tfma.metrics.StandardMetricInputs:
    outputs = {rank_name(name): np.array([rank]) for name, rank in ranks.items()}
    features = {name: outputs.pop(name) for name in RANK_FEATURES if name in outputs}
    predictions = {model_name: outputs} if model_name else outputs
    return tfma.metrics.StandardMetricInputs(
        {tfma.PREDICTIONS_KEY: predictions, tfma.FEATURES_KEY: features}
    )


def random_ranks(users: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.integers(1, 40, users) for name in RANKINGS}


def one_by_one(combiner: beam.CombineFn, ranks: dict[str, np.ndarray], model_name: str = ""):
    users = len(next(iter(ranks.values())))
    accumulator = combiner.create_accumulator()
    for user in range(users):
        row = {name: values[user] for name, values in ranks.items()}
        accumulator = combiner.add_input(accumulator, extracts(row, model_name))
    return accumulator


def values(combiner: beam.CombineFn, accumulator) -> dict[str, float]:
    return {key.name: value for key, value in combiner.extract_output(accumulator).items()}


def test_metrics_equal_the_formulas():
    ranks = random_ranks(500)
    combiner = RankingMetricsCombiner("")
    found = values(combiner, one_by_one(combiner, ranks))
    for name, rank in ranks.items():
        for cutoff in CUTOFFS:
            hit = rank <= cutoff
            expected = {
                "hit_rate": hit.mean(),
                "ndcg": np.where(hit, 1 / np.log2(1 + rank), 0).mean(),
                "mrr": np.where(hit, 1 / rank, 0).mean(),
            }
            for metric, value in expected.items():
                assert found[metric_name(name, metric, cutoff)] == pytest.approx(value), metric


def test_a_rank_at_the_cutoff_counts_and_the_next_does_not():
    combiner = RankingMetricsCombiner("")
    for rank, hit in ((5, 1.0), (6, 0.0)):
        ranks = {name: np.array([rank]) for name in RANKINGS}
        found = values(combiner, one_by_one(combiner, ranks))
        assert found["all_items_hit_rate_at_5"] == hit


def test_merging_does_not_depend_on_how_users_are_split():
    combiner = RankingMetricsCombiner("")
    ranks = random_ranks(60)
    parts = [
        one_by_one(combiner, {name: rank[start:stop] for name, rank in ranks.items()})
        for start, stop in ((0, 1), (1, 40), (40, 60))
    ]
    whole = values(combiner, one_by_one(combiner, ranks))
    merged = values(combiner, combiner.merge_accumulators(parts))
    assert merged == pytest.approx(whole)


def test_each_of_two_models_gets_its_own_values():
    config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(name="candidate"), config_pb2.ModelSpec(name="baseline")]
    )
    computations = RankingMetrics().computations(
        eval_config=config, model_names=["candidate", "baseline"]
    )
    assert len(computations) == 2
    ranks = {"candidate": 1, "baseline": 20}
    predictions = {
        model: {f"{name}_rank": np.array([rank]) for name in RANKINGS}
        for model, rank in ranks.items()
    }
    features = {name: np.array([1]) for name in RANK_FEATURES}
    element = tfma.metrics.StandardMetricInputs(
        {tfma.PREDICTIONS_KEY: predictions, tfma.FEATURES_KEY: features}
    )
    for computation in computations:
        combiner = pickle.loads(pickle.dumps(computation.combiner))
        output = combiner.extract_output(combiner.add_input(combiner.create_accumulator(), element))
        assert set(output) == set(computation.keys)
        for key, value in output.items():
            if key.name == "all_items_hit_rate_at_10":
                assert value == (1.0 if key.model_name == "candidate" else 0.0)


def test_the_transitions_rank_as_the_examples_tell_and_never_as_a_model_does():
    combiner = RankingMetricsCombiner("")
    element = extracts(dict.fromkeys(RANKINGS, 1))
    for name in RANK_FEATURES:
        element[tfma.PREDICTIONS_KEY][name] = np.array([1])
        element[tfma.FEATURES_KEY][name] = np.array([20])
    found = values(combiner, combiner.add_input(combiner.create_accumulator(), element))
    assert found["recency_all_items_hit_rate_at_10"] == 1
    assert found["transitions_all_items_hit_rate_at_10"] == 0


@pytest.mark.parametrize("missing", RANK_FEATURES)
def test_examples_without_the_ranks_of_the_transitions_are_refused(missing: str):
    ranks = {name: 1 for name in RANKINGS if rank_name(name) != missing}
    combiner = RankingMetricsCombiner("")
    with pytest.raises(ValueError, match=f"lack the features {missing}. Evaluate the output of"):
        combiner.add_input(combiner.create_accumulator(), extracts(ranks))


def test_no_users_gives_no_number():
    combiner = RankingMetricsCombiner("")
    found = values(combiner, combiner.create_accumulator())
    assert math.isnan(found["all_items_ndcg_at_10"])
