"""The export answers like the model, by raw ids, in a V1 session, and wherever it is copied."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import ItemCounts, MCLRec, SASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.offline import rank_targets
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.recommended_lists import recommend_lists
from mclrec_tf.export.exported_model import LOWEST_SCORE
from mclrec_tf.export.saved_model import export_savedmodel
from mclrec_tf.export.signature_inputs import HISTORY_LENGTH
from mclrec_tf.export.warmup_requests import WARMUP_FILE

ITEMS, LENGTH, K = 40, 6, 8  # the encoder reads the last LENGTH items of a history
NAMES = [f" ítem {i}, \"#{i}'\t" for i in range(1, ITEMS + 1)]
SETS = {"in stock": [*NAMES[:20:2], "not yet in the catalogue"], "new": NAMES[-3:]}
Run = Callable[..., dict[str, np.ndarray]]


def model_with(counts: ItemCounts | None) -> MCLRec:
    model = MCLRec(SASRec(ITEMS, dim=8, max_length=LENGTH, num_layers=1), counts=counts)
    random = np.random.default_rng(1)
    for weight in model.encoder_weights:
        weight.assign(weight + random.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model() -> MCLRec:
    random = np.random.default_rng(3)
    training = Histories.from_lists(random.integers(1, ITEMS + 1, (50, 7)).tolist())
    counts = ItemCounts.from_histories(training, ITEMS, num_neighbours=5)
    counts.feature_weights.assign([0.2, 0.3, 0.5, -1.0, 0.4, 0.7])
    return model_with(counts)


@pytest.fixture(scope="module")
def run(model: MCLRec, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return exported(model, tmp_path_factory.mktemp("export"))


def exported(model: MCLRec, folder: Path) -> Run:
    """Runs a signature of the export, copied elsewhere, as TensorFlow Serving would load it."""
    export_savedmodel(model, str(folder / "written"), NAMES, k=K, item_sets=SETS)
    shutil.copytree(folder / "written", folder / "copied")
    shutil.rmtree(folder / "written")
    return loaded(folder / "copied")


def loaded(folder: Path) -> Run:
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)
    with graph.as_default():
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(folder)).signature_def

    def run(signature: str, **inputs: Any) -> dict[str, np.ndarray]:
        definition = signatures[signature]
        return session.run(
            {name: info.name for name, info in definition.outputs.items()},
            {definition.inputs[name].name: value for name, value in inputs.items()},
        )

    assert os.path.exists(folder / WARMUP_FILE)
    return run


def padded(*histories: list[int | str]) -> list[list[str]]:
    rows = [[NAMES[i - 1] if isinstance(i, int) else i for i in row] for row in histories]
    return [row + [""] * (HISTORY_LENGTH - len(row)) for row in rows]


def ids(names: np.ndarray) -> list[int]:
    """Ids of an answer's items; 0 where the place is empty."""
    numbers = {name.encode(): number for number, name in enumerate(NAMES, start=1)} | {b"": 0}
    return [numbers[name] for name in names]


def test_default_recommends_the_best_unseen_items(run: Run, model: MCLRec) -> None:
    histories = [[3, 9, 9, 2], [1], [40, 39, 38, 37, 36, 35], list(range(1, 31))]
    answer = run("serving_default", history=padded(*histories))
    for row, history in enumerate(histories):
        scores = model(tf.constant([history]))[0].numpy()
        scores[history] = -np.inf
        best = np.argsort(-scores, kind="stable")[:K]
        assert ids(answer["item_ids"][row]) == best.tolist()
        np.testing.assert_allclose(answer["scores"][row], scores[best], rtol=1e-5)


@pytest.fixture(scope="module")
def tfrs() -> Any:
    return pytest.importorskip("tensorflow_recommenders")


