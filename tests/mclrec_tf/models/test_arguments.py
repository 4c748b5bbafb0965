"""Wrong arguments of the library's functions are refused by name; paths come as `Path` too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import BSARec, GRU4Rec, MCLRec, SASRec
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_similarity import similar_items
from mclrec_tf.evaluation.baselines import Popularity
from mclrec_tf.evaluation.offline import rank_targets
from mclrec_tf.evaluation.ranking_metrics import NDCG
from mclrec_tf.export.saved_model import export_savedmodel
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
    "seed": (lambda: training_batches(HISTORIES, seed=-1), "seed and first_epoch must not be neg"),
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
    "patience": (lambda: ResumableEarlyStopping("x", "loss", -1, 3), "patience must not be neg"),
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
