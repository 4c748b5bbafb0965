"""The studies of the paper: what they run, how runs are shared, and that each comes to its end."""

import json
from collections import defaultdict
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import quality, table, training
from benchmarks.kept_results import UnusableResult
from benchmarks.paper import runs as paper_runs
from benchmarks.paper.__main__ import main
from benchmarks.paper.groups import GROUPS, members
from benchmarks.paper.noise import SHARES, noise_metrics, with_noise
from benchmarks.paper.plan import Planned, Scope, distinct, method_and_settings, share
from benchmarks.paper.report import is_done
from benchmarks.paper.runs import Run, split_log
from benchmarks.paper.studies import STUDIES, Variant
from benchmarks.paper.tables import difference, part, signed
from benchmarks.paper.views import collapse
from benchmarks.published import of_the_paper
from benchmarks.settings import BASELINES, RunSettings, settings_for
from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.offline import rank_targets

HISTORIES = Histories.from_lists([[1, 2, 3, 4, 5]])


def scope(log: Path, out: Path, **changes: Any) -> Scope:
    values = {"seeds": [0, 1], "given": {}, "k_core": 5, "folder": out / "runs", **changes}
    return Scope(logs=[log], **values)


@pytest.fixture
def all_runs(ring_log: Path, tmp_path: Path) -> dict[str, list[Planned]]:
    planned = scope(ring_log, tmp_path)
    return {name: planned.plan(study) for name, study in STUDIES.items()}


def run_of(planned: list[Planned], name: str, seed: int = 0) -> Run:
    (found,) = (run for variant, run in planned if (variant.name, run.seed) == (name, seed))
    return found


@pytest.mark.parametrize("name", STUDIES)
def test_variants_have_names_of_their_own_and_one_that_others_are_held_against(name: str):
    study = STUDIES[name]
    names = [variant.name for variant in study.variants]
    assert len(set(names)) == len(names)
    quick = [variant.name for variant in study.variants if variant.in_quick]
    assert study.against in (*quick, "")
    assert (study.against == "") == (study.shown == "curves")


def test_runs_of_other_settings_have_other_files(all_runs: dict[str, list[Planned]]):
    found = {run for planned in all_runs.values() for _, run in planned}
    assert len({run.file for run in found}) == len(found) > 50
    seeds: dict[str, list[Run]] = defaultdict(list)
    for run in found:
        seeds[run.name].append(run)
    for same in seeds.values():
        assert len({(run.method, run.settings) for run in same}) == 1
        assert len(same) == (1 if same[0].method in BASELINES else 2)


@pytest.mark.integration
def test_every_model_of_the_studies_can_be_made(all_runs: dict[str, list[Planned]]):
    """Small ones: what a study varies is neither the size nor the number of layers."""
    found = {
        replace(run.settings, dim=8, num_layers=1)
        for planned in all_runs.values()
        for _, run in planned
        if run.method not in BASELINES
    }
    alike = {}  # numbers alone make no other model
    for settings in found:
        kind = (settings.encoder, settings.update_rule, settings.views, settings.share_augmenters)
        alike[kind] = settings
        assert settings.lambda_ >= 0 and settings.beta >= 0 and 0 <= settings.mask <= 1
    assert len(alike) == 4 + 3 + 1 + 1
    for settings in alike.values():
        assert training.model_of(settings, HISTORIES, 5, 0).num_items == 5


def test_studies_share_their_runs(all_runs: dict[str, list[Planned]]):
    full = run_of(all_runs["table4"], "full")
    assert full == run_of(all_runs["table3"], "MCLRec") == run_of(all_runs["figure2"], "with R")
    assert full == run_of(all_runs["figure6"], "MCLRec, --beta 0.01")
    assert full == run_of(all_runs["sweeps"], "MCLRec, --mask 0.5")
    alone = run_of(all_runs["table3"], "encoder alone")
    assert alone == run_of(all_runs["figure6"], "MCLRec, --beta 0")
    assert run_of(all_runs["table3"], "CL4SRec-like") == run_of(all_runs["table4"], "without L_cl2")
    assert full != alone and full.settings.encoder == "post_norm_sasrec"


def test_variants_are_what_they_say():
    variants = {variant.name: variant for variant in STUDIES["table4"].variants}

    def settings(name: str, **given: Any) -> RunSettings:
        return method_and_settings(variants[name], "sports", given)[1]

    assert settings("without L_cl2").lambda_ == 0.1 and settings("without L_cl2").beta == 0
    assert settings("without L_cl2", lambda_=0.03).lambda_ == 0.03
    assert settings("full", lambda_=0.03).lambda_ == 0.03
    assert settings("without L_cl1", lambda_=0.03).lambda_ == 0
    assert settings("without R").regularization == 0 and settings("without R").beta == 0.01
    assert settings("shared augmenter").share_augmenters
    assert settings("MCLRec-J").update_rule == "joint"
    assert settings("data augmentation only").views == "training_data"
    authors = settings("full", schedule="authors")
    assert (authors.lambda_, authors.beta, authors.preset) == (0.04, 0.4, "reference")
    assert settings("without L_cl2", schedule="authors").lambda_ == 0.04


