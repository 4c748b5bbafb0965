"""What has to be there after each night of a week: versions, decision, page, what was learned."""

from pathlib import Path
from subprocess import CompletedProcess

import tensorflow as tf
from tfx.utils import path_utils

from pipeline.components.blessing.component import read_decision
from pipeline.components.blessing.criterion import Decision
from serving.export_check.check import check_export
from tests.pipeline.local_run import LocalRun
from tests.pipeline.nights.week import FAILED, PUSHED, Feed, Night


class NightOutcomes:
    """Looks at each night when it is over, and remembers what the next one is held against.

    Attributes:
        versions: what was pushed so far, oldest first.
        items: the vocabulary of the newest version, by id.
        newly_known: the items of it that the version before did not know.
    """

    def __init__(self, feed: Feed, run: LocalRun):
        self._feed = feed
        self._run = run
        self._blessed: str | None = None  # folder of the model that was blessed last
        self._users: set[str] = set()
        self.versions: list[str] = []
        self.items: list[str] = []
        self.newly_known: set[str] = set()

    def check(self, night: Night, finished: CompletedProcess[str]) -> None:
        """Compares what a night has left with what it is to be."""
        output = finished.stdout + finished.stderr
        assert finished.returncode == night.status, output
        if night.status == FAILED:
            self._nothing_was_trained(night, finished.stderr)
        else:
            self._a_model_was_trained(night)
            if night.status == PUSHED:
                self._it_was_pushed(night)
            else:
                self._it_was_refused(finished.stdout)
        assert self._run.versions() == self.versions, output

    def check_repeated(self, finished: CompletedProcess[str]) -> None:
        """Looks at the same command given again after a night that pushed: it pushes no more."""
        assert finished.returncode == PUSHED, finished.stdout + finished.stderr
        assert self._run.versions() == self.versions
        assert str(self._run.models / self.versions[-1]) in self._page("Blessed and pushed")

    def _nothing_was_trained(self, night: Night, error: str) -> None:
        assert error.startswith("The data were refused, nothing was trained:\n  span "), error
        assert f"{self._feed.date(night)}/v{night.version}/*.csv), history: " in error
        assert "Jensen-Shannon divergence" in error
        assert "Traceback" not in error
        components = self._run.components()
        assert "DataGate" not in components and "Transform" not in components
        assert error.splitlines()[1].split("(")[0].strip() in self._page("Failed, nothing")

    def _a_model_was_trained(self, night: Night) -> None:
        """On the new users too, and from the model that was blessed last."""
        components = self._run.components()
        bases = [model.uri for model in components["BaseModel"].outputs.get("model", [])]
        assert bases == ([self._blessed] if self._blessed else [])
        compared = components["LatestBlessedModel"].outputs.get("model", [])
        assert [model.uri for model in compared] == bases
        users = _users(components["FileBasedExampleGen"].outputs["examples"][0].uri, "train")
        # A user of the day's evening has too few events yet.
        assert (users - self._users) & self._feed.new_users(night)
        self._users = users

    def _it_was_pushed(self, night: Night) -> None:
        decision = self._decision()
        assert decision.blessed and len(decision.criteria) > (4 if self._blessed else 2)
        [version] = set(self._run.versions()) - set(self.versions)
        assert version == max([version, *self.versions], key=int)
        self.versions.append(version)
        folder = self._run.models / version
        assert str(folder) in self._page("Blessed and pushed")
        assert check_export(folder) == []
        items = (folder / "assets" / "items").read_text().splitlines()
        self.newly_known = set(items) - set(self.items)
        assert self.newly_known & self._feed.new_items(night)
        self.items = items
        self._blessed = self._run.components()["Trainer"].outputs["model"][0].uri
        exported = path_utils.serving_model_path(self._blessed)
        assert contents(folder) == contents(Path(exported))

    def _it_was_refused(self, output: str) -> None:
        decision = self._decision()
        asked = "0.9 times the latest blessed model (--max-drop)"
        assert not decision.blessed
        assert (asked, "all users") in [
            (criterion.requirement, criterion.slice) for criterion in decision.failed
        ]
        assert f"required is {asked}, here 0." in output
        assert f"{asked}: all users (missed)" in self._page("Refused, nothing was pushed")

    def _decision(self) -> Decision:
        return read_decision(self._run.components()["Blessing"].outputs["blessing"][0].uri)

    def _page(self, heading: str) -> str:
        """The page about the newest run."""
        page = max((self._run.workdir / "reports").iterdir()).read_text()
        assert f"<h2>{heading}" in page
        return page


def contents(folder: Path) -> dict[str, bytes]:
    """What the files in a folder hold, by their names."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _users(uri: str, split: str) -> set[str]:
    records = tf.data.TFRecordDataset(tf.io.gfile.glob(f"{uri}/Split-{split}/*"), "GZIP")
    features = (
        tf.train.Example.FromString(r).features.feature for r in records.as_numpy_iterator()
    )
    return {feature["user_id"].bytes_list.value[0].decode() for feature in features}
