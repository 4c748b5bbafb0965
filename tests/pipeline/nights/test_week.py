"""A week of nights: a run each, beside a server that is asked all the time."""

import re
from pathlib import Path

import pytest

from pipeline.local_server import local_server, server_command
from serving.client import RecommendationClient
from tests.pipeline.local_run import LocalRun
from tests.pipeline.nights.constant_asker import ConstantAsker
from tests.pipeline.nights.night_outcomes import NightOutcomes
from tests.pipeline.nights.week import OPTIONS, PUSHED, WEEK, Feed, Night
from tests.serving.wait_until import wait_until

pytestmark = pytest.mark.slow


def test_a_week_of_nights(tmp_path: Path) -> None:
    feed = Feed(tmp_path / "log", tmp_path / "sample.csv")
    run = LocalRun(feed.log, tmp_path / "run")
    outcomes = NightOutcomes(feed, run)

    def pass_night(night: Night) -> str:
        """Runs a night to its end; returns what it printed."""
        feed.deliver(night)
        finished = run.run(*OPTIONS, *night.options)
        outcomes.check(night, finished)
        return finished.stdout

    # A server needs a first version.
    assert "goes on from" not in pass_night(WEEK[0])
    history = outcomes.items[:3]
    log = tmp_path / "server.log"
    with (
        log.open("w") as stderr,
        local_server(server_command(run.models), stderr=stderr) as server,
    ):
        with (
            RecommendationClient(server.grpc) as client,
            ConstantAsker(server, history) as asker,
        ):

            def answer() -> list[tuple[str, float]]:
                """Every item of the version that answers."""
                return client.recommend(history, k=len(outcomes.items), keep_seen=True)

            def serves(version: str) -> bool:
                return client.model_metadata().version == int(version)

            for night in WEEK[1:]:
                before = answer()
                known = len(outcomes.items)
                output = pass_night(night)
                newest = outcomes.versions[-1]
                if night.status == PUSHED:
                    wait_until(lambda version=newest: serves(version), f"{newest} is served")
                    answered = {item for item, _ in answer()}
                    assert answered == set(outcomes.items) and outcomes.newly_known <= answered
                    # The new ones can be unknown to the model that the training went on from.
                    found = re.search(r"goes on from \S+, which knows (\d+) of (\d+) items", output)
                    assert found, output
                    assert int(found[1]) <= known and int(found[2]) == len(outcomes.items)
                    assert int(found[2]) - int(found[1]) == len(outcomes.newly_known)
                else:
                    assert serves(newest) and answer() == before
                assert asker.failures == [], log.read_text()

            again = run.run(*OPTIONS)
            assert "Trainer unchanged, kept from an earlier run" in again.stdout, again.stdout
            outcomes.check_repeated(again)
        assert asker.failures == [] and min(asker.answered.values()) > 100
        print(f"answered {asker.answered}, versions {outcomes.versions}")
