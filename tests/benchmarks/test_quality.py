"""A quality run trains on one split, chooses on the next, and reads the last one once."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import provenance, quality, training
from benchmarks.settings import RunSettings, settings_for
from mclrec_tf import MCLRec, NextItemModel, SASRec
from mclrec_tf.data.batches import training_batches
from mclrec_tf.data.histories import Histories, leave_one_out
from mclrec_tf.data.interactions import load_interactions
from mclrec_tf.evaluation import offline as evaluation

SMALL = ("--dim=8", "--num-layers=1", "--epochs=3", "--learning-rate=0.01", "--ema=0.9")


class Killed(BaseException):
    """Stands for the end of the process."""


# Runs are compared bit for bit.
pytestmark = pytest.mark.usefixtures("eager")


def run(log: Path, out: Path, *options: str, method: str = "mclrec") -> dict[str, Any]:
    what = [f"--data={log}", f"--method={method}", f"--name={method}"]
    quality.main([*what, f"--out={out}", "--seed=3", *options])
    (file,) = out.glob("*.json")
    assert file.name == f"{method}-ring-3.json"
    return json.loads(file.read_text(), parse_constant=pytest.fail)


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    curve = [{k: v for k, v in row.items() if "seconds" not in k} for row in result["curve"]]
    return {"curve": curve, **{name: result[name] for name in ("validation", "test", "epochs")}}


@pytest.mark.integration
def test_a_run_that_is_killed_ends_as_if_it_had_not_been(
    ring_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    read = []
    rank_targets = evaluation.rank_targets
    monkeypatch.setattr(
        evaluation,
        "rank_targets",
        lambda scorer, histories, targets, **options: (
            read.append(targets.tolist()) or rank_targets(scorer, histories, targets, **options)
        ),
    )
    whole = run(ring_log, tmp_path / "whole", *SMALL)
    _, validation, test = leave_one_out(load_interactions(str(ring_log)).histories)
    # The validation split once more, because the counts have learned from it; at the end the test,
    # without counts and with them.
    assert read == [validation.targets.tolist(), *2 * [test.targets.tolist()]]

    def die(callback: Any, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            raise Killed
        begin(callback, epoch, logs)

    begin = training.EpochTimes.on_epoch_begin
    with monkeypatch.context() as patch:
        patch.setattr(training.EpochTimes, "on_epoch_begin", die)
        with pytest.raises(Killed):
            run(ring_log, tmp_path / "killed", *SMALL)
    assert len(read) == 3
    resumed = run(ring_log, tmp_path / "killed", *SMALL)
    assert without_times(resumed) == without_times(whole)
    assert read == 2 * [validation.targets.tolist(), *2 * [test.targets.tolist()]]
    assert [file.name for file in (tmp_path / "killed").iterdir()] == ["mclrec-ring-3.json"]

    assert whole["epochs"] == 3 and len(whole["curve"]) == 3
    best = whole["curve"][whole["best_epoch"] - 1]
    monitored = "val_unseen_items_ndcg_at_10"
    assert best[monitored] == max(row[monitored] for row in whole["curve"])
    # Of the model that the test is read with, whose counts have weights.
    assert whole["validation"]["unseen_items"]["ndcg_at_10"] >= best[monitored]
    assert whole["counts"]["weights"]["next"] != 0
    alone = whole["without_counts"]
    assert alone["validation"]["unseen_items"]["ndcg_at_10"] == best[monitored]
    assert alone["test"].keys() == whole["test"].keys() and alone["test"] != whole["test"]
    assert whole["configuration"]["ema"] == 0.9
    assert whole["seed"] == 3 and whole["version"] and whole["machine"]["cores"]
    assert whole["training_seconds"] < whole["wall_seconds"] == whole["curve"][-1]["wall_seconds"]
    assert set(whole["test"]) == {"all_items", "unseen_items"}
    assert set(whole["test"]["all_items"]) == {
        f"{metric}_at_{k}" for metric in ("hit_rate", "ndcg", "mrr") for k in (5, 10, 20)
    }


def test_a_training_that_diverges_ends_with_one_sentence(
    ring_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    what = [f"--data={ring_log}", f"--out={tmp_path}", *SMALL, "--learning-rate=1e30"]
    assert quality.main(what) == 1
    [said] = capsys.readouterr().err.splitlines()
    assert "_loss is not finite, training stops. " in said and "lower the learning rate" in said


def test_a_finished_run_is_not_repeated_and_not_mistaken_for_another(
    ring_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    first = run(ring_log, tmp_path, *SMALL, "--epochs=1", method="encoder")
    assert first["configuration"]["beta"] == 0
    assert run(ring_log, tmp_path, *SMALL, "--epochs=1", "--json", method="encoder") == first
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == first
    with pytest.raises(SystemExit):
        run(ring_log, tmp_path, *SMALL, "--epochs=2", method="encoder")
    assert "holds a run with another --epochs: give another --name" in capsys.readouterr().err
    (file,) = tmp_path.glob("*.json")
    del first["configuration"]["members"]  # a result from before there was this setting
    file.write_text(json.dumps(first))
    with pytest.raises(SystemExit):
        run(ring_log, tmp_path, *SMALL, "--epochs=1", method="encoder")
    assert "holds a run with another --members: " in capsys.readouterr().err


def test_a_finished_run_is_not_mistaken_for_one_of_other_events(
    ring_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run(ring_log, tmp_path, method="popularity")
    other = tmp_path / "elsewhere" / ring_log.name
    other.parent.mkdir()
    lines = ring_log.read_text().splitlines(keepends=True)
    other.write_text("".join([*lines, lines[-1]]))
    for log, given, different in ((ring_log, ["--k-core=3"], "--k-core"), (other, [], "log")):
        with pytest.raises(SystemExit):
            run(log, tmp_path, *given, method="popularity")
        assert f"holds a run with another {different}: " in capsys.readouterr().err


def test_a_killed_training_does_not_go_on_with_other_events(
    ring_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = tmp_path / ring_log.name
    log.write_text(ring_log.read_text())
    asked: list[Path] = []

    def killed(*arguments: Any, **_: Any) -> None:
        asked.append(arguments[4])
        raise KeyboardInterrupt

    monkeypatch.setattr(quality, "run", killed)
    lines = ring_log.read_text().splitlines(keepends=True)
    for text in ("".join(lines), "".join(lines[::-1])):
        log.write_text(text)
        provenance.log_digest.cache_clear()  # as in a new process
        with pytest.raises(KeyboardInterrupt):
            quality.main([f"--data={log}", f"--out={tmp_path}", *SMALL])
    assert len(set(asked)) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--members=0"], "--members must be at least 1, got 0"),
        (["--epochs=0"], "--epochs must be at least 1, got 0"),
        (["--dim=0"], "--dim must be at least 1, got 0"),
        (["--dim=9", "--num-heads=2"], "num_heads=2 must divide"),
        (["--dropout=1.5"], "dropout must"),
        (["--seed=-1"], "seed"),
        (["--k-core=99"], "k_core"),
        (["--encoder=gru4rec", "--num-heads=2"], "num_heads"),
        (["--monitor=ndcg"], "--monitor must be val_"),
        (["--name=a/b"], "has one of /"),
    ],
)
def test_what_no_run_can_have_ends_with_a_sentence(
    ring_log: Path,
    tmp_path: Path,
    given: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
):
    with pytest.raises(SystemExit) as ended:
        quality.main([f"--data={ring_log}", f"--out={tmp_path}", "--epochs=1", *given])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_results_in_place_of_a_file_are_refused_before_a_training(
    ring_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    assert quality.main([f"--data={ring_log}", f"--out={tmp_path / 'file'}", *SMALL]) == 1
    said = capsys.readouterr()
    assert "file" in said.err and "epoch" not in said.out


@pytest.mark.parametrize("method", ["popularity", "recency", "transitions"])
def test_baselines_need_no_training(ring_log: Path, tmp_path: Path, method: str):
    result = run(ring_log, tmp_path, method=method)
    assert result["curve"] == [] and result["training_seconds"] == 0
    assert 0 < result["test"]["unseen_items"]["hit_rate_at_10"] <= 1


@pytest.mark.parametrize("encoder", ["post_norm_sasrec", "bsarec", "gru4rec"])
def test_other_encoders(ring_log: Path, tmp_path: Path, encoder: str):
    result = run(ring_log, tmp_path, *SMALL, "--epochs=1", f"--encoder={encoder}")
    assert result["configuration"]["encoder"] == encoder


@pytest.mark.integration
@pytest.mark.parametrize(("encoder", "preset"), [("sasrec", "paper"), ("bsarec", "reference")])
def test_an_encoder_alone_is_what_mclrec_without_contrast_was(
    ring_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str, preset: str
):
    """Results of then are reproduced to the bit, and a training begun then goes on."""
    given = {"encoder": encoder, "preset": preset, "dim": 8, "num_layers": 1, "learning_rate": 0.01}
    settings = settings_for("ring", "encoder", {**given, "ema": 0.9, "epochs": 2, "patience": 2})
    interactions = load_interactions(str(ring_log))
    splits = leave_one_out(interactions.histories)

    def trained(settings: RunSettings, state: str) -> training.Trained:
        items = len(interactions.item_ids)
        found = training.train(
            settings, splits.train, splits.validation, items, 3, tmp_path / state
        )
        for epoch in found.history:
            del epoch["training_seconds"], epoch["validation_seconds"]
        return found

    alone = trained(settings, "alone")
    assert type(alone.model) is NextItemModel
    with monkeypatch.context() as patch:
        patch.setattr(RunSettings, "is_encoder_alone", False)
        as_before = trained(settings, "as-before")
        trained(replace(settings, epochs=1), "begun-before")
    assert type(as_before.model) is MCLRec
    resumed = trained(settings, "begun-before")
    assert type(resumed.model) is NextItemModel
    assert alone.history == as_before.history == resumed.history
    for other in (as_before.model, resumed.model):
        for mine, theirs in zip(
            alone.model.encoder.get_weights(), other.encoder.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)


def test_views_as_training_data_are_more_than_an_encoder_alone():
    histories = Histories.from_lists([[1, 2, 3, 4, 5]])
    kinds = {
        views: type(
            training.model_of(settings_for("ring", "encoder", {"views": views}), histories, 5, 0)
        )
        for views in ("contrast", "training_data")
    }
    assert kinds == {"contrast": NextItemModel, "training_data": MCLRec}


@pytest.mark.parametrize("method", ["mclrec", "encoder"])
@pytest.mark.parametrize(
    ("positions", "expected"),
    [("default", "from_end"), ("from_start", "from_start"), ("from_end", "from_end")],
)
def test_positions_are_those_asked_for(method: str, positions: str, expected: str):
    given = {"encoder": "sasrec", "positions": positions, "members": 1}
    settings = settings_for("ring", method, given)
    histories = Histories.from_lists([[1, 2, 3, 4, 5]])
    encoder = training.model_of(settings, histories, 5, 0).encoder
    assert type(encoder) is SASRec and encoder.positions == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"schedule": "authors", "encoder": "sasrec"}, "one encoder, post_norm_sasrec"),
        ({"schedule": "authors", "members": 2}, "one encoder, post_norm_sasrec"),
        ({"schedule": "authors", "positions": "from_end"}, "with its own positions"),
        ({"encoder": "gru4rec", "positions": "from_end"}, "GRU4Rec.*positions"),
    ],
)
def test_an_encoder_that_is_not_there_is_refused(given: dict[str, Any], message: str):
    histories = Histories.from_lists([[1, 2, 3, 4, 5]])
    with pytest.raises(ValueError, match=message):
        training.model_of(settings_for("ring", "encoder", given), histories, 5, 0)


def test_similar_items_are_drawn_for_views_too():
    histories = Histories.from_lists([[1, 2, 3, 4, 5]])
    model = training.model_of(
        settings_for("ring", "mclrec", {"similar_items": True}), histories, num_items=5, seed=0
    )
    operations = [type(one).__name__ for one in model.stochastic_views.operations]
    assert operations == ["Mask", "Crop", "Reorder", "Substitute", "Insert"]
    model.fit(training_batches(histories), verbose=0)


@pytest.mark.parametrize("item_start", ["random", "co_occurrence"])
@pytest.mark.usefixtures("eager")
def test_a_run_starts_from_what_the_settings_say(item_start: str, tmp_path: Path):
    histories, validation, _ = leave_one_out(Histories.from_lists([[1, 2, 3, 4, 5], [2, 3, 4, 5]]))
    # A step so small that the table stays where it started.
    given = {"item_start": item_start, "epochs": 1, "learning_rate": 1e-9, "weight_decay": 0.0}
    given |= {"counts": False, "num_layers": 1, "members": 1}
    settings = settings_for("ring", "encoder", given)
    model = training.train(settings, histories, validation, 5, 0, tmp_path / "state").model
    lengths = np.linalg.norm(model.encoder.item_embedding.table.numpy()[1:4], axis=1)
    # Random vectors of 64 numbers with deviation 0.02 have a length near 0.16.
    assert (lengths.mean() > 0.25) == (item_start == "co_occurrence")


def test_settings_of_the_data_set_give_way_to_those_of_the_command():
    assert settings_for("beauty", "mclrec", {"schedule": "authors"}).beta == 0.05
    assert settings_for("ring", "mclrec", {"schedule": "authors"}).encoder == "post_norm_sasrec"
    assert settings_for("beauty", "mclrec", {"schedule": "authors", "beta": 0.2}).beta == 0.2
    assert settings_for("unknown", "mclrec", {"preset": "paper"}).beta == 0.01
    assert settings_for("beauty", "encoder", {"beta": 0.2}).beta == 0


def test_names_tell_the_encoder():
    assert quality.default_name("mclrec", settings_for("beauty", "mclrec", {})) == "mclrec-bsarec"
    assert quality.default_name("popularity", RunSettings()) == "popularity"


def test_norms_do_not_decay():
    given = {"learning_rate": 0.01, "weight_decay": 0.5, "clipnorm": 1.0}
    settings = settings_for("ring", "mclrec", given)
    histories = Histories.from_lists([[1, 2, 3, 4, 5]])
    optimizer = training.model_of(settings, histories, num_items=5, seed=0).optimizer
    decaying = {v.name for v in optimizer._trainable_variables if optimizer._use_weight_decay(v)}
    assert {"table", "position_table", "kernel"} <= decaying
    assert not decaying & {"bias", "gamma", "beta"}
    assert optimizer.clipnorm == 1.0
