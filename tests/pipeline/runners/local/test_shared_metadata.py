"""Two shops keep the metadata of their runs in one database on a real server."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mclrec_tf.data.sample.sample_log import write_sample
from tests.pipeline.local_run import SMALL_MODEL, LocalRun
from tests.pipeline.runners.local.database_servers import PASSWORD, DatabaseServer, mariadb

pytestmark = pytest.mark.slow

RESOLVERS = ("LastAcceptedData", "LatestBlessedModel")
OPTIONS = (*SMALL_MODEL, "--min-lift=0")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseServer]:
    with mariadb() as running:
        monkeypatch.setenv("MYSQL_PWD", PASSWORD)
        yield running


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    # JSON writes the letter with a backslash.
    log = tmp_path / "Läden" / "events.csv"
    log.parent.mkdir()
    write_sample(log, 4000)
    return log


def test_two_shops_and_a_kill(server: DatabaseServer, sample: Path, tmp_path: Path, capfd):
    shop = LocalRun(sample, tmp_path / "shop", "shop", server.url())
    other = LocalRun(sample, tmp_path / "other", "other", server.url())
    shop.run_until("epoch   1/3", *OPTIONS)
    assert shop.executions()["Trainer"] == ["RUNNING"]

    outcome = other.run(*OPTIONS)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "unchanged" not in outcome.stdout and "stopped in" not in outcome.stdout
    assert shop.executions()["Trainer"] == ["RUNNING"]

    outcome = shop.run(*OPTIONS)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "An earlier run was stopped in Trainer" in outcome.stdout
    assert "Transform unchanged" in outcome.stdout
    assert "compared with no earlier model" in outcome.stdout
    assert shop.executions()["Trainer"] == ["CANCELED", "COMPLETE"]
    history = Path(shop.components()["Trainer"].outputs["model_run"][0].uri, "history.json")
    assert len(json.loads(history.read_text())) == 3
    assert str(other.workdir) not in str(shop.components())

    assert shop.run_here(*OPTIONS) == 0
    assert len(shop.versions()) == 1
    for name, component in shop.components().items():
        assert component.cached or name in RESOLVERS, name

    capfd.readouterr()
    stranger = LocalRun(sample, tmp_path / "stranger", "shop", server.url())
    assert stranger.run_here(*OPTIONS) == 1
    assert f"belongs to {shop.workdir} on " in capfd.readouterr().err
    assert LocalRun(sample, shop.workdir, "shop").run_here(*OPTIONS) == 1
    assert "are on a server. Give the --metadata" in capfd.readouterr().err

    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    logs = [file.read_text() for file in written if file.suffix == ".log"]
    assert any("Using connection config" in log for log in logs)
    assert not [file for file in written if PASSWORD.encode() in file.read_bytes()]


def test_the_server_dies_in_a_run(server: DatabaseServer, sample: Path, tmp_path: Path, capfd):
    run = LocalRun(sample, tmp_path / "run", metadata=server.url())

    def die() -> None:
        while not (run.workdir / "artifacts" / "StatisticsGen").exists():
            time.sleep(0.1)
        server.process.kill()

    death = threading.Thread(target=die, daemon=True)
    death.start()
    assert run.run_here(*OPTIONS) == 1
    death.join()
    screen = capfd.readouterr()
    assert screen.err.startswith("StatisticsGen failed: "), screen.err
    assert "Traceback" not in screen.out + screen.err
    (page,) = (run.workdir / "reports").iterdir()
    assert "Failed, nothing was pushed" in page.read_text()