def test_an_independent_index_agrees(tfrs: Any, tmp_path: Path) -> None:
    model = model_with(None)  # which scores by inner products alone
    run = exported(model, tmp_path)
    history = [5, 12, 30]
    index = tfrs.layers.factorized_top_k.BruteForce(k=K)
    index.index(model.encoder.item_embedding.candidates()[1:], identifiers=tf.constant(NAMES))
    scores, names = index.query_with_exclusions(
        tf.constant(run("user_vector", history=padded(history))["vector"]),
        exclusions=tf.constant([[NAMES[item - 1] for item in history]]),
    )
    answer = run("serving_default", history=padded(history))
    assert answer["item_ids"].tolist() == names.numpy().tolist()
    np.testing.assert_allclose(answer["scores"], scores, rtol=1e-5)


def test_unknown_items_are_dropped_from_the_history(run: Run) -> None:
    known = run("serving_default", history=padded([3, 9, 2]))
    mixed = run("serving_default", history=padded(["new", 3, "other", 9, "", 2]))
    for name in known:
        assert np.array_equal(known[name], mixed[name])


def test_empty_history_gets_the_popularity_ranking(run: Run) -> None:
    answer = run("serving_default", history=padded([], ["unknown"]))
    assert ids(answer["item_ids"][0]) == list(range(1, K + 1))
    assert ids(answer["item_ids"][1]) == list(range(1, K + 1))
    assert not run("user_vector", history=padded([]))["vector"].any()


def test_known_items_are_counted_over_the_whole_history(run: Run) -> None:
    histories = padded(
        [], ["unknown"], [3], [3, "new", 3, "", 2], [*range(1, 31)], ["new"] * HISTORY_LENGTH
    )
    options = {"exclude": [[NAMES[2]]] * 6, "k": [5] * 6, "keep_seen": [True] * 6}
    for answer in (
        run("serving_default", history=histories),
        run("recommend", history=histories, **options),
    ):
        assert answer["known_items"].dtype == np.int32
        assert answer["known_items"].tolist() == [0, 0, 1, 3, 30, 0]


def test_recommend_takes_options_row_by_row(run: Run, model: MCLRec) -> None:
    history = [3, 9, 2]
    scores = model(tf.constant([history]))[0].numpy()
    order = np.argsort(-scores, kind="stable").tolist()
    best = order[0]
    answer = run(
        "recommend",
        history=padded(*[history] * 4),
        exclude=[[NAMES[best - 1], ""], ["", ""], ["unknown", ""], ["", ""]],
        k=[5, 3, ITEMS + 50, 1],
        keep_seen=[True, True, False, False],
    )
    found = [ids(row) for row in answer["item_ids"]]
    assert answer["item_ids"].shape == (4, ITEMS)
    assert found[0] == [*order[1:6], *[0] * (ITEMS - 5)]
    assert found[1] == [*order[:3], *[0] * (ITEMS - 3)]
    unseen = [item for item in order if item not in history and item > 0]
    assert found[2] == [*unseen, 0, 0, 0]
    assert found[3] == [unseen[0], *[0] * (ITEMS - 1)]
    assert np.all(answer["scores"][3, 1:] == LOWEST_SCORE)


