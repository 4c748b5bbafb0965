"""An event log becomes one Example a user a split, and a report."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.components.example_gen.event_log.log_report import LogTotals
from pipeline.components.example_gen.histories.user_history import (
    UserHistory,
    from_example,
    to_example,
)

Ingest = Callable

ODD_IDS = [
    "two words",
    " spaces around ",
    'a "quoted" id',
    "comma, separated",
    "semi;colon",
    "tab\tinside",
    "ünïcødé 🎬",
    "日本語",
    "back\\slash",
    "'",
    "=1+1",
    "None",
    "0",
    "00",
]


def size(log: LogTotals) -> tuple[int, int, int]:
    return log.users, log.items, log.events


def sequences(splits: dict) -> dict[str, list[tuple[str, int]]]:
    """All events of each user, as the test split shows them; the target's time is not in it."""
    return {
        user: list(zip([*example.history, example.target], [*example.timestamps, -1], strict=True))
        for user, example in splits["test"].items()
    }


def test_training_has_all_but_what_the_other_splits_hold_out(ingest: Ingest):
    log = [("ann", f"item{time}", time) for time in range(1, 7)]
    log += [("bob", f"item{time}", time) for time in range(1, 4)]
    splits = ingest(log).splits

    train, validation, test = (splits[name]["ann"] for name in ("train", "validation", "test"))
    assert (train.history, train.target) == (["item1", "item2", "item3", "item4"], "item4")
    assert (validation.history, validation.target) == (train.history, "item5")
    assert (test.history, test.target) == ([*validation.history, "item5"], "item6")
    assert (train.timestamps, test.timestamps) == ([1, 2, 3, 4], [1, 2, 3, 4, 5])
    assert [example.is_training for example in (train, validation, test)] == [1, 0, 0]
    assert {example.length_group for example in (train, validation, test)} == {"6-8"}

    # Three events are just enough, with nothing before the one to train on.
    train = splits["train"]["bob"]
    assert (train.history, train.timestamps, train.target) == (["item1"], [1], "item1")
    assert splits["test"]["bob"].history == ["item1", "item2"]
    assert splits["test"]["bob"].length_group == "<5"


def test_events_out_of_order_are_ordered_by_time(ingest: Ingest):
    rng = random.Random(3)
    log = [
        (f"user{user}", f"item{rng.randrange(9)}", 100 * user + time)
        for user in range(12)
        for time in rng.sample(range(100), rng.randrange(3, 20))
    ]
    in_order = sorted(log, key=lambda event: event[2])
    rng.shuffle(log)
    for user, example in ingest(log).splits["test"].items():
        events = [event for event in in_order if event[0] == user]
        assert [*example.history, example.target] == [item for _, item, _ in events]
        assert example.timestamps == [time for _, _, time in events[:-1]]


def test_events_of_the_same_time_keep_their_order_in_the_log(ingest: Ingest, tmp_path: Path):
    header = "user_id,item_id,timestamp\n"
    (tmp_path / "b.csv").write_text(header + "ann,4,7\nann,0,1\nann,5,7\nbob,1,1\n")
    (tmp_path / "a.csv").write_text(header + "ann,3,7\nann,2,7\nbob,1,2\nbob,2,3\nann,1,7\n")
    ann = ingest(tmp_path).splits["test"]["ann"]
    assert [*ann.history, ann.target] == ["0", "3", "2", "1", "4", "5"]


def test_equal_events_count_once(ingest: Ingest):
    log = [("ann", "tea", 1), ("ann", "tea", 2), ("ann", "milk", 2), ("ann", "rum", 3)]
    log += [("bob", "tea", 1), ("bob", "milk", 2), ("bob", "rum", 3)]
    ingested = ingest([*log, ("ann", "tea", 2), ("ann", "tea", 1), ("bob", "rum", 3)])
    assert sequences(ingested.splits)["ann"] == [("tea", 1), ("tea", 2), ("milk", 2), ("rum", -1)]
    assert sequences(ingested.splits)["bob"] == [("tea", 1), ("milk", 2), ("rum", -1)]
    assert (ingested.report.rows, ingested.report.duplicates) == (10, 3)
    assert size(ingested.report.before) == size(ingested.report.after) == (2, 3, 7)


