"""The built-in sample is an honest log with something to learn in it."""

import csv
import gzip
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mclrec_tf.data.event_log.reader import Event, EventLogFormat, read_events
from mclrec_tf.data.histories import HeldOut, leave_one_out
from mclrec_tf.data.interactions import Interactions, load_interactions
from mclrec_tf.data.item_features import ItemFeatures
from mclrec_tf.data.item_features_table import read_item_features
from mclrec_tf.data.sample import sample_log as sample
from mclrec_tf.data.sample.__main__ import main
from mclrec_tf.data.sample.sample_log import SampleContents, write_items, write_sample


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample") / "sample.csv"


@pytest.fixture(scope="module")
def contents(path: Path) -> SampleContents:
    return write_sample(path, 50_000)


@pytest.fixture(scope="module")
def loaded(path: Path, contents: SampleContents) -> Interactions:
    return load_interactions(str(path))


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "a.csv.gz", "b.csv.gz"):
        write_sample(tmp_path / name, 3000, seed=7)
    plain, packed = (tmp_path / "a.csv").read_bytes(), (tmp_path / "a.csv.gz").read_bytes()
    assert plain == (tmp_path / "b.csv").read_bytes() == gzip.decompress(packed)
    assert packed == (tmp_path / "b.csv.gz").read_bytes()
    write_sample(tmp_path / "c.csv", 3000, seed=8)
    assert plain != (tmp_path / "c.csv").read_bytes()


@pytest.mark.parametrize("num_events", [1000, 1001, 30_000])
def test_it_has_the_rows_that_were_asked_for(tmp_path: Path, num_events: int) -> None:
    contents = write_sample(tmp_path / "sample.csv", num_events, seed=1)
    rows = list(read_events(str(tmp_path / "sample.csv"), EventLogFormat()))
    assert contents.events == len(rows) == num_events


def test_a_reader_counts_what_it_says_it_holds(
    path: Path, contents: SampleContents, loaded: Interactions
) -> None:
    events = [row for row in read_events(str(path), EventLogFormat()) if isinstance(row, Event)]
    assert contents.users == len({event.user_id for event in events})
    assert contents.items == len({event.item_id for event in events})
    assert contents.duplicates == loaded.report.duplicates == len(events) - len(set(events)) > 0
    assert contents.unusable == loaded.report.problems.total() == 50_000 - len(events) > 0
    assert {*loaded.report.problems} == {"is empty", "is not a number"}


