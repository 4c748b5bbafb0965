"""Event logs with an object a line, as people write them."""

import json
from pathlib import Path

import pytest

from mclrec_tf.data.event_log.reader import (
    Event,
    EventLogError,
    EventLogFormat,
    RowProblem,
    read_events,
)

FLAT = EventLogFormat()


def read(path: Path, *objects: object, format: EventLogFormat = FLAT) -> list[Event | RowProblem]:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in objects]
    path.write_text("\n".join(lines))
    return [*read_events(path, format)]


def event(user: object, item: object, time: object) -> dict[str, object]:
    return {"user_id": user, "item_id": item, "timestamp": time}


def test_values_of_every_type(tmp_path: Path):
    objects = [
        event("ann", "tea", 17),
        event(7, 12, "18"),
        event(7.0, 12.0, 19.0),
        event(2**60, "é\u2028x", 20.5),
        event(True, "12.0", "21"),
    ]
    assert read(tmp_path / "log.json", *objects) == [
        Event("ann", "tea", 17),
        Event("7", "12", 18),
        Event("7", "12", 19),
        Event(str(2**60), "é\u2028x", 20),
        Event("true", "12.0", 21),
    ]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (json.dumps(event(None, "tea", 1)), "user_id"),
        (json.dumps(event("ann", [["tea"]], 1)), "item_id"),
        (json.dumps(event("ann", [{"id": 1}], 1)), "item_id"),
        (json.dumps(event("ann", {"id": 1}, 1)), "item_id"),
        (json.dumps(event("ann", float("nan"), 1)), "item_id"),
        (json.dumps({"user_id": "ann", "item_id": "tea"}), "timestamp"),
        (json.dumps(event("ann", "tea", "noon")), "timestamp"),
        (json.dumps(event("a\nb", "tea", 1)), "user_id"),
        ('{"user_id": "\\ud800", "item_id": "tea", "timestamp": 1}', "user_id"),
        ('{"user_id": "ann", "item_id": "tea", "timesta', ""),
        ("[1, 2]", ""),
        ("17", ""),
        ("ann,tea,17", ""),
        ('{"a": ' * 5000, ""),
        ("[" * 100_000, ""),
        ("-" * 100_000 + "1", ""),
        ('{"user_id": ' + "9" * 5000 + "}", ""),
        ("{__import__('os').getcwd()}", ""),
    ],
)
def test_a_spoiled_line_is_one_problem(tmp_path: Path, line: str, column: str):
    first, problem, last = read(
        tmp_path / "log.json", event("ann", "tea", 17), line, event("bob", "rum", 18)
    )
    assert first == Event("ann", "tea", 17) and last == Event("bob", "rum", 18)
    assert isinstance(problem, RowProblem) and problem.row == 2 and problem.column == column


def test_names_lead_into_objects_and_lists(tmp_path: Path):
    format = EventLogFormat("session", "events.aid", "events.ts", where="events.type == 'clicks'")
    objects = [
        {"session": 7, "events": [{"aid": 1, "ts": 5, "type": "clicks"}]},
        {"session": 8, "events": []},
        {
            "session": 9,
            "events": [
                {"aid": 1, "ts": 6, "type": "carts"},
                {"aid": 2, "ts": 7, "type": "clicks"},
                {"aid": 3, "type": "clicks"},
            ],
        },
    ]
    *found, problem = read(tmp_path / "log.jsonl", *objects, format=format)
    assert found == [Event("7", "1", 5), Event("9", "2", 7)]
    assert isinstance(problem, RowProblem)
    assert (problem.row, problem.column, problem.reason) == (3, "events.ts", "is empty")


def test_a_name_with_a_dot_is_a_name_first(tmp_path: Path):
    format = EventLogFormat("user.id", "item.id", "t")
    objects = [{"user.id": "ann", "item": {"id": "tea"}, "t": 1}]
    assert read(tmp_path / "log.json", *objects, format=format) == [Event("ann", "tea", 1)]