def test_ids_survive_byte_for_byte(ingest: Ingest):
    log = [(user, item, time) for user in ODD_IDS for time, item in enumerate(ODD_IDS)]
    splits = ingest(log).splits
    assert splits["test"].keys() == {*ODD_IDS}
    for example in splits["test"].values():
        assert [*example.history, example.target] == ODD_IDS


def test_a_user_of_ten_thousand_events(ingest: Ingest):
    log = [("bot", f"item{time % 700}", time) for time in range(10_000)]
    log += [("ann", "item1", 1), ("ann", "item2", 2), ("ann", "item3", 3)]
    bot = ingest(reversed(log), k_core=3).splits["test"]["bot"]
    assert [*bot.history, bot.target] == [item for user, item, _ in log if user == "bot"]
    assert bot.length_group == ">8"


def test_a_folder_and_a_glob(ingest: Ingest, tmp_path: Path):
    rows = [f"ann\titem{time}\t{time}\n" for time in range(6)]
    rows += [f"bob\titem{time}\t{time}\n" for time in range(4)]
    header = "user\titem\twhen\n"
    columns = {"user_column": "user", "item_column": "item", "timestamp_column": "when"}
    folder = tmp_path / "log [2024]"  # no pattern, although it looks like one
    folder.mkdir()
    (folder / "part-0.tsv").write_text(header + "".join(rows[:5]))
    (folder / "part-1.tsv").write_text(header + "".join(rows[5:]))
    (folder / "README.md").write_text("About the log.")
    from_folder = ingest(folder, **columns)
    from_glob = ingest(tmp_path / "log*" / "part-?.tsv", **columns)
    assert from_folder.report.files == from_glob.report.files == 2
    assert from_folder.splits == from_glob.splits
    for user, events in (("ann", 6), ("bob", 4)):
        example = from_folder.splits["test"][user]
        assert [*example.history, example.target] == [f"item{time}" for time in range(events)]


def test_unusable_rows_are_skipped_and_reported(ingest: Ingest, tmp_path: Path):
    good = [f"{user},item{time},{time}\n" for user in ("ann", "bob") for time in range(4)]
    bad = [f"ann,item9,soon{place}\n" for place in range(7)] + [",item1,1\n"]
    log = tmp_path / "log.csv"
    log.write_text("".join(["user_id,item_id,timestamp\n", *good, *bad]))
    ingested = ingest(log, max_bad_rows=0.5)
    assert ingested.report.rows == 16
    assert size(ingested.report.after) == (2, 4, 8)
    time, user = ingested.report.rows_skipped
    assert (time.file, time.count, user.count) == (str(log), 7, 1)
    # The first few stand for all.
    assert [(row.row, row.column, row.value) for row in time.first] == [
        (10 + place, "timestamp", f"soon{place}") for place in range(5)
    ]
    assert (user.first[0].row, user.first[0].column) == (17, "user_id")


def test_users_whom_the_k_core_leaves_with_two_events_are_dropped(ingest: Ingest):
    log = [(user, item, time) for user in ("ann", "bob") for time, item in enumerate("wxyz")]
    log += [("cid", "x", 1), ("cid", "only cid's", 2)]
    report = ingest(log, k_core=0).report
    assert (size(report.before), size(report.after)) == ((3, 5, 10), (2, 4, 8))
    assert (report.before.shortest_history, report.after.shortest_history) == (2, 4)
    assert (report.rounds, report.short_users) == (0, 1)
    assert report.split_users == {"train": 2, "validation": 2, "test": 2}


@pytest.mark.parametrize("items", [[], [b"a"], [b"a", "ü".encode(), b"\x20"]])
def test_histories_survive_between_the_steps(items: list[bytes]):
    history = UserHistory(b"ann", items, [-(2**63), 0, 2**63 - 1][: len(items)])
    assert from_example(to_example(history)) == history
