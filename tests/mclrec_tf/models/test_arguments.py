"""Wrong arguments of the library's functions are refused by name; paths come as `Path` too."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import BSARec, GRU4Rec, MCLRec, NextItemModel, SASRec
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.data.event_log.preview import preview
from mclrec_tf.data.event_log.reader import EventLogFormat, event_log_files, read_events
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.data.item_similarity import similar_items
from mclrec_tf.data.sample.sample_log import write_sample
from mclrec_tf.data.time_split import Periods
from mclrec_tf.evaluation.baselines import Popularity
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from mclrec_tf.evaluation.offline import rank_targets
from mclrec_tf.evaluation.ranking_metrics import NDCG
from mclrec_tf.export.saved_model import export_savedmodel
from mclrec_tf.layers.views import Insert, Mask
from mclrec_tf.training.early_stopping import ResumableEarlyStopping
from mclrec_tf.training.losses import info_nce, next_item_loss

HISTORIES = Histories.from_lists([[1, 2, 3], [2, 1]])
ZEROS = tf.zeros

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "dim": (lambda: SASRec(9, dim=0), "dim must be at least 1, got 0"),
    "inner_dim": (lambda: SASRec(9, inner_dim=0), "inner_dim must be at least 1, got 0"),
    "num_heads": (lambda: SASRec(9, num_heads=0), "num_heads must be at least 1, got 0"),
    "dropout": (lambda: SASRec(9, dropout=1.5), "dropout must lie in 0..1"),
    "hidden_dim": (lambda: GRU4Rec(9, hidden_dim=0), "hidden_dim must be at least 1, got 0"),
    "gru dropout": (lambda: GRU4Rec(9, dropout=-0.1), "dropout must lie in 0..1"),
    "alpha": (lambda: BSARec(9, alpha=2), "alpha must lie in 0..1, got 2"),
    "window": (lambda: BSARec(9, window=0), "window must be at least 1, got 0"),
    "encoder": (lambda: MCLRec("sasrec"), "encoder must be a SequenceEncoder, got 'sasrec'"),
    "baseline": (lambda: Popularity(0), "num_items must be at least 1, got 0"),
    "metric": (lambda: NDCG(k=0), "k must be at least 1, got 0"),
    "seed": (lambda: training_batches(HISTORIES, seed=-1), "seed must be at least 0, got -1"),
    "no users a batch": (
        lambda: evaluation_batches(HISTORIES, [1, 2], batch_size=0),
        "batch_size must be at least 1, got 0",
    ),
    "too few targets": (
        lambda: evaluation_batches(HISTORIES, [1]),
        "histories and targets must have one entry a user, got 2 and 1",
    ),
    "float targets": (lambda: evaluation_batches(HISTORIES, [1.0, 2.0]), "targets must be ids"),
    "negative target": (
        lambda: rank_targets(Popularity(9), HISTORIES, np.array([1, -1])),
        "targets must be ids of items, integers from 0",
    ),
    "unknown target": (
        lambda: rank_targets(Popularity(9), HISTORIES, np.array([1, 10])),
        "targets: item 10 is not among the 9",
    ),
    "unknown item": (
        lambda: rank_targets(Popularity(2), HISTORIES, np.array([1, 2])),
        "histories: item 3 is not among the 2",
    ),
    "item beyond the catalogue": (
        lambda: similar_items(HISTORIES, 2),
        "histories: item 3 is beyond num_items=2",
    ),
    "patience": (
        lambda: ResumableEarlyStopping("x", "loss", -1, 3),
        "patience must be at least 0",
    ),
    "similar_items": (
        lambda: similar_items(HISTORIES, 3, count=0),
        "count must be at least 1",
    ),
    "insert": (
        lambda: Insert(similar_items(HISTORIES, 3), max_length=0),
        "max_length must be at least 1, got 0",
    ),
    "weight": (lambda: MCLRec(SASRec(9), lambda_="0.1"), "lambda_ must be a number, got '0.1'"),
    "endless weight": (
        lambda: MCLRec(SASRec(9), beta=math.inf),
        "beta must be finite, got inf",
    ),
    "no temperature": (
        lambda: MCLRec(SASRec(9), temperature=0),
        "temperature must be positive",
    ),
    "views": (lambda: info_nce(ZEROS((3, 4)), ZEROS((2, 4))), "first and second must have the"),
    "candidates": (
        lambda: next_item_loss(ZEROS((3, 4)), ZEROS((5, 6)), tf.constant([0, 1, 2])),
        r"candidates must have the shape \[None, 4\], got \(5, 6\)",
    ),
    "labels": (
        lambda: next_item_loss(ZEROS((3, 4)), ZEROS((5, 4)), tf.constant([0, 1])),
        "labels must have the shape",
    ),
}


# What takes whole numbers, by the argument, with a number for each.
WHOLE: dict[str, Callable[[Any], Any]] = {
    "k_core": lambda n: load_interactions("log.csv", k_core=n),
    "k": lambda n: NextItemModel(SASRec(9)).recommend([[1, 2]], k=n),
    "batch_size": lambda n: NextItemModel(SASRec(9)).recommend([[1, 2]], batch_size=n),
    "num_items": lambda n: SASRec(n),
    "dim": lambda n: GRU4Rec(9, dim=n),
    "num_heads": lambda n: SASRec(9, num_heads=n),
    "window": lambda n: BSARec(9, window=n),
    "max_length": lambda n: training_batches(HISTORIES, max_length=n),
    "first_epoch": lambda n: training_batches(HISTORIES, first_epoch=n),
    "seed": lambda n: write_sample("sample.csv", 1000, seed=n),
    "num_events": lambda n: write_sample("sample.csv", n),
    "count": lambda n: similar_items(HISTORIES, 3, count=n),
    "test": lambda n: Periods(validation=1, test=n),
    "patience": lambda n: ResumableEarlyStopping("x", "loss", n, 3),
    "reach": lambda n: ItemTransitions.from_histories(HISTORIES, 3, reach=n),
    "num_layers": lambda n: GRU4Rec(9, num_layers=n),
    "validation": lambda n: Periods(validation=n, test=1),
}
# What may be left out, which None says.
LEFT_OUT: dict[str, Callable[[Any], Any]] = {
    "epochs": lambda n: ResumableEarlyStopping("x", "loss", 1, n),
    "inner_dim": lambda n: SASRec(9, inner_dim=n),
    "hidden_dim": lambda n: GRU4Rec(9, hidden_dim=n),
    "max_followers": lambda n: ItemTransitions.from_histories(HISTORIES, 3, max_followers=n),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("number", [2.5, "5", [5], math.nan, None])
def test_what_is_no_whole_number_is_refused_by_name(name: str, number: Any) -> None:
    said = re.escape(f"{name} must be a whole number, got {number!r}.")
    with pytest.raises(ValueError, match=said):
        WHOLE[name](number)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_may_be_left_out_is_a_whole_number_otherwise(name: str) -> None:
    LEFT_OUT[name](None)
    with pytest.raises(ValueError, match=f"{name} must be a whole number, got 2.5."):
        LEFT_OUT[name](2.5)
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0."):
        LEFT_OUT[name](0)


def test_whole_numbers_of_numpy_will_do() -> None:
    model = NextItemModel(SASRec(np.int64(9)))
    assert model.recommend([[1, 2]], k=np.int32(3)).item_ids.shape == (1, 3)


SHARES: dict[str, Callable[[Any], Any]] = {
    "max_bad_rows": lambda share: load_interactions("log.csv", max_bad_rows=share),
    "noise_share": lambda share: write_sample("sample.csv", 1000, noise_share=share),
    "dropout": lambda share: SASRec(9, dropout=share),
    "alpha": lambda share: BSARec(9, alpha=share),
    "ratio": lambda share: Mask(share),
}


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("share", [2, 50, -1, math.nan, "0.5", None])
def test_what_is_no_share_is_refused_by_name(name: str, share: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must (lie in 0|be a number, got)"):
        SHARES[name](share)


PATHS: dict[str, Callable[[Any], Any]] = {
    "log": load_interactions,
    "files of a log": event_log_files,
    "events": lambda path: next(read_events(path, EventLogFormat())),
    "preview": lambda path: preview(path, EventLogFormat()),
    "sample": lambda path: write_sample(path, 1000),
    "export": lambda path: export_savedmodel(MCLRec(SASRec(2)), path, ["a", "b"]),
}


@pytest.mark.parametrize("case", PATHS)
@pytest.mark.parametrize("path", [None, {"a": 1}, b"log.csv", 3])
def test_what_is_no_path_is_refused(case: str, path: Any) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"path must be a path, as text or a pathlib.Path, got {path!r}")
    ):
        PATHS[case](path)


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_arguments_are_refused_by_name(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_an_export_by_paths(tmp_path: Path) -> None:
    model = MCLRec(SASRec(3, dim=8, num_layers=1))
    items = tmp_path / "items.txt"
    items.write_text("a\nb\nc\n")
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        export_savedmodel(model, tmp_path / "none", items, k=0)
    export_savedmodel(model, tmp_path / "export", items, k=2)
    assert (tmp_path / "export" / "assets.extra" / "SHA256SUMS").is_file()
    served = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    found = served(tf.constant([["a"] + [""] * 49]))["item_ids"]
    assert set(found.numpy()[0]) == {b"b", b"c"}