def test_ratios_of_views_reach_the_model():
    settings = settings_for("ring", "mclrec", {"mask": 0.1, "crop": 0.2, "reorder": 0.3})
    model = training.model_of(settings, HISTORIES, 5, 0)
    assert [one.ratio for one in model.stochastic_views.operations] == [0.1, 0.2, 0.3]


def test_what_the_authors_schedule_cannot_train_is_left_out_and_refused(
    ring_log: Path, tmp_path: Path
):
    planned = scope(ring_log, tmp_path, given={"schedule": "authors"})
    assert planned.left_out(STUDIES["table4"]) == ["MCLRec-J", "data augmentation only"]
    assert len(planned.plan(STUDIES["table4"])) == 2 * 6
    with pytest.raises(ValueError, match="own update rule"):
        given = {"schedule": "authors", "update_rule": "joint"}
        training.model_of(settings_for("ring", "mclrec", given), HISTORIES, 5, 0)


@given(st.integers(0, 40), st.integers(1, 45))
def test_shares_are_all_runs_once(count: int, machines: int):
    runs: Any = [f"run {number}" for number in range(count)]
    shares = [share(runs, number, machines) for number in range(1, machines + 1)]
    assert sorted(chain(*shares)) == sorted(runs)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_settings_that_are_added_later_leave_the_files_of_runs(ring_log: Path, tmp_path: Path):
    run = Run(ring_log, "mclrec", 0, settings_for("ring", "mclrec", {"beta": 0.2}), 5, tmp_path)
    assert run._not_default() == {"beta": 0.2}
    copied = tmp_path / "elsewhere" / ring_log.name
    copied.parent.mkdir()
    copied.write_bytes(ring_log.read_bytes())
    assert replace(run, log=copied).file == run.file
    copied.with_name("longer").mkdir()
    longer = copied.with_name("longer") / ring_log.name
    longer.write_bytes(ring_log.read_bytes() + b"user60 1 2 3 4 5\n")
    assert replace(run, log=longer).file != run.file
    assert replace(run, k_core=4).file != run.file


def test_a_run_of_other_defaults_is_not_taken_for_one_of_these(ring_log: Path, tmp_path: Path):
    run = Run(ring_log, "mclrec", 0, settings_for("ring", "mclrec", {}), 5, tmp_path)
    test = {"all_items": {}, "unseen_items": {}}
    told = {"name": "", "data": "ring", "method": "mclrec", "seed": 0, "k_core": 5, "version": ""}
    of_then = {"dim": 64, "gone": 1, "ema": 0.5}
    run.file.write_text(json.dumps({**told, "test": test, "configuration": of_then}))
    for read in (run.result, run.train):
        with pytest.raises(UnusableResult, match="another ema than"):
            read()


def test_a_run_whose_files_were_not_copied_says_so(ring_log: Path, tmp_path: Path):
    run = Run(ring_log, "mclrec", 0, RunSettings(), 5, tmp_path)
    for read in (run.test_ranks, run.trained_model):
        with pytest.raises(UnusableResult, match="Copy it from the machine that trained it"):
            read()


def test_groups_are_by_the_actions_in_the_log():
    lengths = [5, 6, 8, 9, 30, 3]
    histories = Histories.from_lists([[1] * length for length in lengths])
    found = [members(group, histories.without_last(1)).tolist() for group in GROUPS]
    assert found == [
        [True, False, False, False, False, False],
        [False, True, True, False, False, False],
        [False, False, False, True, True, False],
    ]


@given(
    st.lists(st.lists(st.integers(1, 9), max_size=12), min_size=1, max_size=30),
    st.sampled_from((0.0, *SHARES, 1.0)),
    st.integers(0, 3),
)
def test_noise_is_the_share_of_items_between_those_that_stay(
    lists: list[list[int]], part_of_items: float, seed: int
):
    histories = Histories.from_lists(lists)
    # Items of the catalogue beyond 9 are noise, which tells them from those of the histories.
    noisy = with_noise(histories, part_of_items, 1_000_000, seed)
    again = with_noise(histories, part_of_items, 1_000_000, seed)
    assert noisy.items.tolist() == again.items.tolist()
    assert noisy.row_splits.tolist() == again.row_splits.tolist()
    added = len(noisy.items) - len(histories.items)
    assert added == round(part_of_items * len(histories.items))
    assert noisy.items.dtype == np.int32
    for before, after in zip(histories, noisy, strict=True):
        assert len(before) <= len(after) <= 2 * len(before)
        kept = iter(after.tolist())
        assert all(item in kept for item in before.tolist())  # in this order