def test_cohorts_only_differ_in_when_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "_COHORT_USERS", 100)
    contents = write_sample(tmp_path / "sample.csv", 20_000)
    rows = list(read_events(str(tmp_path / "sample.csv"), EventLogFormat()))
    loaded = load_interactions(str(tmp_path / "sample.csv"), k_core=1)
    assert len(rows) == 20_000 and contents.duplicates == loaded.report.duplicates
    assert loaded.user_ids != sorted(loaded.user_ids)  # users are interleaved
    first_seen = [int(user[1:]) // 100 for user in loaded.user_ids]
    assert first_seen == sorted(first_seen)  # but cohorts are not


def test_the_reader_has_to_sort_it(path: Path) -> None:
    events = [row for row in read_events(str(path), EventLogFormat()) if isinstance(row, Event)]
    late = np.diff([event.timestamp for event in events]) < 0
    assert 0.001 < late.mean() < 0.1


def test_items_and_users_have_their_sizes(contents: SampleContents, loaded: Interactions) -> None:
    assert 20 < contents.events / contents.users < 30
    assert 1100 < contents.items < 1300
    counts = np.sort(np.bincount(loaded.histories.items)[1:])[::-1]
    assert counts[: len(counts) // 10].sum() > 0.2 * counts.sum()  # popular items
    assert loaded.histories.lengths.max() > 5 * np.median(loaded.histories.lengths)


def hit_rate_and_ndcg(
    scores: np.ndarray, heldout: HeldOut, keep_seen: bool = True
) -> tuple[float, float]:
    """At 10, over the whole catalogue; `scores` is [users, items + 1]."""
    histories, targets = heldout
    users = np.arange(len(targets))
    target_scores = scores[users, targets].copy()
    scores = scores.copy()
    scores[:, 0] = -np.inf
    if not keep_seen:
        scores[np.repeat(users, histories.lengths), histories.items] = -np.inf
    ranks = 1 + (scores > target_scores[:, None]).sum(axis=1)
    return (ranks <= 10).mean(), np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0).mean()


@pytest.mark.parametrize("keep_seen", [True, False])
def test_the_last_item_tells_much_more_than_popularity_and_recency(
    loaded: Interactions, keep_seen: bool
) -> None:
    train, _, test = leave_one_out(loaded.histories)
    num_items = len(loaded.item_ids)
    users = np.repeat(np.arange(len(train)), train.lengths)
    follows = np.zeros((num_items + 1, num_items + 1))
    same_user = users[:-1] == users[1:]
    np.add.at(follows, (train.items[:-1][same_user], train.items[1:][same_user]), 1)

    popular = np.append(0, train.item_counts(num_items)) / len(train.items)
    last_items = test.histories.items[test.histories.row_splits[1:] - 1]
    recent = np.tile(popular, (len(train), 1))
    for user, history in enumerate(test.histories):
        recent[user, history] = 1 + np.arange(len(history))

    markov = hit_rate_and_ndcg(follows[last_items] + popular, test, keep_seen)
    popularity = hit_rate_and_ndcg(np.tile(popular, (len(train), 1)), test, keep_seen)
    recency = hit_rate_and_ndcg(recent, test, keep_seen)
    for best, by_popularity, by_recency in zip(markov, popularity, recency, strict=True):
        assert best > 5 * by_popularity
        assert best > 2 * by_recency
        assert best < 0.7  # and it is no giveaway


def test_noise_hides_the_structure(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.csv", 20_000, noise_share=0.5, flaw_share=0)
    noisy = load_interactions(str(tmp_path / "sample.csv"), k_core=1)
    assert noisy.report.duplicates == noisy.report.problems.total() == 0
    categories = np.array([name[:4] for name in ["", *noisy.item_ids]])[noisy.histories.items]
    stays = (categories[1:] == categories[:-1]).mean()
    assert stays < 0.5


def test_memory_does_not_grow_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_COHORT_USERS", 200)

    def peak(num_events: int) -> int:
        tracemalloc.start()
        try:
            write_sample(tmp_path / "sample.csv", num_events)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(80_000) < 1.5 * peak(20_000)  # the catalogue grows a little


def test_an_unfinished_file_never_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        assert not (tmp_path / "sample.csv").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(sample, "csv_rows", stop)
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path / "sample.csv", 1000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "sample.txt"}, "path must end in .csv or .csv.gz"),
        ({"num_events": 999}, "num_events must be 1,000 to"),
        ({"num_events": 10**10}, "num_events must be 1,000 to"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"noise_share": 0.6}, r"noise_share must lie in 0..0.5, got 0.6"),
        ({"flaw_share": -0.1}, r"flaw_share must lie in 0..0.5"),
    ],
)
def test_arguments_out_of_range_are_errors(tmp_path: Path, arguments: dict, message: str) -> None:
    valid = {"path": "sample.csv", "num_events": 1000}
    arguments = {**valid, **arguments}
    arguments["path"] = tmp_path / arguments["path"]
    with pytest.raises(ValueError, match=message):
        write_sample(**arguments)


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "new" / "sample.csv.gz"
    main([str(out), "--events", "2000", "--seed", "3"])
    assert f"{out}: 2,000 rows of" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([str(tmp_path / "other.csv"), "--events", "20"])
    assert "num_events must be 1,000 to" in capsys.readouterr().err


def test_the_command_writes_over_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "events.csv"
    log.write_text("a log of somebody's own")
    with pytest.raises(SystemExit) as ended:
        main([str(log), "--events", "2000"])
    assert ended.value.code == 2
    assert f"{log}: exists already." in capsys.readouterr().err
    assert log.read_text() == "a log of somebody's own"


