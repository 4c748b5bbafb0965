"""The tables of the notes are what the kept results say, to the last digit."""

from pathlib import Path

from benchmarks import table
from tests.docs.pages import text

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def test_the_tables_of_the_kept_results_stand_in_the_notes() -> None:
    printed = table.tables(table.read_results(RESULTS))
    assert "| mclrec-bsarec" in printed
    assert printed.replace("### ", "#### ") in text("BUILD_NOTES.md"), (
        "Put what `python -m benchmarks.table benchmarks/results` prints into BUILD_NOTES.md."
    )