def test_noise_has_every_item_and_every_place():
    histories = Histories.from_lists([[99, 99, 99]] * 4000)
    noisy = with_noise(histories, 1 / 3, 10, seed=0)
    items = noisy.items[noisy.items != 99]
    assert np.bincount(items, minlength=11)[1:].min() > 300  # of 4,000 / 10 each
    one = [row for row in noisy if len(row) == 4]
    places = np.bincount([int(np.flatnonzero(row != 99)[0]) for row in one], minlength=4)
    assert places.min() > 0.2 * len(one)
    other = with_noise(histories, 1 / 3, 10, seed=1)
    assert other.items.tolist() != noisy.items.tolist()


def test_differences_are_taken_seed_by_seed_and_stand_beside_the_papers():
    rows: Any = {
        "full": {0: {"ndcg_at_20": 0.5}, 1: {"ndcg_at_20": 0.7}},
        "without R": {1: {"ndcg_at_20": 0.4}, 0: {"ndcg_at_20": 0.4}},
        "popularity": {None: {"ndcg_at_20": 0.1}},
    }
    papers = {"full": {"ndcg_at_20": 0.0539}, "without R": {"ndcg_at_20": 0.0529}}
    heading = {"ndcg_at_20": "NDCG@20"}
    found = difference(rows, "full", "without R", heading, papers)["metrics"]["NDCG@20"]
    assert found == {"by_seed": [0.1, 0.3], "paper": 0.001}
    lines = part("a", rows, heading, "full", heading, papers=papers).markdown.splitlines()
    assert "| full | .6000 ± .1414 | 2 |" in lines and "| popularity | .1000 | 1 |" in lines
    assert "- full − without R: NDCG@20 +.2000 ± .1414 (paper +.0010) over 2 seeds" in lines
    assert "- full − popularity: NDCG@20 +.5000 ± .1414 over 2 seeds" in lines
    assert [signed(value) for value in (-0.5, 0.0, 12.25)] == ["−.5000", "+.0000", "+12.2500"]


def test_what_the_paper_printed():
    assert of_the_paper("yelp", "all_items")["without R"] == {
        "hit_rate_at_20": 0.0873,
        "ndcg_at_20": 0.0445,
    }
    assert of_the_paper("beauty", "all_items")["MCLRec"]["ndcg_at_20"] == 0.0539
    assert of_the_paper("beauty", "unseen_items") == {}  # its numbers are of the other policy
    names = {variant.paper for study in STUDIES.values() for variant in study.variants} - {""}
    assert names <= set(of_the_paper("sports", "all_items"))


