"""A table of another catalogue, or none, is told before a run."""

from pathlib import Path

import pytest

from mclrec_tf.data.item_table_rows import ItemTableError
from pipeline.components.item_features.check import check_item_features
from pipeline.settings import CatalogueSettings, DataSettings


@pytest.fixture
def log(tmp_path: Path) -> list[str]:
    """A log of two files, of which the second has an item of the table."""
    (tmp_path / "1.csv").write_text("user_id,sku,timestamp\nu,x,1\nu,y,2\n")
    (tmp_path / "2.csv").write_text("user_id,sku,timestamp\nu,a,3\n")
    return [str(tmp_path / "1.csv"), str(tmp_path / "2.csv")]


def check(tmp_path: Path, log: list[str], table: str, **columns: str) -> str:
    (tmp_path / "items.csv").write_text(table)
    settings = CatalogueSettings(str(tmp_path / "items.csv"), **columns)
    return check_item_features(settings, log, DataSettings(item_column="sku"))


def test_one_item_of_the_log_suffices(tmp_path: Path, log: list[str]) -> None:
    told = check(tmp_path, log, "name,sku,kind\nA,a,x\nB,b,x\nC,c,y\n")
    assert told == (
        "Features of items: 3 items. Features: kind (a category of 2 values). Left out: name (most "
        "items have a value of their own)."
    )


def test_no_item_of_the_log_is_an_error_that_shows_both_forms(
    tmp_path: Path, log: list[str]
) -> None:
    with pytest.raises(ItemTableError, match="none of its ids, such as '007', is an item of the l"):
        check(tmp_path, log, "sku,kind\n007,x\n008,x\n009,y\n")
    with pytest.raises(ItemTableError, match="items.csv: has no column 'v'"):
        check(tmp_path, log, "sku,kind\na,x\n", item_vectors="v")


def test_a_log_without_events_is_left_to_who_reads_it(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user_id,sku,timestamp\n")
    told = check(tmp_path, [str(tmp_path / "log.csv")], "sku,kind\na,x\nb,x\nc,y\n")
    assert told.startswith("Features of items: 3 items.")
