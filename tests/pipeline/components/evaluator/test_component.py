"""The Evaluator and the blessing of models whose ranks are known by construction."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types.standard_artifacts import (
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
)
from tfx.utils import json_utils, proto_utils

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.beyond_accuracy import ListTotals, summarize_lists
from mclrec_tf.evaluation.catalogue import Catalogue
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.recommended_lists import recommend_lists
from pipeline.beam_args import complete_beam_args
from pipeline.components.blessing.component import Blessing, read_decision
from pipeline.components.blessing.decision import SERVABLE
from pipeline.components.evaluator.catalogue_files import read_catalogue
from pipeline.components.evaluator.component import EvaluatorExecutor as Evaluator
from pipeline.components.evaluator.eval_config import eval_config
from pipeline.components.evaluator.known_items import item_vectors
from pipeline.components.evaluator.list_features import LONGEST
from pipeline.components.evaluator.list_features import MODEL as MODEL_LISTS
from pipeline.components.evaluator.paired_moments import LATEST_BLESSED, MODEL
from pipeline.components.evaluator.recommendation_metrics import (
    METRICS as RECOMMENDATION_METRICS,
)
from pipeline.components.evaluator.recommendation_metrics import error_name, name_of, policy_of
from pipeline.components.evaluator.results import SliceResult, read_results
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.components.evaluator.tfma_metrics import BASELINES
from pipeline.components.export_check.component import FINDINGS_FILE
from pipeline.resolvers import LatestBlessedOtherModelStrategy
from tests.pipeline.components.evaluator.known_models import (
    GROUPS,
    MODELS,
    RECOMMENDED,
    REPEATED,
    REPEATERS,
    TARGETS,
    TRANSITIONS,
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
    # Only of `good` is there a Keras file, and so item vectors.
    model = NextItemModel(SASRec(len(VOCABULARY), dim=4, num_layers=1))
    model(tf.ones([1, 2], tf.int32))
    model.save(folder / "good" / "model.keras")
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


def lists_of(model: str) -> tuple[np.ndarray, np.ndarray]:
    """The ids that a model recommends to each user, and how many of the best are repeats."""
    ids = {item: number for number, item in enumerate(VOCABULARY, start=1)}
    rows = []
    for user in range(len(TARGETS)):
        items = RECOMMENDED[model][user in REPEATERS]
        found = [ids.get(item, 0) for item in items]  # `gone` is no item
        rows.append(found + [0] * (LONGEST - len(found)))
    known = [REPEATED[user in REPEATERS] for user in range(len(TARGETS))]
    return np.array(rows, np.int32), np.array(known)


def test_lists_are_told_as_the_library_tells_them(evaluations, sliced: Examples):
    files = read_catalogue(sliced.uri)
    assert [item.decode() for item in files.items] == VOCABULARY
    assert files.num_users == 6
    # Six users with five events each, in the order of TRAINING: t1 t1 … h.
    assert dict(zip(VOCABULARY, files.item_users[1:].tolist(), strict=True)) == {
        **{"t1": 1, "t2": 2, "m": 2, "h": 2},
        **{"new": 0, "x": 0},
    }
    folder = Path(evaluations["good", None].uri).parent
    vectors = item_vectors(str(folder / "good" / "model.keras"))
    catalogue = Catalogue(files.item_users, files.num_users, vectors)
    results = read_results(evaluations["good", "bad"].uri)
    histories = Histories.from_lists(
        [
            [VOCABULARY.index(item) + 1 for item in ([target, "x"] if user in REPEATERS else ["x"])]
            for user, target in enumerate(TARGETS)
        ]
    )
    scorers = (Popularity(len(VOCABULARY)), Recency(len(VOCABULARY)), TRANSITIONS)
    tail = np.array([GROUPS[target] == "tail" for target in TARGETS])
    for name, users in ((ALL_USERS, tail | True), ("target_popularity tail", tail)):
        result = results[name]
        items, known = lists_of("good")
        totals = ListTotals.of(items[users], catalogue, known[users])
        blessed = ListTotals.of(lists_of("bad")[0][users], catalogue).metrics(len(VOCABULARY))
        expected = {MODEL_LISTS: totals.metrics(len(VOCABULARY))}
        some = histories.take(np.flatnonzero(users))
        for baseline, scorer in zip(BASELINES, scorers, strict=True):
            lists = recommend_lists(scorer, some)
            found = summarize_lists(lists, catalogue, some)
            expected[baseline] = {
                f"{metric}_at_{k}": found[f"{policy_of(metric)}_{metric}_at_{k}"]
                for metric in RECOMMENDATION_METRICS
                for k in CUTOFFS
            }
        for metric in RECOMMENDATION_METRICS:
            for k in CUTOFFS:
                for who, values in expected.items():
                    assert result.metrics[name_of(who, metric, k)] == pytest.approx(
                        values[f"{metric}_at_{k}"]
                    ), (who, metric, k)
                own = name_of(MODEL_LISTS, metric, k)
                if metric == "repeat_share":  # which the export of `bad` does not tell
                    assert own not in result.latest_blessed_metrics
                else:
                    assert result.latest_blessed_metrics[own] == pytest.approx(
                        blessed[f"{metric}_at_{k}"]
                    )
        errors = totals.standard_errors()
        assert result.metrics[error_name("novelty", 10)] == pytest.approx(errors["novelty_at_10"])


def test_what_a_model_does_not_tell_is_left_out(evaluations):
    metrics = read_results(evaluations["no_tail", "good"].uri)[ALL_USERS].metrics
    for metric in RECOMMENDATION_METRICS:
        told = metric not in ("intra_list_similarity", "repeat_share")
        assert (name_of(MODEL_LISTS, metric, 10) in metrics) == told
    assert name_of("recency", "repeat_share", 10) in metrics


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