def test_python_dictionaries_are_read(tmp_path: Path):
    lines = [
        "{u'user_id': u'ann', u'item_id': u'tea', u'timestamp': 17, 'good': True}",
        "{'user_id': \"bob's\", 'item_id': None, 'timestamp': 1.5}",
    ]
    first, problem = read(tmp_path / "log.json", *lines)
    assert first == Event("ann", "tea", 17)
    assert isinstance(problem, RowProblem) and problem.column == "item_id"


def test_a_wrong_name_is_refused_and_the_names_are_told(tmp_path: Path):
    with pytest.raises(
        EventLogError, match="log.json: the file names no column 'item_id'.*'sku'.*--item-column"
    ):
        read(tmp_path / "log.json", {"user_id": "ann", "sku": "tea", "timestamp": 1})


def test_a_name_that_comes_late_is_no_wrong_name(tmp_path: Path):
    """What stands in few objects may stand in none of the first block."""
    objects = [{**event("ann", f"i{n}", n), "text": "t" * 1000} for n in range(3000)]
    objects[2500]["good"] = True
    format = EventLogFormat(where="good == true")
    assert read(tmp_path / "log.json", *objects, format=format) == [Event("ann", "i2500", 2500)]


def test_a_list_of_ids_is_an_event_each(tmp_path: Path):
    objects = [
        {"user_id": "ann", "item_id": ["tea", 12], "timestamp": [17, "18"]},
        {"user_id": "bob", "item_id": ["tea", "tea"], "timestamp": 19},
        {"user_id": ["cy", "di"], "item_id": "tea", "timestamp": 20},
        {"user_id": "eve", "item_id": [], "timestamp": 20},
        {"user_id": "fay", "item_id": ["tea", "tea"], "timestamp": [21]},
    ]
    *good, problem = read(tmp_path / "log.json", *objects)
    assert good == [
        Event("ann", "tea", 17),
        Event("ann", "12", 18),
        Event("bob", "tea", 19),
        Event("bob", "tea", 19),
        Event("cy", "tea", 20),
        Event("di", "tea", 20),
    ]
    assert isinstance(problem, RowProblem)
    assert (problem.row, problem.reason) == (5, "has lists of different lengths")


def test_lists_of_tags_are_no_events(tmp_path: Path):
    line = {"user_id": "ann", "item_id": "tea", "timestamp": 17, "tags": ["hot", "green"]}
    assert read(tmp_path / "log.json", line) == [Event("ann", "tea", 17)]


def test_a_filter_goes_along_with_the_list_of_ids(tmp_path: Path):
    path = tmp_path / "log.json"
    line = {
        "user_id": "ann",
        "item_id": ["tea", "cake", "milk"],
        "timestamp": 17,
        "kind": ["click", "cart", "click"],
    }

    def items(where: str) -> list[str]:
        events = read(path, line, format=EventLogFormat(where=where))
        return [event.item_id for event in events if isinstance(event, Event)]

    assert items("kind != 'cart'") == items("kind == 'click'") == ["tea", "milk"]
    assert items("kind in ['cart']") == ["cake"]
    (problem,) = read(path, {**line, "item_id": "tea"}, format=EventLogFormat(where="kind != ''"))
    assert isinstance(problem, RowProblem) and problem.column == "kind"


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ("[[1, 2], [3]]", "a list where one value is needed"),
        ("{'id': 3}", "an object where one value is needed"),
        ("{7, 8}", "a set, which has no order"),
        ("b'ab'", "bytes instead of text"),
    ],
)
def test_what_is_no_single_value_is_told(tmp_path: Path, items: str, reason: str):
    line = f"{{'user_id': 1, 'item_id': {items}, 'timestamp': 5}}"
    good, *problems = read(tmp_path / "log.json", event(1, 2, 3), line)
    assert good == Event("1", "2", 3)
    assert {p.reason for p in problems if isinstance(p, RowProblem)} == {f"holds {reason}"}


def test_a_tuple_of_a_python_line_is_a_list(tmp_path: Path):
    line = "{'user_id': 1, 'item_id': (7, 8), 'timestamp': 5}"
    assert read(tmp_path / "log.json", line) == [Event("1", "7", 5), Event("1", "8", 5)]
