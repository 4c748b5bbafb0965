"""The page about a run holds everything, harms nobody and can be read on a phone."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from mclrec_tf.data.event_log.reader import RowProblem
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.ranks import POLICIES
from pipeline.components.blessing.decision import decide
from pipeline.components.evaluator.list_features import MODEL as MODEL_LISTS
from pipeline.components.evaluator.paired_moments import Moments, compared
from pipeline.components.evaluator.recommendation_metrics import LABELS, name_of
from pipeline.components.evaluator.recommendation_metrics import (
    METRICS as RECOMMENDATION_METRICS,
)
from pipeline.components.evaluator.results import SliceResult
from pipeline.components.evaluator.slices import ALL_USERS
from pipeline.components.evaluator.tfma_metrics import (
    BASELINES,
    METRICS,
    RANKINGS,
    metric_name,
)
from pipeline.components.example_gen.event_log.log_report import (
    EventLogReport,
    LogTotals,
    SkippedRows,
)
from pipeline.components.example_gen.event_log.span import Span
from pipeline.components.item_transitions.table import How
from pipeline.components.run_page.contents import FAILED, PUSHED, REFUSED, Contents, read_contents
from pipeline.components.run_page.item_names import ItemNames
from pipeline.components.run_page.neighbours import Neighbours
from pipeline.components.run_page.page import write_page
from pipeline.components.run_page.recommendations import Recommended, SliceOfUsers
from pipeline.components.trainer.learned_views import LearnedViews
from pipeline.settings import Settings
from tests.pipeline.components.run_page.chromium import PHONE_WIDTH, look_at

HOSTILE = "<script>alert('x')</script>"
LONG = "an-item-whose-name-has-no-place-to-break" * 4
HIT = Recommended(HOSTILE, [LONG, "b"], 7, LONG, [("c", 1.5), (LONG, 1.25)])
MISS = Recommended("user", ["b"], 1, "d", [("b", 1.5)])


def result(users: int, seed: int, other: bool = True) -> SliceResult:
    random = np.random.default_rng(seed)
    names = compared(BASELINES, other)
    ndcg = random.uniform(size=(1 + len(names), users)) * 0.3
    ndcg[0] = 1
    of_metrics = [metric_name(r, m, c) for r in RANKINGS for m in METRICS for c in CUTOFFS]
    of_metrics += [
        name_of(who, metric, cutoff)
        for who in (MODEL_LISTS, *BASELINES)
        for metric in RECOMMENDATION_METRICS
        for cutoff in CUTOFFS
    ]
    metrics = dict(zip(of_metrics, random.uniform(size=len(of_metrics)), strict=True))
    moments = dict.fromkeys(POLICIES, Moments(ndcg @ ndcg.T, names))
    return SliceResult(users, metrics, metrics if other else {}, moments)


def contents(other: bool = True) -> Contents:
    """A run in which everything happened, told with names that are hard to show."""
    random = np.random.default_rng(0)
    slices = (ALL_USERS, "length_group 6-8", "length_group >8", "target_novelty repeated")
    results = {name: result(500 - 160 * n, n, other) for n, name in enumerate(slices)}
    metrics = [f"val_{p}_{m}_at_{c}" for p in POLICIES for m in METRICS for c in CUTOFFS]
    terms = ("loss", "rec_loss", "cl2_loss", "regularization", "augmenter_loss")
    signs = (
        *("alignment", "uniformity", "positive_similarity", "negative_similarity"),
        *("effective_rank_z1", "effective_rank_z2"),
    )
    rows = SkippedRows(
        HOSTILE,
        LONG,
        1,
        [RowProblem(file=HOSTILE, row=3, column="item_id", value=HOSTILE, reason=LONG)],
    )
    totals = LogTotals(
        users=10, items=20, events=300, shortest_history=3, rarest_item=1, newest_event=9
    )
    span = Span(number=7, version=None, path=f"{LONG}/{HOSTILE}", fingerprint="")
    return Contents(
        status=REFUSED,
        timings=[("Trainer", 61.25, False), ("Transform", 0.0, True)],
        event_log=EventLogReport(1, 302, [rows], 1, totals, totals, 1, 0, {"test": 10}, [span]),
        anomalies=[f"{HOSTILE} {LONG}"],
        epochs=[
            {name: float(random.uniform()) for name in (*terms, *signs, *metrics, "learning_rate")}
            for _ in range(3)
        ],
        views=LearnedViews(*random.normal(size=(2, 20, 8)).astype(np.float32)),
        results=results,
        transitions=How(decay=0.3, reach=10),
        compared_with=f"/models/{LONG}" if other else None,
        decision=decide(results, f"{HOSTILE} {LONG}", Settings().blessing),
        slices=[
            SliceOfUsers("length_group 6-8", "unseen_items", 340, [HIT, MISS]),
            SliceOfUsers("target_novelty repeated", "all_items", 20, [HIT]),
        ],
        neighbours=[Neighbours(LONG, 1, [("b", 0.875), (HOSTILE, -0.5)])],
        item_names=ItemNames({"b": HOSTILE, LONG: f"{LONG} the end"}, [f"Names: {HOSTILE}"]),
    )


def page_of(run: Contents, folder: Path) -> str:
    path = folder / "reports" / "page.html"
    write_page(str(path), run, Settings(), title=f"{LONG}.csv")
    return path.read_text()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(contents(), tmp_path_factory.mktemp("page"))


def test_names_from_logs_are_text(page: str):
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page


def test_it_needs_nothing_from_elsewhere(page: str):
    assert not re.search(r"<(link|img|iframe|script|object)\b|@import|url\((?!#)", page)
    for reference in re.findall(r'(?:href|src)="([^"]*)"', page):
        assert reference.startswith("#"), reference


def test_every_criterion_is_there_with_its_numbers(page: str):
    decision = contents().decision
    assert decision is not None and decision.failed
    assert f"{len(decision.failed)} of {len(decision.criteria)} criteria were not met" in page
    for criterion in decision.criteria:
        if criterion.value is not None and criterion.interval is not None:
            assert f"{criterion.value:.4f} of {criterion.bound:.4f}" in page
            assert "{:+.4f} to {:+.4f}".format(*criterion.interval) in page


def test_every_baseline_is_there_with_its_metrics(page: str):
    everybody = contents().results[ALL_USERS]
    for baseline in BASELINES:
        assert f"<td>{baseline}</td>" in page and f'<th class="n">{baseline}</th>' in page
        value = everybody.metrics[metric_name(f"{baseline}_all_items", "mrr", 5)]
        assert f'<td class="n">{value:.4f}</td>' in page
    assert "times 0.3 for each item after it" in page


def test_what_is_recommended_is_there_for_all_and_by_slice(page: str):
    results = contents().results
    for metric in RECOMMENDATION_METRICS:
        assert f"<td>{LABELS[metric]}</td>" in page
        for who in (MODEL_LISTS, *BASELINES):
            for cutoff in CUTOFFS:
                value = results[ALL_USERS].metrics[name_of(who, metric, cutoff)]
                assert f'<td class="n">{value:.4f}</td>' in page
            for result in results.values():
                value = result.metrics[name_of(who, metric, 10)]
                assert f'<td class="n">{value:.4f}</td>' in page
    # Three cutoffs of all users, and three other slices.
    assert page.count("<td>coverage</td>") == 6


def test_a_value_that_an_export_does_not_tell_is_a_dash(tmp_path: Path):
    run = contents()
    everybody = run.results[ALL_USERS]
    name = name_of(MODEL_LISTS, "repeat_share", 10)
    before = {k: v for k, v in everybody.latest_blessed_metrics.items() if k != name}
    changed = dataclasses.replace(everybody, latest_blessed_metrics=before)
    results = {**run.results, ALL_USERS: changed}
    page = page_of(dataclasses.replace(run, results=results), tmp_path)
    own = f'<td class="n">{everybody.metrics[name]:.4f}</td>'
    assert f'<tr><td>share of repeats</td>{own}<td class="n">–</td>' in page


def section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}">')[1].split("</section>")[0]


def words(html: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_hits_are_told_in_words_too(page: str):
    text = words(section(page, "recommendations"))
    assert "length group 6-8: 2 of 340 users, 1 with a hit" in text
    assert "target novelty repeated: 1 of 20 users, 1 with a hit" in text
    assert text.count("a hit, at place 2") == 2 and text.count("no hit") == 1
    assert text.count("✓ hit") == 2


def test_names_stand_beside_the_ids_they_are_of(page: str):
    text = words(section(page, "recommendations"))
    hostile = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    assert f"{hostile} b" in text and f"Names: {hostile}" in text
    # An item without a name has its id alone.
    assert "scores c 1.50" in text and "came next: d no hit" in text


def test_neighbours_have_names_and_cosines(page: str):
    text = words(section(page, "recommendations")).split("Neighbours of some items")[1]
    hostile = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    assert "the end an-item" in text and "number 1 by events in training" in text
    assert f"nearest first: {hostile} b 0.88 {hostile} -0.50" in text


def test_a_long_name_keeps_its_end(page: str):
    (shown, *_) = re.findall(r'<bdi title="an-item[^"]*">([^<]*)</bdi>', page)
    assert shown.startswith("an-item-whose-name") and shown.endswith("the end")
    assert len(shown) < 70 and " … " in shown


def test_without_names_there_are_ids(tmp_path: Path):
    page = page_of(dataclasses.replace(contents(), item_names=ItemNames()), tmp_path)
    assert "came next: d no hit" in words(page) and "<bdi title" not in page


def test_the_same_run_gives_the_same_numbers_of_pictures(page: str):
    # Five terms, three metrics, six signs of collapse, the projection and the slices.
    assert page.count("<svg") == 5 + 3 + 6 + 1 + 1


def test_a_run_that_failed_before_anything_is_told_all_the_same(tmp_path: Path):
    run = read_contents({}, Settings(), failure=f"log.csv: {HOSTILE}")
    assert run == Contents(FAILED, failure=f"log.csv: {HOSTILE}")
    page = page_of(run, tmp_path)
    assert "Failed, nothing was pushed" in page and "log.csv: &lt;script&gt;" in page
    assert '<section id="evaluation">' not in page and "<svg" not in page


def test_a_first_model_without_learned_views(tmp_path: Path):
    run = contents(other=False)
    bare = [
        {k: v for k, v in epoch.items() if k == "loss" or k.startswith("val_")}
        for epoch in run.epochs
    ]
    run = dataclasses.replace(run, status=PUSHED, pushed_to="/m/1", epochs=bare, views=None)
    page = page_of(run, tmp_path)
    assert "Blessed and pushed" in page and "/m/1" in page
    assert "No model was blessed before" in page
    assert '<section id="collapse">' not in page and "latest blessed" not in page


@pytest.mark.parametrize("z", [np.zeros((3, 4)), np.ones((10, 4))], ids=["few", "collapsed"])
def test_views_that_collapsed_to_a_point_are_drawn(tmp_path: Path, z: np.ndarray):
    views = LearnedViews(z.astype(np.float32), z.astype(np.float32))
    page = page_of(dataclasses.replace(contents(), views=views), tmp_path)
    assert "hold 100 % of" in page


def test_on_a_phone_nothing_is_cut_off(page: str, tmp_path: Path):
    # Opened, because what is folded up has no width.
    seen = look_at(page.replace("<details>", "<details open>"), tmp_path)
    assert seen["width"] == PHONE_WIDTH
    assert seen["scrollWidth"] == PHONE_WIDTH and seen["outside"] == []
    assert seen["sections"] == [
        *("decision", "data", "training", "collapse", "evaluation", "recommendations"),
        *("timings", "settings"),
    ]
    assert len(seen["pictures"]) == 16 and min(seen["pictures"]) > 100
    assert seen["scripts"] == 0
    assert HOSTILE in seen["text"]
