"""Names of another catalogue, or none, are told before a run and on the page."""

import dataclasses
from pathlib import Path

import pytest

from mclrec_tf.data.item_table_rows import ItemTableError
from pipeline.components.run_page.item_names import (
    ItemNames,
    check_item_names,
    names_of_catalogue,
)
from pipeline.settings import DataSettings, PageSettings, Settings, from_json, to_json


@pytest.fixture
def log(tmp_path: Path) -> list[str]:
    """A log of two files, of which the second has the items with names."""
    (tmp_path / "1.csv").write_text("user_id,item_id,timestamp\nu,x,1\nu,y,2\n")
    (tmp_path / "2.csv").write_text("user_id,item_id,timestamp\nu,a,3\n")
    return [str(tmp_path / "1.csv"), str(tmp_path / "2.csv")]


def settings_of(table: Path, text: str, column: str = "title") -> Settings:
    table.write_text(text)
    return Settings(page=PageSettings(f"{table}:{column}"))


def check(settings: Settings, log: list[str]) -> str:
    assert settings.page.names is not None
    return check_item_names(settings.page.names, log, settings.data)


def test_one_item_of_the_log_suffices(tmp_path: Path, log: list[str]):
    table = tmp_path / "items.csv"
    settings = settings_of(table, "item_id,title\nz,Other\na,One\ny,\n")
    assert check(settings, log) == (
        f"Names of items: 2 in {table}:title. 1 row has no id or no name, the first: {table}, row "
        "4."
    )


def test_no_item_of_the_log_is_an_error_that_shows_both_forms(tmp_path: Path, log: list[str]):
    settings = settings_of(tmp_path / "items.csv", "item_id,title\n007,Other\n")
    with pytest.raises(ItemTableError, match="none of its ids, such as '007', is an item of the"):
        check(settings, log)
    with pytest.raises(ItemTableError, match="where one is '[xy]'"):
        check(settings, log)


def test_a_log_without_events_is_left_to_who_reads_it(tmp_path: Path):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n")
    settings = settings_of(tmp_path / "items.csv", "item_id,title\na,One\n")
    assert check(settings, [str(tmp_path / "log.csv")]).startswith("Names of items: 1 in")


def test_the_column_of_the_ids_is_that_of_the_log(tmp_path: Path, log: list[str]):
    settings = settings_of(tmp_path / "items.csv", "number,asin,title\n7,a,One\n")
    of_asin = dataclasses.replace(settings, data=DataSettings(item_column="asin"))
    assert names_of_catalogue(of_asin, ["a"]).names == {"a": "One"}
    assert names_of_catalogue(settings, ["7"]).names == {"7": "One"}


def test_the_page_counts_names_and_shows_them_in_one_line(tmp_path: Path):
    table = tmp_path / "items.csv"
    settings = settings_of(table, 'item_id,title\na,"One\nline"\nb,Two\nz,Z\n')
    found = names_of_catalogue(settings, ["a", "b", "c"])
    assert found.names == {"a": "One line", "b": "Two"}
    assert found.notes == [
        f"Names are from {table}:title: 2 of the 3 items have one. The file names 1 more."
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [("item_id,title\nz,Z\n", "is an item of the model"), ("item_id,name\na,A\n", "no column")],
)
def test_what_became_unusable_during_the_run_is_a_note(tmp_path: Path, text: str, message: str):
    found = names_of_catalogue(settings_of(tmp_path / "items.csv", text), ["a"])
    assert not found.names
    (note,) = found.notes
    assert note.startswith("Names of the items are not shown: ") and message in note


def test_no_file_no_names():
    assert names_of_catalogue(Settings(), ["a"]) == ItemNames()


@pytest.mark.parametrize("value", ["items.csv", ":title", "items.csv:", "gs://shop/items.csv"])
def test_an_option_without_a_column_is_refused(value: str):
    with pytest.raises(ValueError, match="--item-names must be FILE:COLUMN"):
        PageSettings(value)


def test_settings_of_an_earlier_version_have_no_names():
    earlier = to_json(Settings()).replace(', "page": {"item_names": ""}', "")
    assert "item_names" not in earlier
    assert from_json(Settings, earlier) == Settings()
