"""From an event log to histories of item ids."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat
from mclrec_tf.data.histories import leave_one_out
from mclrec_tf.data.interactions import Interactions, load_interactions

Row = tuple[str, str, int]


def write(folder: Path, rows: list[Row]) -> str:
    path = folder / "log.csv"
    lines = ["user_id,item_id,timestamp", *(f"{u},{i},{t}" for u, i, t in rows)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def raw(interactions: Interactions) -> dict[str, list[str]]:
    """Each user's history in raw item ids."""
    names = np.array(["", *interactions.item_ids])
    return {
        user: names[history].tolist()
        for user, history in zip(interactions.user_ids, interactions.histories, strict=True)
    }


logs = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("tuvwxyz"), st.integers(0, 5)), max_size=60
)


@given(logs)
def test_histories_are_each_users_distinct_events_in_order_of_time(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    # Two users with two items are in every log, so that there is always enough.
    rows = [*rows, *(("yz"[n % 2], "tu"[n // 2 % 2], n) for n in range(8))]
    loaded = load_interactions(write(tmp_path_factory.mktemp("log"), rows), k_core=1)
    distinct = list(dict.fromkeys(rows))
    expected: dict[str, list[str]] = {user: [] for user, _, _ in rows}
    for user, item, _ in sorted(distinct, key=lambda row: row[2]):
        expected[user].append(item)
    assert raw(loaded) == {user: items for user, items in expected.items() if len(items) >= 3}
    assert loaded.report.duplicates == len(rows) - len(distinct)
    assert loaded.report.rare == sum(len(items) for items in expected.values() if len(items) < 3)
    assert loaded.report.rows == len(rows)


def test_users_stand_in_order_of_first_appearance_in_the_log(tmp_path: Path) -> None:
    rows = [(user, item, time) for time, item in enumerate("xyz") for user in "cab"]
    assert load_interactions(write(tmp_path, rows[::-1]), k_core=1).user_ids == ["b", "a", "c"]


def test_items_are_numbered_by_frequency_in_training_then_by_name_falling(tmp_path: Path) -> None:
    # In training: rum twice, äpfel and tea once each. Held out only: milk, zinc. UTF-8 order.
    histories = {
        "a": ["rum", "rum", "zinc", "milk"],
        "b": ["tea", "zinc", "milk"],
        "c": ["äpfel", "milk", "milk"],
    }
    rows = [(user, item, t) for user, items in histories.items() for t, item in enumerate(items)]
    loaded = load_interactions(write(tmp_path, rows), k_core=1)
    assert loaded.item_ids == ["rum", "äpfel", "tea", "zinc", "milk"]
    assert raw(loaded) == histories
    counts = leave_one_out(loaded.histories).train.item_counts(len(loaded.item_ids))
    assert counts.tolist() == [2, 1, 1, 0, 0]


def test_events_of_one_time_keep_the_order_of_the_log(tmp_path: Path) -> None:
    rows = [(user, item, 7) for user in "ab" for item in "zxy"]
    assert raw(load_interactions(write(tmp_path, rows), k_core=1))["a"] == ["z", "x", "y"]


def test_ids_survive_with_spaces_quotes_commas_and_letters_of_any_script(tmp_path: Path) -> None:
    items = [" tea ", 'a "b"', "x,y", "чай", "茶"]
    rows = [
        (user, '"' + item.replace('"', '""') + '"', t)
        for user in "ab"
        for t, item in enumerate(items)
    ]
    assert raw(load_interactions(write(tmp_path, rows), k_core=2))["b"] == items


def test_unusable_rows_are_counted_by_reason(tmp_path: Path) -> None:
    rows: list = [(user, item, t) for user in "ab" for t, item in enumerate("xyz")]
    path = write(tmp_path, [*rows, ("", "x", 1), ("", "y", 2), ("a", "x", "soon")])
    loaded = load_interactions(path, k_core=1, max_bad_rows=0.5)
    assert loaded.report.problems == Counter({"is empty": 2, "is not a number": 1})
    assert "2 rows skipped: is empty" in str(loaded.report)
    assert f"{path}, row 8, column user_id" in str(loaded.report)


def test_too_many_unusable_rows_are_an_error(tmp_path: Path) -> None:
    rows: list = [(user, item, t) for user in "ab" for t, item in enumerate("xyz")]
    path = write(tmp_path, [*rows, ("a", "x", "soon")])
    with pytest.raises(
        EventLogError, match=r"14.3% of the rows .* max_bad_rows=0.01 \(1 %\)"
    ) as error:
        load_interactions(path, k_core=1)
    assert "row 8, column timestamp: is not a number ('soon')" in str(error.value)
    assert len(load_interactions(path, k_core=1, max_bad_rows=1 / 7).user_ids) == 2


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ([("a", "x", 1), ("b", "y", 1)], "0 users and 0 items"),
        ([("a", item, 1) for item in "xyz"], "1 users and 3 items"),
        ([(user, "x", t) for user in "ab" for t in range(3)], "2 users and 1 items"),
    ],
)
def test_too_little_to_learn_from_is_an_error(tmp_path: Path, rows: list[Row], left: str) -> None:
    with pytest.raises(EventLogError, match=f"log.csv: {left} are left") as error:
        load_interactions(write(tmp_path, rows), k_core=1)
    assert f"{len(rows)} events of" in str(error.value) and "--k-core" in str(error.value)


def test_no_user_long_enough_after_the_k_core_is_an_error(tmp_path: Path) -> None:
    rows = [(user, item, t) for user in "abcd" for t, item in enumerate("wxyz")]
    with pytest.raises(EventLogError, match=r"0 users .*at most 4 events each.*k_core=5 keeps"):
        load_interactions(write(tmp_path, rows))


def test_a_log_without_one_usable_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EventLogError, match="0 users and 0 items are left"):
        load_interactions(write(tmp_path, [("", "x", 1)]), max_bad_rows=1.0)


def test_a_user_of_ten_thousand_events_is_kept_whole(tmp_path: Path) -> None:
    rows = [("long", str(t % 100), t) for t in range(10_000)]
    rows += [("short", str(t), t) for t in range(5)]
    loaded = load_interactions(write(tmp_path, rows[::-1]))
    assert raw(loaded)["long"] == [str(t % 100) for t in range(10_000)]


def test_beauty(shared_dir: Path) -> None:
    loaded = load_interactions(str(shared_dir / "data" / "beauty.txt.gz"))
    assert (len(loaded.user_ids), len(loaded.item_ids)) == (22_363, 12_101)
    assert len(loaded.histories.items) == 198_502
    train = leave_one_out(loaded.histories).train
    assert (train.lengths - 1).sum() == 131_413  # predictions of an item from those before
    counts = train.item_counts(len(loaded.item_ids))
    assert (np.diff(counts) <= 0).all()
    assert raw(loaded)["1"] == ["1", "2", "3", "4", "5"]


def test_movielens(shared_dir: Path) -> None:
    path = str(shared_dir / "data" / "ml-100k.inter.gz")
    everything = load_interactions(path, k_core=1)
    assert (len(everything.user_ids), len(everything.item_ids)) == (943, 1_682)
    assert len(everything.histories.items) == 100_000
    core = load_interactions(path, EventLogFormat())
    assert (len(core.user_ids), len(core.item_ids)) == (943, 1_349)
    assert len(core.histories.items) == 99_287
    assert core.report.rare == 713