def test_collapse_is_told_apart():
    rng = np.random.default_rng(0)
    spread, point = rng.normal(size=(200, 8)), np.ones((200, 8)) + 1e-6 * rng.normal(size=(200, 8))
    assert collapse(spread, spread)["effective_rank_1"] > 7.5
    found = collapse(3 * point, point)
    assert found["effective_rank_2"] < 1.01 and found["negative_similarity"] > 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["table3"], "--data is needed"),
        (["table3", "--data", "gone.csv"], "gone.csv is not there"),
        (["table3", "--data", "a.csv", "--data", "b/a.txt"], "two logs of one name"),
        (["table3", "--data", "a.csv", "--seeds", "1", "1"], "same seed"),
        (["table3", "--data", "a.csv", "--only", "3/2"], "is no share"),
        (["table9"], "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        main([*options, f"--out={tmp_path}"])
    assert message in capsys.readouterr().err


@pytest.mark.integration
@pytest.mark.usefixtures("eager")
def test_every_study_comes_to_its_end(
    ring_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    trained: list[Any] = []
    train = training.train
    monkeypatch.setattr(
        training, "train", lambda *given, **more: trained.append(given) or train(*given, **more)
    )
    command = [*STUDIES, f"--data={ring_log}", "--quick"]
    # Two machines, each with its share, whose runs are then in one folder.
    main([*command, f"--out={tmp_path}", "--only=1/2"])
    assert len(list(tmp_path.glob("*.md"))) < len(STUDIES)
    main([*command, f"--out={tmp_path}", "--only=2/2"])
    planned = scope(ring_log, tmp_path, seeds=[0], quick=True)
    plans = {name: planned.plan(study) for name, study in STUDIES.items()}
    runs = {run for plan in plans.values() for _, run in plan}
    models = {run for run in runs if run.method not in BASELINES}
    assert len(trained) == len(models)

    # All is there, so that the results are made without training.
    main([*command, f"--out={tmp_path}", "--json"])
    assert len(trained) == len(models)
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [study["study"] for study in printed["studies"]] == list(STUDIES)
    for name, study in STUDIES.items():
        page = (tmp_path / f"{name}.md").read_text()
        numbers = json.loads((tmp_path / f"{name}.json").read_text())
        assert page.startswith(f"## {study.title}\n") and numbers["title"] == study.title
        assert {run["file"] for run in numbers["runs"]} == {
            run.file.name for run in distinct(plans[name])
        }
        assert all(f"| {v.name} |" in page for v, _ in plans[name]), page
        images = {line.split("](")[1][:-1] for line in page.splitlines() if line[:2] == "!["}
        assert images == {file.name for file in tmp_path.glob(f"{name}-*.png")}
        assert bool(images) == (study.shown not in ("table", "groups"))
        for image in images:
            assert (tmp_path / image).read_bytes()[:4] == b"\x89PNG"
    assert "full − without R: HR@20" in (tmp_path / "table4.md").read_text()

    # What is kept beside a run is what was measured.
    run = run_of(plans["figure7"], "MCLRec")
    splits, _ = split_log(ring_log, 5)
    ranks = rank_targets(run.trained_model(), *splits.test)
    assert np.array_equal(run.test_ranks(), ranks)
    assert list(noise_metrics(run)) == [0.0, *SHARES]
    views = np.load(run.beside("views.npz"))
    assert {name: views[name].shape for name in views} == dict.fromkeys(
        ("h1", "h2", "z1", "z2"), (60, 8)
    )
    # The folder is one of benchmarks.quality, whose tables average seeds of a name alone.
    table.main([str(tmp_path / "runs")])

    # A run that is gone is the only one that is missing.
    run.beside("noise.json").unlink()
    main(["figure7", f"--data={ring_log}", "--quick", f"--out={tmp_path}", "--list"])
    states = [line.split()[1] for line in capsys.readouterr().out.splitlines() if "figure7" in line]
    assert sorted(states) == ["done", "missing"]
    assert is_done(STUDIES["table3"], run) and not is_done(STUDIES["figure7"], run)
    run.beside("weights.npz").unlink()
    with pytest.raises(SystemExit):
        main(["figure7", f"--data={ring_log}", "--quick", f"--out={tmp_path}"])
    assert "Copy it from the machine that trained it" in capsys.readouterr().err


@pytest.mark.usefixtures("eager")
def test_a_finished_run_keeps_its_ranks_and_leaves_no_training_behind(
    ring_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    variant = Variant("popularity", method="popularity")
    method, settings = method_and_settings(variant, "ring", {})
    run = Run(ring_log, method, 0, settings, 5, tmp_path)
    run.train()
    kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert sorted(kept) == sorted([run.file.name, run.beside("ranks.npy").name])
    hits = np.mean(run.test_ranks() <= 10, axis=1)
    test = run.result()["test"]
    assert hits.round(6).tolist() == [one["hit_rate_at_10"] for one in test.values()]
    monkeypatch.setattr(paper_runs.quality, "run", pytest.fail)
    run.train()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == kept
    assert quality.data_name(ring_log) == run.data == run.result()["data"]


def test_a_setting_that_is_added_later_renames_no_run(tmp_path: Path, ring_log: Path) -> None:
    """What a preset has is left out of names, whether or not a command says it again."""
    for method in ("mclrec", "encoder"):
        for preset in ("paper", "recommended"):
            settings = settings_for("ring", method, {"preset": preset})
            run = Run(ring_log, method, 0, settings, 5, tmp_path)
            left_out = {} if preset == RunSettings().preset else {"preset": preset}
            assert run._not_default() == left_out
            for other in ({"members": 5}, {"dropout": 0.3}, {"epochs": 7}, {"counts": None}):
                changed = settings_for("ring", method, {"preset": preset, **other})
                own = {} if other == {"counts": None} else other
                assert replace(run, settings=changed)._not_default() == {**left_out, **own}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"name": "mclrec"}'])
def test_a_damaged_run_is_told(
    content: bytes, ring_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = {
        one.run
        for one in scope(ring_log, tmp_path, seeds=[0]).plan(STUDIES["table3"])
        if one.run.method == "popularity"
    }
    command = ["table3", "--data", str(ring_log), "--out", str(tmp_path)]
    run.file.parent.mkdir()
    run.file.write_bytes(content)
    main([*command, "--list"])
    assert f"damaged  {run.file}" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(command)
    assert f"{run.file}: " in capsys.readouterr().err


def test_a_study_that_a_schedule_cannot_train_is_refused(
    ring_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--schedule", "authors", "--members", "2", "--data", str(ring_log)]
    with pytest.raises(SystemExit):
        main(["table4", *given, "--out", str(tmp_path)])
    assert "--schedule authors can train none of it" in capsys.readouterr().err
