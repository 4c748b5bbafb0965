"""Items without events are recommended: those of the first night, and those of tonight's table."""

import csv
from pathlib import Path

import pytest

from mclrec_tf.data.sample.sample_log import write_items, write_sample
from pipeline.components.evaluator.category_similarity import METRIC
from pipeline.components.evaluator.list_features import MODEL
from pipeline.components.evaluator.recommendation_metrics import name_of
from pipeline.components.evaluator.results import read_results
from pipeline.components.evaluator.tfma_metrics import BASELINES
from pipeline.components.example_gen.histories.user_history import UserHistory
from pipeline.components.transform.preprocessing import VOCABULARY
from pipeline.components.transform.vocabulary import item_ids
from pipeline.model_handler import Recommender
from serving.export_check.check import check_export
from tests.pipeline.local_run import SMALL_MODEL, LocalRun

pytestmark = pytest.mark.integration

EVENTS = 5000
OPTIONS = (*SMALL_MODEL, "--members=1", "--min-lift=0", "--max-drop=1", "--start-from=blessed")
NEWEST = "item of tonight"


class Shop:
    """A log and a table of the catalogue that grow from night to night."""

    def __init__(self, folder: Path):
        self._log = folder / "all-events.csv"
        self.table = folder / "items.csv"
        write_sample(self._log, EVENTS)
        write_items(self.table, EVENTS)
        self.run = LocalRun(folder / "events.csv", folder / "run")
        self.show_events(EVENTS - 500)

    def show_events(self, count: int) -> None:
        lines = self._log.read_text().splitlines(keepends=True)
        self.run.log.write_text("".join(lines[: count + 1]))

    def add_item(self, item: str, like: str) -> None:
        """Adds an item with the features of another one."""
        (row,) = [row for row in self.rows() if row["item_id"] == like]
        with open(self.table, "a", newline="") as file:
            csv.writer(file).writerow({**row, "item_id": item, "title": item}.values())

    def rows(self) -> list[dict[str, str]]:
        with open(self.table, newline="") as file:
            return list(csv.DictReader(file))

    def night(self, capsys: pytest.CaptureFixture[str]) -> str:
        status = self.run.run_here(*OPTIONS, f"--items={self.table}")
        told = capsys.readouterr()
        assert status == 0, told.out + told.err
        return told.out

    @property
    def version(self) -> Path:
        return self.run.models / self.run.versions()[-1]

    def events(self) -> set[str]:
        with open(self.run.log, newline="") as file:
            return {row["item_id"] for row in csv.DictReader(file)}

    def recommended(self, history: list[str]) -> list[str]:
        """All items of the pushed model, best first."""
        everything = len(item_ids(str(self.version / "assets" / VOCABULARY)))
        recommender = Recommender(str(self.version), everything)
        asked = UserHistory(b"x", [item.encode() for item in history], [0] * len(history))
        (answer,) = recommender.run_inference([asked], recommender.load_model())
        return [item for item, _ in answer]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


def test_a_cold_item_is_recommended_where_it_belongs(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    told = shop.night(capsys)
    everything = [row["item_id"] for row in shop.rows()]
    assert f"Features of items: {len(everything)} items. Features: kind" in told
    assert "Left out: title" in told
    catalogue = item_ids(str(shop.version / "assets" / VOCABULARY))
    assert {*catalogue} == {*everything}
    new = {*everything} - shop.events()
    categories = sorted({item[:4] for item in new})
    assert len(new) >= len(categories) > 3 and {*catalogue[-len(new) :]} <= new | {*everything}
    own = 0
    for category in categories:
        history = [item for item in catalogue if item.startswith(category)][:3]
        first_new = next(item for item in shop.recommended(history) if item in new)
        own += first_new.startswith(category)
    assert own > len(categories) / 2
    assert check_export(str(shop.version)) == []

    components = shop.run.components()
    results = read_results(components["Evaluator"].outputs["evaluation"][0].uri)
    by_events = {name for name in results if name.startswith("target_events ")}
    assert {"target_events 1-5", "target_events warm"} <= by_events
    assert sum(results[name].users for name in by_events) == results["all users"].users
    page = max((shop.run.workdir / "reports").iterdir()).read_text()
    assert "items with events and" in page and "similarity by categories" in page
    for who in (MODEL, *BASELINES):
        assert 0 < results["all users"].metrics[name_of(who, METRIC, 10)] <= 1


@pytest.mark.slow
def test_an_item_of_tonights_table_is_recommended_tonight(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    if not shop.run.models.exists():
        shop.night(capsys)
    shop.night(capsys)
    components = shop.run.components()
    assert components["ItemFeatures"].cached and components["Trainer"].cached

    before = shop.version
    like = item_ids(str(before / "assets" / VOCABULARY))[0]
    shop.add_item(NEWEST, like)
    shop.show_events(EVENTS)
    told = shop.night(capsys)
    assert "goes on from" in told
    assert shop.version != before
    assert NEWEST in item_ids(str(shop.version / "assets" / VOCABULARY))
    history = [row["item_id"] for row in shop.rows() if row["item_id"][:4] == like[:4]][1:4]
    ranked = [item for item in shop.recommended(history) if item not in shop.events()]
    assert ranked.index(NEWEST) < len(ranked) / 2

    shop.add_item("one more", like)
    shop.night(capsys)
    components = shop.run.components()
    assert components["Transform"].cached and not components["ItemFeatures"].cached
    assert "one more" in item_ids(str(shop.version / "assets" / VOCABULARY))
