"""The pipeline as a person runs it: killed and started again, run again, refused, on bad data."""

import csv
import html
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_model_analysis as tfma

from mclrec_tf.data.sample.sample_log import write_sample
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.components.evaluator.list_features import MODEL
from pipeline.components.evaluator.recommendation_metrics import METRICS, name_of
from pipeline.components.evaluator.results import read_results
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.components.evaluator.tfma_metrics import BASELINES, RANKINGS
from pipeline.demo import agree, recommend
from pipeline.local_server import local_server, server_command
from pipeline.runners.local.workdir import Workdir
from tests.pipeline.local_run import SMALL_MODEL, LocalRun
from tests.pipeline.user_ranks import FinishedRun

pytestmark = pytest.mark.integration

# A resolver is no component that could be cached.
RESOLVERS = ("LastAcceptedData", "LatestBlessedModel")
COMPONENTS = (
    "CuratedSchema",
    "FileBasedExampleGen",
    "StatisticsGen",
    "ExampleValidator",
    "LastAcceptedData",
    "DataGate",
    "Transform",
    "Trainer",
    "ExportCheck",
    "LatestBlessedModel",
    "ItemTransitions",
    "EvaluationFeatures",
    "Evaluator",
    "Blessing",
    "Pusher",
)
OPTIONS = (*SMALL_MODEL, "--min-lift=0")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small log whose items have names that are hard to carry."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder / "plain.csv", 4000)
    with open(folder / "plain.csv", newline="") as plain, open(folder / "events.csv", "w") as odd:
        rows = csv.DictReader(plain)
        writer = csv.DictWriter(odd, rows.fieldnames or [])
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"item_id": row["item_id"] and odd_name(row["item_id"])})
    return folder / "events.csv"


def odd_name(item: str) -> str:
    return f' {item}, "ü"\t\'[b]🍞 '


def newest_page(run: LocalRun) -> str:
    return max((run.workdir / "reports").iterdir()).read_text()


