"""A real log, MovieLens 100K: quality, and the same ranks from everything that ranks."""

from pathlib import Path

import pytest

from pipeline.batch_inference import main as batch_inference
from pipeline.components.evaluator.results import read_results
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.local_server import local_server, server_command
from tests.pipeline.jobs.batch_inference.answers import (
    assert_answers_are_a_servers,
    histories_of,
    rows_of,
)
from tests.pipeline.local_run import LocalRun
from tests.pipeline.user_ranks import FinishedRun

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    run = LocalRun(shared_dir / "data" / "ml-100k.inter.gz", tmp_path_factory.mktemp("ml-100k"))
    # Counted transitions have about the NDCG@10 of this model, see BUILD_NOTES.md.
    outcome = run.run("--dropout=0.2", "--learning-rate=0.003", "--patience=5", "--min-lift=0")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return run


def test_the_model_is_one_and_a_half_times_as_good_as_popularity(run: LocalRun):
    assert len(run.versions()) == 1
    evaluation = run.components()["Evaluator"].outputs["evaluation"][0].uri
    metrics = read_results(evaluation)[ALL_USERS].metrics
    popularity = metrics["popularity_unseen_items_ndcg_at_10"]
    assert metrics["unseen_items_ndcg_at_10"] >= 1.5 * popularity > 0


def test_every_user_is_ranked_alike(run: LocalRun, tmp_path: Path):
    ranks = FinishedRun(run.components(), run.models / run.versions()[0])
    expected = ranks.evaluator_ranks(tmp_path)
    assert len(expected) == 943
    with local_server(server_command(run.models)) as server:
        answered = ranks.answered_ranks(server.grpc)
    for found in (ranks.served_ranks(), ranks.offline_ranks(), answered):
        assert found.keys() == expected.keys()
        for user, user_ranks in found.items():
            assert user_ranks.items() <= expected[user].items(), user


def test_batch_inference_answers_every_user_as_a_server_does(run: LocalRun, tmp_path: Path):
    output = tmp_path / "recommendations"
    assert (
        batch_inference([f"--model={run.models}", f"--data={run.log}", f"--output={output}"]) == 0
    )
    rows, histories = rows_of(output), histories_of(run.log)
    assert len(histories) == 943
    with local_server(server_command(run.models)) as server:
        assert_answers_are_a_servers(rows, histories, server.grpc, 20)
