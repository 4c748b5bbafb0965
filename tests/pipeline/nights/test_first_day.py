"""With a table of the catalogue and --refit, new items are recommended on their first day."""

from pathlib import Path

import pytest

from pipeline import item_sets
from pipeline.components.refit.report import read_refit_report
from pipeline.local_server import local_server, server_command
from serving.client import RecommendationClient
from serving.export_check.check import check_export
from tests.pipeline.local_run import LocalRun
from tests.pipeline.nights.night_outcomes import contents
from tests.pipeline.nights.week import OPTIONS, Feed, Night
from tests.serving.wait_until import wait_until

pytestmark = pytest.mark.slow

NIGHTS = (Night(5), Night(6), Night(7), Night(8))


def test_new_items_are_recommended_on_their_first_day(tmp_path: Path) -> None:
    feed = Feed(tmp_path / "log", tmp_path / "sample.csv")
    run, table = LocalRun(feed.log, tmp_path / "run"), tmp_path / "items.csv"
    options = (*OPTIONS, "--members=1", "--refit", f"--items={table}")

    def pass_night(night: Night) -> str:
        """Runs a night to its end; returns the version that it has pushed."""
        before = run.versions() if run.models.exists() else []
        feed.deliver(night)
        feed.write_items(table, night)
        finished = run.run(*options)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        refitted = Path(run.components()["Refit"].outputs["model"][0].uri)
        report = read_refit_report(str(refitted))
        assert report is not None and report.refitted, report
        [version] = {*run.versions()} - {*before}
        served = contents(run.models / version)
        for name, data in contents(refitted / "Format-Serving").items():
            # The sets of items are those of the version before.
            assert served[name] == data or name.startswith("variables") or "sha256" in name.lower()
        assert check_export(str(run.models / version)) == []
        return version

    version = pass_night(NIGHTS[0])
    some = (run.models / version / "assets" / "items").read_text().splitlines()[:20]
    (tmp_path / "stock.txt").write_text("\n".join(some))
    command = [f"--model={run.models}", "--set", f"in stock={tmp_path / 'stock.txt'}"]
    assert item_sets.main(command) == 0
    log = tmp_path / "server.log"
    with (
        log.open("w") as stderr,
        local_server(server_command(run.models), stderr=stderr) as server,
        RecommendationClient(server.grpc) as client,
    ):

        def serves(version: str) -> bool:
            return client.model_metadata().version == int(version)

        for night in NIGHTS:
            if night is not NIGHTS[0]:
                version = pass_night(night)
                wait_until(lambda version=version: serves(version), f"{version} is served")
            new = feed.new_items(Night(night.day + 1))
            everything = (run.models / version / "assets" / "items").read_text().splitlines()
            assert new and new <= {*everything}
            recommended = client.recommend(some[:3], k=len(everything))
            assert new <= {item for item, _ in recommended}
            among = client.recommend(some[:3], candidates=sorted(new), k=len(new))
            assert {item for item, _ in among} == new
            in_stock = client.recommend(some[:3], candidate_set="in stock", k=20)
            assert {item for item, _ in in_stock} == {*some[3:]}
    versions = run.versions()
    assert run.run(*options).returncode == 0 and run.versions() == versions
