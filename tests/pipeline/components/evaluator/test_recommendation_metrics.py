"""The lists of users are summed up alike whatever way Beam combines them, and bad ones refused."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from mclrec_tf import EncoderEnsemble, NextItemModel, SASRec
from mclrec_tf.evaluation.beyond_accuracy import ListTotals
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.components.evaluator.catalogue_files import (
    CatalogueFiles,
    read_catalogue,
    write_catalogue,
)
from pipeline.components.evaluator.known_items import item_vectors, known_items
from pipeline.components.evaluator.list_features import (
    LIST_FEATURES,
    LONGEST,
    MODEL,
    items_name,
    repeats_names,
)
from pipeline.components.evaluator.recommendation_metrics import (
    METRICS,
    RecommendationMetrics,
    RecommendationMetricsCombiner,
    error_name,
    name_of,
)
from pipeline.components.evaluator.tfma_metrics import BASELINES

ITEMS = [f"item {n}".encode() for n in range(60)]
WHOSE = (MODEL, *BASELINES)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("examples")
    users = np.random.default_rng(0).integers(0, 100, len(ITEMS) + 1)
    users[0] = 0
    write_catalogue(str(folder), CatalogueFiles(ITEMS, users, 100))
    return str(folder)


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("model") / "model.keras")
    model = NextItemModel(SASRec(len(ITEMS), dim=4, num_layers=1))
    model(tf.ones([1, 2], tf.int32))
    model.save(path)
    return path


def extracts(items: np.ndarray, repeated: np.ndarray, model: str = "") -> Any:
    """What TFMA hands over of one user: of the model predictions, of the baselines features."""
    found = {}
    for row, who in enumerate(WHOSE):
        names = [ITEMS[item - 1] if item else b"" for item in items[row]]
        found[items_name(who)] = np.array(names, object)
        for name, count in zip(repeats_names(who), repeated[row], strict=True):
            found[name] = np.array([count])
    features = {name: found.pop(name) for name in LIST_FEATURES}
    return tfma.metrics.StandardMetricInputs(
        {
            tfma.PREDICTIONS_KEY: {model: found} if model else found,
            tfma.FEATURES_KEY: features,
        }
    )


def users_of(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(count)
    items = np.argsort(random.random((count, len(WHOSE), len(ITEMS))), axis=2)[:, :, :LONGEST] + 1
    items[np.arange(LONGEST) >= random.integers(1, 30, (count, len(WHOSE), 1))] = 0
    return items.astype(np.int32), np.cumsum(random.integers(0, 3, (count, len(WHOSE), 3)), axis=2)


def test_any_way_of_combining_users_gives_the_librarys_values(
    examples: str, keras_file: str
) -> None:
    items, repeated = users_of(1300)
    combiner = RecommendationMetricsCombiner("", WHOSE, examples, keras_file)
    parts = []
    for users in (range(0, 1), range(1, 1200), range(1200, 1300), range(0)):
        accumulator = combiner.create_accumulator()
        for user in users:
            accumulator = combiner.add_input(accumulator, extracts(items[user], repeated[user]))
        parts.append(pickle.loads(pickle.dumps(accumulator)))
    merged = combiner.merge_accumulators([parts[0], combiner.compact(parts[1])])
    merged = combiner.merge_accumulators([merged, *parts[2:]])
    found = {key.name: value for key, value in combiner.extract_output(merged).items()}
    catalogue = known_items(examples, keras_file).catalogue
    assert catalogue.vectors is not None
    for row, who in enumerate(WHOSE):
        totals = ListTotals.of(items[:, row], catalogue, repeated[:, row])
        for name, value in totals.metrics(len(ITEMS)).items():
            metric, _, cutoff = name.rpartition("_at_")
            assert found[name_of(who, metric, int(cutoff))] == pytest.approx(value), (who, name)
        if who == MODEL:
            for name, value in totals.standard_errors().items():
                metric, _, cutoff = name.rpartition("_at_")
                assert found[error_name(metric, int(cutoff))] == pytest.approx(value)


def test_each_model_has_keys_of_its_own_and_baselines_come_once(examples: str) -> None:
    config = config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(name="candidate"),
            config_pb2.ModelSpec(name="baseline", is_baseline=True),
        ]
    )
    computations = RecommendationMetrics(examples_uri=examples).computations(
        eval_config=config, model_names=["candidate", "baseline"]
    )
    names = {}
    for computation in computations:
        combiner = pickle.loads(pickle.dumps(computation.combiner))
        output = combiner.extract_output(combiner.create_accumulator())
        assert set(output) == set(computation.keys)
        (model,) = {key.model_name for key in output}
        names[model] = {key.name for key in output}
    assert len(names["candidate"]) == (len(METRICS) * len(WHOSE) + 4) * len(CUTOFFS)
    assert names["baseline"] == {
        name for name in names["candidate"] if not name.startswith(BASELINES)
    }


def test_items_that_are_gone_and_repeats_that_are_not_told(examples: str) -> None:
    """As of the latest blessed model, of an earlier version and an earlier day."""
    combiner = RecommendationMetricsCombiner("baseline", (MODEL,), examples, "")
    outputs = {"item_ids": np.array([b"gone", ITEMS[3], b""], object)}
    element = tfma.metrics.StandardMetricInputs(
        {tfma.PREDICTIONS_KEY: {"baseline": outputs}, tfma.FEATURES_KEY: {}}
    )
    accumulator = combiner.add_input(combiner.create_accumulator(), element)
    found = {key.name: value for key, value in combiner.extract_output(accumulator).items()}
    assert found["unseen_items_coverage_at_5"] == 1 / len(ITEMS)
    popularity = known_items(examples, "").catalogue.popularity
    assert found["unseen_items_mean_popularity_at_5"] == popularity[4]
    for metric in ("repeat_share", "intra_list_similarity"):
        assert np.isnan(found[name_of(MODEL, metric, 10)])


@pytest.mark.parametrize("baseline", BASELINES)
def test_examples_without_lists_are_refused(examples: str, baseline: str) -> None:
    element = extracts(*(part[0] for part in users_of(1)))
    del element[tfma.FEATURES_KEY][items_name(baseline)]
    combiner = RecommendationMetricsCombiner("", WHOSE, examples, "")
    with pytest.raises(ValueError, match=f"lack the feature {baseline}_item_ids. Evaluate the"):
        combiner.add_input(combiner.create_accumulator(), element)


def test_it_has_to_know_where_the_catalogue_is() -> None:
    with pytest.raises(ValueError, match="RecommendationMetrics: has no examples_uri"):
        RecommendationMetrics()


def test_vectors_are_those_that_score(tmp_path: Path) -> None:
    model = NextItemModel(EncoderEnsemble([SASRec(7, dim=d, num_layers=1) for d in (4, 8)]))
    history = tf.constant([[3, 1, 2]])
    model(history)
    model.save(tmp_path / "model.keras")
    vectors = item_vectors(str(tmp_path / "model.keras"))
    assert vectors.shape == (8, 12) and vectors.dtype == np.float32
    scores = model.user_vectors(history).numpy() @ vectors.T
    np.testing.assert_allclose(scores[:, 1:], model(history).numpy()[:, 1:], rtol=1e-4, atol=1e-6)


def test_a_model_of_another_catalogue_is_refused(tmp_path: Path, keras_file: str) -> None:
    write_catalogue(str(tmp_path), CatalogueFiles(ITEMS[:5], np.zeros(6, np.int64), 1))
    with pytest.raises(ValueError, match="has 60 items, but the test Examples have 5. Give the"):
        known_items(str(tmp_path), keras_file)


def test_a_catalogue_is_read_as_it_was_written(tmp_path: Path) -> None:
    items = ["a b", " c ", "\x0b\u2028", "0", "é\t"]
    written = CatalogueFiles([item.encode() for item in items], np.arange(6), 17)
    write_catalogue(str(tmp_path), written)
    found = read_catalogue(str(tmp_path))
    assert (found.items, found.num_users) == (written.items, 17)
    assert found.item_users.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("items", None, "items: is missing. Evaluate the output of EvaluationFeatures"),
        ("training_users.npy", None, "training_users.npy: is missing"),
        ("training_users.npy", b"", "training_users.npy: is not what EvaluationFeatures writes"),
        ("training_users.npy", b"\x93NUMPY", "is not what EvaluationFeatures writes"),
        ("items", b"a\n", r"it has the shape \(3,\) of int64 for 1 items"),
    ],
)
def test_broken_catalogues_are_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    write_catalogue(str(tmp_path), CatalogueFiles([b"a", b"b"], np.zeros(3, np.int64), 1))
    path = tmp_path / "catalogue" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        read_catalogue(str(tmp_path))