def test_nothing_but_candidates_is_recommended(run: Run, model: MCLRec) -> None:
    history = [3, 9, 2]
    in_stock, new = [*range(1, 21, 2)], [*range(ITEMS - 2, ITEMS + 1)]
    listed = [[7, 9, 3], [7, 9, 3], [7], [], [], [7, 9, 3]]
    names = ["", "", "new", "in stock", "", "in stock"]
    keep_seen = [False, True, False, True, True, False]
    among = [listed[0], listed[1], [7, *new], in_stock, [], [*listed[5], *in_stock]]
    answer = run(
        "recommend_among",
        history=padded(*[history] * 6),
        candidates=[
            [*(NAMES[item - 1] for item in row), *["unknown", "", ""][: 3 - len(row)]]
            for row in listed
        ],
        candidate_set=names,
        exclude=[[NAMES[6]]] * 2 + [[""]] * 4,
        k=[ITEMS, 1, 2, ITEMS, 5, ITEMS],
        keep_seen=keep_seen,
    )
    scores = model(tf.constant([history]))[0].numpy()
    for row, items in enumerate(among):
        out = {*([7] if row < 2 else []), *([] if keep_seen[row] else history)}
        wanted = sorted(set(items) - out, key=lambda item: -scores[item])[
            : [ITEMS, 1, 2, ITEMS, 5, ITEMS][row]
        ]
        found = [item for item in ids(answer["item_ids"][row]) if item]
        assert found == wanted
        np.testing.assert_allclose(answer["scores"][row][: len(found)], scores[found], rtol=1e-5)
    assert answer["known_items"].tolist() == [3] * 6


def test_an_item_set_that_is_not_there_is_named(run: Run) -> None:
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"\[sold\] \[and the export has\] \[in stock, new\]",
    ):
        run(
            "recommend_among",
            history=padded([1], [1]),
            candidates=[[""], [""]],
            candidate_set=["new", "sold"],
            exclude=[[""], [""]],
            k=[1, 1],
            keep_seen=[True, True],
        )


def test_similar_items_are_those_of_the_model(run: Run, model: MCLRec) -> None:
    items = [4, 11, 40]
    answer = run(
        "similar_items", item=[*(NAMES[item - 1] for item in items), "unknown"], k=[3, 1, 99, 2]
    )
    expected = model.similar_items(items, k=ITEMS)
    for row, k in enumerate((3, 1, ITEMS - 1)):
        assert ids(answer["item_ids"][row])[:k] == expected.item_ids[row][:k].tolist()
        np.testing.assert_allclose(answer["scores"][row][:k], expected.scores[row][:k], rtol=1e-4)
        assert not any(ids(answer["item_ids"][row])[k:])
    assert not any(ids(answer["item_ids"][3]))
    assert answer["known_items"].tolist() == [1, 1, 1, 0]


def test_rank_examples_agrees_with_the_offline_evaluation(run: Run, model: MCLRec) -> None:
    random = np.random.default_rng(2)
    rows = [random.integers(1, ITEMS + 1, n).tolist() for n in (0, 1, 3, 6, 7, 30)]
    targets = random.integers(1, ITEMS + 1, len(rows)).astype(np.int32)
    answer = run(
        "rank_examples", examples=[example(r, t) for r, t in zip(rows, targets, strict=True)]
    )
    for prefix, scorer in (
        ("", model),
        ("popularity_", Popularity(ITEMS)),
        ("recency_", Recency(ITEMS)),
    ):
        expected = rank_targets(scorer, Histories.from_lists(rows), targets)
        for policy, ranks in expected._asdict().items():
            assert answer[f"{prefix}{policy}_rank"].tolist() == ranks.tolist()
    assert answer["item_ids"].shape == (len(rows), K)
    lists = recommend_lists(model, Histories.from_lists(rows))
    assert [ids(row) for row in answer["item_ids"]] == lists.unseen_items[:, :K].tolist()
    for cutoff in CUTOFFS:
        seen = [set(row) & set(items[:cutoff]) for row, items in zip(rows, lists[0], strict=True)]
        assert answer[f"repeats_at_{cutoff}"].tolist() == [len(items) for items in seen]


def test_examples_whose_histories_are_all_empty(run: Run) -> None:
    answer = run("rank_examples", examples=[example([], 1), example([], 5)])
    assert answer["popularity_all_items_rank"].tolist() == [1, 5]
    assert ids(answer["item_ids"][0]) == list(range(1, K + 1))


def test_an_unknown_target_ranks_last(run: Run) -> None:
    answer = run("rank_examples", examples=[example([1, 2], "new")])
    assert answer["all_items_rank"].tolist() == [ITEMS + 1]


