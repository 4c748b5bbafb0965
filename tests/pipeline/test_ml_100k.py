"""A real log, MovieLens 100K: quality, and the same ranks from everything that ranks."""

from pathlib import Path

import pytest

from tests.pipeline.local_run import LocalRun
from tests.pipeline.user_ranks import FinishedRun

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    run = LocalRun(shared_dir / "data" / "ml-100k.inter.gz", tmp_path_factory.mktemp("ml-100k"))
    outcome = run.run("--dropout=0.2", "--learning-rate=0.003", "--patience=5", "--min-lift=1.5")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return run


def test_the_model_is_one_and_a_half_times_as_good_as_popularity(run: LocalRun):
    """NDCG@10, unseen_items: otherwise --min-lift had kept it from being pushed."""
    assert len(run.versions()) == 1


def test_every_user_is_ranked_alike(run: LocalRun, tmp_path: Path):
    ranks = FinishedRun(run.components(), run.models / run.versions()[0])
    served = ranks.served_ranks()
    assert len(served) == 943
    assert ranks.evaluator_ranks(tmp_path) == served
    for user, offline in ranks.offline_ranks().items():
        assert offline.items() <= served[user].items(), user
