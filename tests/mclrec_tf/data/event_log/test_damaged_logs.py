"""Damaged files: a clear error or the right events, and every row is accounted for.

What is no damage that a reader can know of stays: a line that was cut or changed and is still an
event, and a line break that became part of a quoted field.
"""

import itertools
import random
import re
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mclrec_tf.data.event_log.reader import EventBatch, EventLogError, EventLogFormat, LogFile
from mclrec_tf.data.interactions import load_interactions
from pipeline.components.example_gen.event_log.log_report import FileSummary
from pipeline.components.example_gen.event_log.read_log import ReadEvents
from tests.mclrec_tf.data.event_log.damaged_logs import ADDING, DAMAGES, NAMES, Log, logs

SECONDS_A_FILE = 20
MOST_MEMORY_GB = 0.5


def test_the_logs_themselves_can_be_read(tmp_path: Path):
    for place, log in enumerate(logs()):
        path = tmp_path / str(place) / log.name
        path.parent.mkdir()
        path.write_bytes(log.data)
        report = load_interactions(path, log.format, k_core=0, max_bad_rows=0.0).report
        assert report.rows >= 24, log


@pytest.mark.parametrize("seed", range(3))
def test_damaged_logs(tmp_path: Path, seed: int):
    damage_and_read(tmp_path, range(seed * 100, (seed + 1) * 100))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_ten_thousand_damaged_logs(tmp_path: Path, seed: int):
    damage_and_read(tmp_path, range(seed * 1000, (seed + 1) * 1000))


def damage_and_read(folder: Path, seeds: range) -> None:
    intact = logs()
    before = _memory_gb()
    for seed in seeds:
        by = random.Random(seed)
        log, other = by.choice(intact), by.choice(intact)
        damages = by.choices(DAMAGES, k=by.choice([1, 1, 1, 2, 3]))
        data = log.data
        for damage in damages:
            data = damage(data, by, other.data)
        name = by.choice(NAMES) if by.random() < 0.2 else log.name
        path = folder / f"{seed}-{name}"
        path.write_bytes(data)
        try:
            with at_most(SECONDS_A_FILE):
                check(path, log, data, added=any(damage in ADDING for damage in damages))
        except Exception as error:
            names = ", ".join(damage.__name__ for damage in damages)
            raise AssertionError(f"seed {seed}: {log.name} {names}: {path}") from error
        path.unlink()
    assert _memory_gb() - before < MOST_MEMORY_GB


def check(path: Path, log: Log, data: bytes, added: bool) -> None:
    summary = read_by_pipeline(path, log.format)
    try:
        file = LogFile(path, log.format)
        batches = [*file.batches()]
    except EventLogError as error:
        assert str(path) in str(error)
        assert summary.error == str(error)
        with pytest.raises(EventLogError, match=re.escape(str(path))):
            load_interactions(path, log.format, k_core=0, max_bad_rows=1.0)
        return
    if file.empty_because:
        assert not batches and str(path) in file.empty_because
        assert summary.empty_because == file.empty_because and not summary.error
        with pytest.raises(EventLogError, match=re.escape(file.empty_because)):
            load_interactions(path, log.format, k_core=0, max_bad_rows=1.0)
        return
    events = [event for batch in batches for event in events_of(batch)]
    problems = [problem for batch in batches for problem in batch.problems]
    filtered = sum(batch.filtered for batch in batches)
    assert not summary.error
    assert summary.rows == len(events) + len(problems) + filtered
    assert summary.rows_skipped == len(problems)
    assert all(str(path) in str(problem) for problem in problems)
    try:
        report = load_interactions(path, log.format, k_core=0, max_bad_rows=1.0).report
    except EventLogError as error:
        assert str(path) in str(error)  # too few users, say
    else:
        assert report.rows == len(events) + len(problems) + filtered
        assert report.problems.total() == len(problems)
    if log.has_checksum and not added:
        assert [event[1:] for event in events] == [event[1:] for event in events_of_intact(log)]
    is_utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"))
    if log.is_text and not is_utf_16 and b"\0" not in data[:64]:
        assert file.kind
        # A quoted field may hold several lines.
        a_line_is_a_row = not file.kind.has_quotes or b'"' not in data
        check_lines(
            log, data, events, {problem.row for problem in problems}, filtered, a_line_is_a_row
        )


def check_lines(
    log: Log,
    data: bytes,
    events: list[tuple],
    problem_rows: set[int],
    filtered: int,
    a_line_is_a_row: bool,
) -> None:
    """Every line is an event, a problem or filtered, and one that is intact is the event it was."""
    lines = re.split(b"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf"))
    if a_line_is_a_row:
        rows = {row for row, line in enumerate(lines, start=1) if line.strip()}
        if log.has_header:
            rows.remove(min(rows))
        accounted = {row for row, *_ in events} | problem_rows
        assert len(rows - accounted) <= filtered
    was = {line: [event[1:] for event in those] for line, those in by_line(log).items()}
    is_now = {row: [*those] for row, those in itertools.groupby(events, lambda event: event[0])}
    for row, those in is_now.items():
        line = lines[row - 1]
        if line in was:
            assert [event[1:] for event in those] == was[line]


def by_line(log: Log) -> dict[bytes, list[tuple]]:
    lines = re.split(b"\r\n|\n|\r", log.data)
    by_row = itertools.groupby(events_of_intact(log), lambda event: event[0])
    found = {lines[row - 1]: [*events] for row, events in by_row}
    # In quotes, a line may be the middle of something else.
    return {line: those for line, those in found.items() if line[:1] == b"{" or b'"' not in line}


_INTACT: dict[bytes, list[tuple]] = {}


def events_of_intact(log: Log) -> list[tuple]:
    return _INTACT[log.data]


@pytest.fixture(autouse=True, scope="module")
def _read_intact(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("intact")
    for log in logs():
        path = folder / log.name
        path.write_bytes(log.data)
        batches = LogFile(path, log.format).batches()
        _INTACT[log.data] = [event for batch in batches for event in events_of(batch)]


def events_of(batch: EventBatch) -> Iterator[tuple]:
    """(row, user, item, time, its billionths) of each event."""
    count = len(batch.users)
    times = [None] * count if batch.times is None else batch.times.tolist()
    fractions = [0] * count if batch.fractions is None else batch.fractions.tolist()
    users, items = batch.users.to_pylist(), batch.items.to_pylist()
    return zip(batch.rows.tolist(), users, items, times, fractions, strict=True)


def read_by_pipeline(path: Path, format: EventLogFormat) -> FileSummary:
    """The summary of a file that ExampleGen reads; its events are counted beside it."""
    *parts, summary = ReadEvents(format).process((0, str(path)))
    found = FileSummary.from_json(summary.value[1])
    events = sum(len(events) for _, events in parts)
    if not found.error:
        assert events == found.rows - found.rows_skipped - found.filtered
    return found


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"not read within {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _memory_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