def example(history: list[int], target: int | str) -> bytes:
    names = [NAMES[item - 1].encode() for item in history]
    name = target if isinstance(target, str) else NAMES[target - 1]
    features = {
        "history": tf.train.Feature(bytes_list=tf.train.BytesList(value=names)),
        "target": tf.train.Feature(bytes_list=tf.train.BytesList(value=[name.encode()])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_fewer_items_than_k(tmp_path: Path) -> None:
    small = MCLRec(SASRec(3, dim=4, max_length=2, num_layers=1))
    export_savedmodel(small, str(tmp_path / "export"), ["a", "b", "c"], k=K)
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    answer = loaded.signatures["serving_default"](
        history=tf.constant([["b"] + [""] * (HISTORY_LENGTH - 1)])
    )
    names = answer["item_ids"].numpy()[0].tolist()
    assert sorted(names[:2]) == [b"a", b"c"]
    assert names[2:] == [b""]
    assert answer["scores"].numpy()[0, 2] == LOWEST_SCORE


def test_paths_are_paths(model: MCLRec, tmp_path: Path) -> None:
    vocabulary = tmp_path / "items"
    vocabulary.write_text("".join(f"{name}\n" for name in NAMES))
    export_savedmodel(model, tmp_path / "export", vocabulary)
    assert (tmp_path / "export" / "assets" / "items").read_bytes() == vocabulary.read_bytes()
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        export_savedmodel(model, tmp_path / "none", vocabulary, k=0)


def test_nothing_is_written_over(model: MCLRec, tmp_path: Path) -> None:
    folder, file = tmp_path / "1", tmp_path / "file"
    folder.mkdir()
    export_savedmodel(model, folder, NAMES)  # an empty one will do
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    file.touch()
    with pytest.raises(FileExistsError, match=f"{folder}: exists already"):
        export_savedmodel(model, folder, NAMES)
    with pytest.raises(FileExistsError, match=f"{file}: is a file"):
        export_savedmodel(model, file, NAMES)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == written


def test_vocabulary_must_name_every_item(model: MCLRec, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="39 item ids, but the model has 40 items"):
        export_savedmodel(model, str(tmp_path / "a"), NAMES[1:])
    with pytest.raises(ValueError, match=r"vocabulary\[39\] is 'a\\nb'"):
        export_savedmodel(model, str(tmp_path / "b"), [*NAMES[1:], "a\nb"])


@pytest.mark.parametrize(("max_length", "width"), [(6, 50), (50, 50), (51, 51), (200, 200)])
def test_an_export_is_as_wide_as_its_model_reads(
    max_length: int, width: int, tmp_path: Path
) -> None:
    model = MCLRec(SASRec(ITEMS, dim=8, num_layers=1, max_length=max_length))
    model(tf.ones([1, 3], tf.int32))
    run = exported(model, tmp_path)
    history = [*range(1, 41), *range(1, 11)] * 4
    row = [NAMES[item - 1] for item in history[-width:]]
    answer = run("serving_default", history=[row])
    scores = model(tf.constant([history[-width:]]))[0].numpy()
    assert answer["known_items"].tolist() == [width]
    assert answer["item_ids"].tolist() == [[b""] * K]  # all are in the history
    all_of_it = run("recommend", history=[row], exclude=[[""]], k=[ITEMS], keep_seen=[True])
    best = 1 + np.argsort(-scores[1:], kind="stable")
    assert ids(all_of_it["item_ids"][0]) == best.tolist()


def test_a_model_that_reads_more_than_an_export_can_take_is_refused(tmp_path: Path) -> None:
    model = MCLRec(SASRec(ITEMS, dim=8, num_layers=1, max_length=1_001))
    with pytest.raises(ValueError, match="1,001 items of a history.* 1,000 at most"):
        export_savedmodel(model, tmp_path / "1", NAMES)
    assert not (tmp_path / "1").exists()