def test_the_command_explains_itself(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for option in ("OUT", "--events", "--seed", "--noise", "--flaws", "--items"):
        assert option in text


def titles_of(path: Path) -> dict[str, str]:
    with open(path, newline="") as file:
        return {row["item_id"]: row["title"] for row in csv.DictReader(file)}


def test_every_item_of_the_log_has_a_title_of_its_own(
    tmp_path: Path, contents: SampleContents, loaded: Interactions
) -> None:
    assert write_items(tmp_path / "items.csv", 50_000) >= contents.items
    titles = titles_of(tmp_path / "items.csv")
    assert {*loaded.item_ids} <= titles.keys()
    assert len({*titles.values()}) == len(titles)


@pytest.mark.parametrize("num_items", [3, 1263, 90_000])
def test_a_kind_is_a_category(tmp_path: Path, num_items: int) -> None:
    write_items(tmp_path / "items.csv", 50_000, num_items=num_items)
    titles = titles_of(tmp_path / "items.csv")
    pairs = {(item[:4], title.rsplit(" ", 1)[0]) for item, title in titles.items()}
    assert len(pairs) == len({category for category, _ in pairs}) == len({k for _, k in pairs})
    assert len(titles) == num_items + len(pairs)  # and a new item of each
    # The number counts from the most popular item of the kind.
    assert all(int(t.rsplit(" ", 1)[1]) == int(item[5:]) + 1 for item, t in titles.items())


@pytest.fixture(scope="module")
def features(
    tmp_path_factory: pytest.TempPathFactory, loaded: Interactions
) -> tuple[ItemFeatures, list[str]]:
    table = tmp_path_factory.mktemp("items") / "items.csv"
    write_items(table, 50_000)
    found, items, report = read_item_features(table, loaded.item_ids)
    assert {*report.left_out} == {"title"} and report.missing == 0
    return found, items


def test_each_category_has_a_new_item(
    features: tuple[ItemFeatures, list[str]], loaded: Interactions
) -> None:
    found, items = features
    assert {*found.categories} == {"kind", "styles"} and {*found.vectors} == {"embedding"}
    sizes = Counter(item[:4] for item in items)
    without_events = {*items} - {*loaded.item_ids}
    assert {f"{category}-{size - 1:04}" for category, size in sizes.items()} <= without_events


def test_kind_and_styles_are_those_of_the_category(
    features: tuple[ItemFeatures, list[str]],
) -> None:
    found, items = features
    kinds, styles = found.categories["kind"], found.categories["styles"]
    of_category = {}
    for number, item in enumerate(items, start=1):
        assert len(kinds.of_item(number)) == 1 and len(styles.of_item(number)) == 2
        known = of_category.setdefault(item[:4], [kinds.of_item(number), {*styles.of_item(number)}])
        assert kinds.of_item(number) == known[0]
        known[1] &= {*styles.of_item(number)}
    # What all items of a category share is its look; the other style is the item's own.
    assert all(looks for _, looks in of_category.values())


def test_embeddings_tell_what_comes_next(
    features: tuple[ItemFeatures, list[str]], loaded: Interactions
) -> None:
    found, items = features
    vectors = found.vectors["embedding"][1:]
    place, after = vectors[:, 4:8], vectors[:, 8:]
    category = np.array([int(item[1:4]) for item in items])
    followed = np.zeros((len(items), len(items)), bool)
    for user in range(len(loaded.histories)):
        history = loaded.histories[user]
        followed[history[:-1] - 1, history[1:] - 1] = True
    same = (category[:, None] == category) & ~np.eye(len(items), dtype=bool)
    likeness = after @ place.T
    assert likeness[same & followed].mean() > likeness[same & ~followed].mean() + 0.1


def test_titles_follow_from_the_seed(tmp_path: Path) -> None:
    for name, seed in (("a.csv", 7), ("b.csv", 7), ("c.csv", 8)):
        write_items(tmp_path / name, 3000, seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b != c


def test_the_command_writes_titles_beside_the_same_log(tmp_path: Path) -> None:
    main([str(tmp_path / "plain.csv"), "--events", "2000"])
    titled = [str(tmp_path / "log.csv"), "--events", "2000", "--items", str(tmp_path / "i.csv.gz")]
    main(titled)
    assert (tmp_path / "log.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()
    assert gzip.decompress((tmp_path / "i.csv.gz").read_bytes()).startswith(b"item_id,title,")


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("old.csv", "old.csv: exists already"),
        ("log.csv", "log.csv is the file of the log"),
        ("items.txt", "path must end in .csv or .csv.gz"),
    ],
)
def test_titles_that_cannot_be_written_leave_no_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], items: str, message: str
) -> None:
    (tmp_path / "old.csv").write_text("somebody's own")
    with pytest.raises(SystemExit):
        main([str(tmp_path / "log.csv"), "--events", "2000", "--items", str(tmp_path / items)])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "log.csv").exists()


def test_a_log_that_cannot_be_written_leaves_no_titles(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "log.csv"), "--noise", "2", "--items", str(tmp_path / "items.csv")])
    assert list(tmp_path.iterdir()) == []
