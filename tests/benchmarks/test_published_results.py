"""The tables of the notes are what the kept results say, to the last digit."""

from pathlib import Path

from benchmarks import table
from tests.docs.pages import text

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def test_every_row_of_the_kept_results_stands_in_the_notes() -> None:
    rows = [
        line
        for line in table.tables(table.read_results(RESULTS)).splitlines()
        if line.startswith("|")
    ]
    assert len(rows) > 20
    missing = [row for row in rows if row not in text("BUILD_NOTES.md")]
    assert not missing, "\n".join(["Not in BUILD_NOTES.md:", *missing])