@pytest.fixture(scope="module")
def finished(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[LocalRun, str]:
    """A run that was killed in training and before the push, then ran to its end; its output."""
    run = LocalRun(sample, tmp_path_factory.mktemp("run"))
    run.run_until("epoch   1/3", *OPTIONS)
    run.run_until("Pusher starts", *OPTIONS)
    outcome = run.run(*OPTIONS)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return run, outcome.stdout


def test_finished_components_are_not_repeated(finished):
    run, output = finished
    for component, states in run.executions().items():
        if component == "Resolver":
            continue
        assert states.count("COMPLETE") == 1, (component, states)
        assert not {"RUNNING", "FAILED"} & set(states), (component, states)
    for component in COMPONENTS:
        if component not in (*RESOLVERS, "Pusher"):
            assert f"{component} unchanged, kept from an earlier run" in output


def test_one_whole_version_is_pushed_and_nothing_else_lies_there(finished):
    run, _ = finished
    (version,) = run.versions()
    exported = run.components()["Trainer"].outputs["model"][0].uri
    served = run.models / version
    source = Path(exported, "Format-Serving")
    files = {str(f.relative_to(source)): f.read_bytes() for f in source.rglob("*") if f.is_file()}
    for name, content in files.items():
        assert (served / name).read_bytes() == content
    assert {str(f.relative_to(served)) for f in served.rglob("*") if f.is_file()} == set(files)


def test_training_went_on_where_it_was(finished):
    run, _ = finished
    folder = run.components()["Trainer"].outputs["model_run"][0].uri
    history = json.loads(Path(folder, "history.json").read_text())
    assert len(history) == 3
    assert not list(Path(run.workdir, "artifacts", "Trainer", "backup").iterdir())


def test_the_end_tells_what_came_of_it(finished):
    run, output = finished
    for text in (
        "Read 4,000 rows of 1 file",
        "all_items",
        "unseen_items",
        "popularity",
        "recency",
        "transitions",
    ):
        assert text in output
    assert f"Pushed to {run.models / run.versions()[0]}" in output
    served = "-m serving.devserver --port=8500 --rest_api_port=8501 --model_name=mclrec "
    assert f"{sys.executable} {served}" in output  # stock Debian has no `python`


def test_a_page_tells_the_run(finished):
    run, output = finished
    page = next(line for line in output.splitlines() if line.startswith("Report: "))
    text = Path(page.removeprefix("Report: ")).read_text()
    assert "Blessed and pushed" in text and str(run.models / run.versions()[0]) in text
    for section in ("decision", "data", "training", "collapse", "evaluation", "recommendations"):
        assert f'<section id="{section}">' in text
    for component in COMPONENTS:
        assert f"<tr><td>{component}</td>" in text
    # Markup of the terminal in the items' names, and quotes of HTML.
    assert "[b]🍞" in text and "&#34;ü&#34;" in text
    assert "(t-SNE)" in text and "rec_loss" in text


def test_nothing_but_the_report_is_shown(finished):
    _, output = finished
    assert "WARNING" not in output and "tensorflow" not in output


def test_served_model_keras_file_and_evaluator_rank_every_user_alike(finished, tmp_path: Path):
    run, _ = finished
    ranks = FinishedRun(run.components(), run.models / run.versions()[0])
    evaluated = ranks.evaluator_ranks(tmp_path)
    assert len(evaluated) == 114
    for found in (ranks.served_ranks(), ranks.offline_ranks()):
        assert found.keys() == evaluated.keys()
        for user, of_user in found.items():
            assert of_user.items() <= evaluated[user].items(), user


def test_the_server_ranks_alike_and_knows_items_of_any_name(finished):
    run, _ = finished
    ranks = FinishedRun(run.components(), run.models / run.versions()[0])
    with local_server(server_command(run.models)) as server:
        answered = ranks.answered_ranks(server.grpc)
        _, history, _ = ranks.users()[0]
        history = [item.decode() for item in history]
        answers = [
            recommend(server.grpc, "grpc", history),
            recommend(server.rest, "rest", history),
        ]
    for user, expected in ranks.served_ranks().items():
        assert answered[user].items() <= expected.items(), user
    assert agree(answers)
    assert all(item == odd_name(item[1:10]) for item in answers[1].item_ids)


def test_the_evaluators_metrics_are_those_of_the_ranks(finished, tmp_path: Path):
    run, _ = finished
    outputs = run.components()
    finished_run = FinishedRun(outputs, run.models / run.versions()[0])
    ranks = finished_run.evaluator_ranks(tmp_path).values()
    evaluation = tfma.load_eval_result(outputs["Evaluator"].outputs["evaluation"][0].uri)
    metrics = evaluation.get_metrics_for_slice()
    assert metrics["example_count"]["doubleValue"] == len(ranks)
    for ranking in RANKINGS:
        rank = np.array([user[ranking] for user in ranks])
        ndcg = np.where(rank <= 10, 1 / np.log2(1 + rank), 0).mean()
        assert metrics[f"{ranking}_ndcg_at_10"]["doubleValue"] == pytest.approx(ndcg), ranking
    slices = {key for key, _ in evaluation.slicing_metrics}
    expected = {"length_group": ">8", "target_popularity": "head", "target_novelty": "new"}
    assert {(), *((pair,) for pair in expected.items())} <= slices


def test_the_evaluator_tells_what_is_recommended_as_the_library_does(finished):
    run, _ = finished
    outputs = run.components()
    expected = FinishedRun(outputs, run.models / run.versions()[0]).offline_lists()
    everybody = read_results(outputs["Evaluator"].outputs["evaluation"][0].uri)[ALL_USERS]
    names = {
        name_of(who, metric, cutoff)
        for who in (MODEL, *BASELINES)
        for metric in METRICS
        for cutoff in CUTOFFS
    }
    assert names <= expected.keys()
    for name in names:
        assert everybody.metrics[name] == pytest.approx(expected[name], abs=1e-6), name


def test_a_worse_model_is_refused_with_every_reason(finished, capsys: pytest.CaptureFixture):
    run, _ = finished
    before = run.versions()
    blessed = run.components()["Trainer"].outputs["model"][0].uri
    worse = ("--epochs=1", "--learning-rate=1e-6", "--max-drop=0.001", "--min-ndcg=0.9")
    status = run.run_here(*OPTIONS, *worse)
    output = capsys.readouterr().out
    assert status == 3, output
    assert "Refused, nothing was pushed" in output
    assert "required is at least 0.9 (--min-ndcg), here 0.9000; difference -0." in output
    assert "required is 0.999 times the latest blessed model (--max-drop), here 0." in output
    assert "Transform unchanged" in output
    page = newest_page(run)
    assert "Refused, nothing was pushed" in page and blessed in page
    assert "at least 0.9 (--min-ndcg): all users (missed)" in page
    assert run.components()["LatestBlessedModel"].outputs["model"][0].uri == blessed
    assert run.versions() == before


def test_unusable_data_ends_with_one_message(tmp_path: Path, capfd: pytest.CaptureFixture):
    log = tmp_path / "log.csv"
    log.write_text("user_id,product,timestamp\nu,i,1\n")
    run = LocalRun(log, tmp_path / "run")
    assert run.run_here() == 1
    screen = capfd.readouterr()
    assert "Failed, nothing was pushed" in newest_page(run)
    assert screen.err.strip() in html.unescape(newest_page(run))
    assert "log.csv" in screen.err and "item_id" in screen.err
    assert "Traceback" not in screen.out + screen.err


def test_a_failed_component_is_named(tmp_path: Path, sample: Path, capfd: pytest.CaptureFixture):
    run = LocalRun(sample, tmp_path / "run")
    assert run.run_here("--beam-args=--runner=AbsentRunner") == 1
    assert "FileBasedExampleGen failed: " in newest_page(run)
    assert capfd.readouterr().err.startswith("FileBasedExampleGen failed: ")


def test_a_folder_in_use_is_refused(sample: Path, tmp_path: Path):
    with Workdir(tmp_path).only_run():
        outcome = LocalRun(sample, tmp_path).run()
    assert outcome.returncode == 1
    assert f"--workdir {tmp_path}: another run uses it" in outcome.stderr


@pytest.mark.slow
def test_killed_at_every_component(sample: Path, tmp_path: Path):
    run = LocalRun(sample, tmp_path)
    finished: set[str] = set()
    for component in COMPONENTS:
        output = "".join(run.run_until(f"{component} starts", *OPTIONS))
        done = {name for name in COMPONENTS if f"{name} done" in output} - set(RESOLVERS)
        assert not done & finished, (component, output)
        finished |= done
    # The last was killed when it started, the one before perhaps as it ended.
    assert len(finished) >= len(COMPONENTS) - len(RESOLVERS) - 2
    assert run.run(*OPTIONS).returncode == 0
    for component, states in run.executions().items():
        if component != "Resolver":
            assert states.count("COMPLETE") == 1, (component, states)
    assert len(run.versions()) == 1
    assert os.path.isfile(run.models / run.versions()[0] / "saved_model.pb")


def write_names(path: Path, names: dict[str, str]) -> str:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("title", "item_id"), *((n, i) for i, n in names.items())])
    return f"--item-names={path}:title"


