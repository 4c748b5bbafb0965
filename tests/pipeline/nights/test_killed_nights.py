"""The week again, in which runs are killed at random and the same command is given again."""

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.components.pusher.version_folders import version_folders
from pipeline.runners.local.workdir import Workdir
from serving.export_check.check import check_export
from serving.export_check.checksums import damage
from serving.export_contract import CHECKSUM_FILE
from tests.pipeline.local_run import LocalRun
from tests.pipeline.nights.night_outcomes import NightOutcomes, contents
from tests.pipeline.nights.random_kills import Moment, RandomKills
from tests.pipeline.nights.week import FAILED, OPTIONS, WEEK, Feed, Night

pytestmark = pytest.mark.slow

KILLS = 20
SEED = 0


class Remains:
    """Looks at what a killed run has left, before another one tidies up.

    Args:
        run: whose runs are killed.
    """

    def __init__(self, run: LocalRun):
        self._run = run
        self._versions: dict[str, dict[str, bytes]] = {}

    def check(self) -> list[str]:
        """Metadata can be read, and every version is whole, there once and what it was.

        Returns:
            The versions, oldest first.
        """
        with closing(sqlite3.connect(Workdir(self._run.workdir).metadata_file)) as metadata:
            assert metadata.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        self._run.components()
        assert self._run.executions()
        found = version_folders(str(self._run.models))
        for version in found:
            folder = self._run.models / version
            held = contents(folder)
            assert CHECKSUM_FILE in held and list(damage(str(folder))) == []
            if version not in self._versions:
                assert held not in self._versions.values(), f"{version} was pushed before"
                self._versions[version] = held
            assert held == self._versions[version]
        assert found == list(self._versions)
        return found


def test_a_week_of_killed_nights(tmp_path: Path) -> None:
    feed = Feed(tmp_path / "log", tmp_path / "sample.csv")
    run = LocalRun(feed.log, tmp_path / "run")
    outcomes, remains = NightOutcomes(feed, run), Remains(run)

    feed.deliver(WEEK[0])
    begun = time.monotonic()
    finished = run.run(*OPTIONS)
    kills = RandomKills(finished.stdout, time.monotonic() - begun, SEED)
    outcomes.check(WEEK[0], finished)

    killed = 0
    for place, night in enumerate(WEEK[1:], start=1):
        feed.deliver(night)
        before = remains.check()
        # As many in each night as leaves as many for those to come.
        wanted = killed + round((KILLS - killed) / (len(WEEK) - place))
        moments = _moments(kills, night, wanted - killed)
        while killed < wanted:
            # A run that is over can still be killed when it is given again.
            moment = moments.pop(0) if moments else kills.anywhere(1)[0]
            status, output = run.run_and_kill(*moment, *OPTIONS, *night.options)
            print(f"night {place}, {moment}, status {status}: {output.splitlines()[-1:]}")
            if status == -signal.SIGKILL:
                killed += 1
            else:
                assert status == night.status, output
            versions = remains.check()
            assert versions[: len(before)] == before and len(versions) <= len(before) + 1
        outcomes.check(night, run.run(*OPTIONS, *night.options))
        assert remains.check() == outcomes.versions
    assert killed == KILLS

    states = {state for states in run.executions().values() for state in states}
    assert states == {"COMPLETE", "CACHED", "CANCELED", "FAILED"}
    # No night was learned from or pushed twice.
    trained = sum(night.status != FAILED for night in WEEK)
    for component in ("Trainer", "Pusher"):
        assert run.executions()[component].count("COMPLETE") == trained
    # Of a training that was cut short nothing is left when the night is over.
    assert list((run.workdir / "artifacts" / "Trainer" / "backup").iterdir()) == []


def test_nights_that_were_killed_and_never_repeated(tmp_path: Path) -> None:
    feed = Feed(tmp_path / "log", tmp_path / "sample.csv")
    run = LocalRun(feed.log, tmp_path / "run")
    outcomes, remains = NightOutcomes(feed, run), Remains(run)
    first, in_training, in_push, last = (Night(day) for day in range(5, 9))
    feed.deliver(first)
    outcomes.check(first, run.run(*OPTIONS))

    feed.deliver(in_training)
    run.run_and_kill("epoch   2/3", 0, *OPTIONS)
    assert "Trainer" not in run.components()
    assert remains.check() == outcomes.versions
    feed.deliver(in_push)
    run.run_and_kill("Pusher starts", 0, *OPTIONS)
    assert "Pusher" not in run.components()
    blessed = run.components()["Trainer"].outputs["model"][0].uri
    before = remains.check()

    feed.deliver(last)
    finished = run.run(*OPTIONS)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Trainer done" in finished.stdout
    # What was blessed is what the next model goes on from and is compared with, pushed or not.
    for resolver in ("BaseModel", "LatestBlessedModel"):
        assert run.components()[resolver].outputs["model"][0].uri == blessed
    versions = remains.check()
    assert versions[:-1] == before and run.versions() == versions
    assert check_export(run.models / versions[-1]) == []
    items = set((run.models / versions[-1] / "assets" / "items").read_text().splitlines())
    for night in (in_training, in_push, last):
        assert items & feed.new_items(night)


def _moments(kills: RandomKills, night: Night, count: int) -> list[Moment]:
    """Moments in the order of the night; the last is around the push, if there is one."""
    if night.status == FAILED:
        return kills.anywhere(count, until="DataGate")
    return [*kills.anywhere(count - 1), kills.around_the_push()]
