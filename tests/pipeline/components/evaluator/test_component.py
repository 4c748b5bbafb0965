"""The Evaluator and the blessing of models whose ranks are known by construction."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.evaluator.executor import Executor as Evaluator
from tfx.types.standard_artifacts import (
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
)
from tfx.utils import json_utils, proto_utils

from pipeline.beam_args import complete_beam_args
from pipeline.components.blessing.component import Blessing, read_decision
from pipeline.components.blessing.decision import SERVABLE
from pipeline.components.evaluator.eval_config import eval_config
from pipeline.components.evaluator.paired_moments import LATEST_BLESSED, MODEL
from pipeline.components.evaluator.results import SliceResult, read_results
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.components.evaluator.tfma_metrics import BASELINES
from pipeline.components.export_check.component import FINDINGS_FILE
from pipeline.resolvers import LatestBlessedOtherModelStrategy
from tests.pipeline.components.evaluator.known_models import (
    MODELS,
    REPEATERS,
    TARGETS,
    VOCABULARY,
    KnownRanks,
    ranks_of,
)


@pytest.fixture(scope="module")
def evaluations(
    sliced: Examples, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str | None], ModelEvaluation]:
    """What the Evaluator writes, by model and latest blessed model."""
    folder = tmp_path_factory.mktemp("evaluations")
    models = {}
    for number, name in enumerate(MODELS, start=1):
        models[name] = Model()
        models[name].id, models[name].uri = number, str(folder / name)
        module = KnownRanks(name)
        tf.saved_model.save(
            module,
            str(folder / name / "Format-Serving"),
            signatures={"rank_examples": module.rank_examples},
        )
    found = {}
    for pair in (("no_tail", "good"), ("good", "bad"), ("good", None)):
        evaluation, blessing = ModelEvaluation(), ModelBlessing()
        evaluation.uri = str(folder / "-".join(map(str, pair)))
        blessing.uri = str(folder / "unused")
        inputs = {"examples": [sliced], "model": [models[pair[0]]]}
        if pair[1]:
            inputs["baseline_model"] = [models[pair[1]]]
        context = Evaluator.Context(
            beam_pipeline_args=complete_beam_args(None), tmp_dir="", unique_id="1"
        )
        Evaluator(context).Do(
            inputs,
            {"evaluation": [evaluation], "blessing": [blessing]},
            {
                "eval_config": proto_utils.proto_to_json(eval_config()),
                "example_splits": json_utils.dumps(["test"]),
                "fairness_indicator_thresholds": "null",
            },
        )
        assert blessing.get_int_custom_property("blessed") == 0
        found[pair] = evaluation
    return found


def test_results_of_slices_are_those_of_their_users(evaluations):
    results = read_results(evaluations["no_tail", "good"].uri)
    assert list(results)[0] == ALL_USERS
    users = {name: result.users for name, result in results.items()}
    assert users == {
        ALL_USERS: 200,
        "length_group 5": 200,
        "target_novelty new": 200 - len(REPEATERS),
        "target_novelty repeated": len(REPEATERS),
        "target_popularity cold": 40,
        "target_popularity head": 40,
        "target_popularity tail": 80,
        "target_popularity torso": 40,
    }
    everybody, tail = results[ALL_USERS], results["target_popularity tail"]
    assert everybody.metrics["unseen_items_ndcg_at_10"] == pytest.approx(0.6)
    assert everybody.latest_blessed_metrics["unseen_items_ndcg_at_10"] == pytest.approx(1.0)
    assert tail.metrics["unseen_items_ndcg_at_10"] == 0
    hit = ranks_of("no_tail") == 1
    v = np.stack(
        [np.ones(200), hit, np.zeros(200), np.zeros(200), transitions_ndcg(), np.ones(200)]
    )
    moments = everybody.moments["unseen_items"]
    np.testing.assert_allclose(moments.sums, v @ v.T)
    assert moments.compared == (MODEL, "popularity", "recency", "transitions", LATEST_BLESSED)
    assert everybody.baselines == BASELINES


def transitions_ndcg() -> np.ndarray:
    """NDCG@10 of each user under unseen_items: t1 came after x, the others by popularity."""
    users = [["x", target] if user in REPEATERS else ["x"] for user, target in enumerate(TARGETS)]
    order = ["t1", *(item for item in VOCABULARY if item != "t1")]
    left = [[item for item in order if item not in seen] for seen in users]
    ranks = [
        # A target that was seen comes behind all that were not.
        (unseen.index(target) + 1) if target in unseen else len(unseen) + 1
        for unseen, target in zip(left, TARGETS, strict=True)
    ]
    return 1 / np.log2(1 + np.array(ranks))


def test_without_a_blessed_model_there_is_nothing_to_compare_with(evaluations):
    result: SliceResult = read_results(evaluations["good", None].uri)[ALL_USERS]
    assert result.latest_blessed_metrics == {}
    assert result.moments["all_items"].sums.shape == (5, 5)
    assert result.moments["all_items"].compared == (MODEL, *BASELINES)


def bless(
    folder: Path, evaluation: ModelEvaluation, servable: bool = True, settings: str = "{}"
) -> ModelBlessing:
    model, export_check, blessing = Model(), InfraBlessing(), ModelBlessing()
    model.id = 7
    export_check.uri, blessing.uri = str(folder / "export"), str(folder / "blessing")
    export_check.set_int_custom_property("blessed", int(servable))
    for path in (export_check.uri, blessing.uri):
        Path(path).mkdir()
    Path(export_check.uri, FINDINGS_FILE).write_text("signature recommend: broken")
    Blessing.EXECUTOR_SPEC.executor_class().Do(
        {"model": [model], "evaluation": [evaluation], "export_check": [export_check]},
        {"blessing": [blessing]},
        {"settings": settings},
    )
    return blessing


@pytest.mark.parametrize("pair", [("good", "bad"), ("good", None)])
def test_a_better_and_a_first_model_are_blessed(evaluations, tmp_path: Path, pair):
    blessing = bless(tmp_path, evaluations[pair])
    assert blessing.get_int_custom_property("blessed") == 1
    assert read_decision(blessing.uri).blessed


def test_the_lines_that_fail_are_written_down(evaluations, tmp_path: Path):
    blessing = bless(tmp_path, evaluations["no_tail", "good"])
    assert blessing.get_int_custom_property("blessed") == 0
    failed = {criterion.slice for criterion in read_decision(blessing.uri).failed}
    assert {ALL_USERS, "target_popularity tail"} <= failed
    assert "target_popularity head" not in failed


def test_a_model_that_cannot_be_served_is_no_baseline_later(evaluations, tmp_path: Path):
    blessing = bless(tmp_path, evaluations["good", "bad"], servable=False)
    decision = read_decision(blessing.uri)
    assert [criterion.requirement for criterion in decision.failed] == [SERVABLE]
    assert "signature recommend: broken" in str(decision.failed[0])
    models = [Model(), Model()]
    for number, model in zip((7, 8), models, strict=True):
        model.id = number
    resolved = LatestBlessedOtherModelStrategy().resolve_artifacts(
        None, {"model": models, "model_blessing": [blessing], "candidate": models[1:]}
    )
    assert resolved["model"] == []


def test_settings_reach_the_decision(evaluations, tmp_path: Path):
    settings = '{"max_drop": 0.99, "min_lift": 0}'
    blessing = bless(tmp_path, evaluations["no_tail", "good"], settings=settings)
    (criterion,) = read_decision(blessing.uri).failed
    assert criterion.slice == "target_popularity tail"