def test_names_change_the_page_and_nothing_else(
    finished: tuple[LocalRun, str], sample: Path, tmp_path: Path
):
    run, _ = finished
    # Another run may have been the newest.
    assert run.run_here(*OPTIONS) == 0
    without, states = newest_page(run), run.executions()
    with open(sample, newline="") as log:
        items = {row["item_id"] for row in csv.DictReader(log)} - {""}
    names = {item: f"No. {item[1:10]}" for item in items}
    assert run.run_here(*OPTIONS, write_names(tmp_path / "items.csv", names)) == 0
    for component, of_component in run.executions().items():
        if component != "Resolver":
            assert of_component.count("COMPLETE") == states[component].count("COMPLETE"), component
    page = newest_page(run)
    assert "<bdi title" not in without and page.count('<bdi title="No. c') > 100

    def numbers(text: str) -> list[str]:
        return re.findall(r'<span class="quiet">(-?\d+\.\d\d)</span>', text)

    assert numbers(page) == numbers(without) != []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"0001": "Tea"}, "none of its ids, such as '0001', is an item of the log"),
        ({}, "the column 'title' holds nothing for any item"),
    ],
)
def test_wrong_names_are_told_before_anything_is_run(
    sample: Path, tmp_path: Path, capfd: pytest.CaptureFixture, names: dict, message: str
):
    run = LocalRun(sample, tmp_path / "run")
    assert run.run_here(write_names(tmp_path / "items.csv", names)) == 1
    screen = capfd.readouterr()
    assert message in screen.err and screen.err.count("\n") == 1
    assert "starts" not in screen.out
    assert message in html.unescape(newest_page(run))
