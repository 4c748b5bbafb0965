"""The names of the items, which the page shows beside their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mclrec_tf.data.item_table import ItemColumn, read_item_column
from mclrec_tf.data.item_table_rows import ItemTableError
from pipeline.components.example_gen.event_log.items_of_log import any_in_log
from pipeline.settings import DataSettings, Settings
from serving.item_names import FileAndColumn, one_line


@dataclass(frozen=True)
class ItemNames:
    """What the page shows of the names.

    Attributes:
        names: The name of each item that has one, in one line, by raw id.
        notes: What a person should know of the file.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def check_item_names(source: FileAndColumn, log: Sequence[str], settings: DataSettings) -> str:
    """Checks before a run that the names can be read, and are those of items of the log.

    Args:
        source: The file and the column of the names.
        log: The files of the event log.
        settings: How the log is read.

    Returns:
        What was found, in a sentence.

    Raises:
        ItemTableError: The names cannot be used.
        EventLogError: The log cannot be read.
    """
    found = _read(source, settings)
    is_of_log, seen = any_in_log(found.values.keys(), log, settings)
    if is_of_log:
        return f"Names of items: {len(found.values):,} in {_listed(source)}.{_empty(found)}"
    if seen:
        raise _no_item(source, found, "the log", seen)
    # The log has no events, which ExampleGen will tell.
    return f"Names of items: {len(found.values):,} in {_listed(source)}."


def names_of_catalogue(settings: Settings, catalogue: Sequence[str]) -> ItemNames:
    """The names of the items of a model. What is wrong with them becomes a note.

    Args:
        settings: The settings of the run.
        catalogue: The raw ids of the items.
    """
    source = settings.page.names
    if source is None:
        return ItemNames()
    try:
        found = _read(source, settings.data)
        names = {item: one_line(found.values[item]) for item in catalogue if item in found.values}
        if not names:
            raise _no_item(source, found, "the model", catalogue[0])
    except ItemTableError as error:
        return ItemNames(notes=[f"Names of the items are not shown: {error}"])
    others = len(found.values) - len(names)
    more = f" The file names {others:,} more." if others else ""
    return ItemNames(
        names,
        [
            f"Names are from {_listed(source)}: {len(names):,} of the {len(catalogue):,} items "
            f"have one.{more}{_empty(found)}"
        ],
    )


def _read(source: FileAndColumn, settings: DataSettings) -> ItemColumn:
    return read_item_column(source.file, source.column, settings.item_column)


def _no_item(source: FileAndColumn, found: ItemColumn, whose: str, item: str) -> ItemTableError:
    return ItemTableError(
        f"--item-names {_listed(source)}: none of its ids, such as {next(iter(found.values))!r}, "
        f"is an item of {whose}, where one is {item!r}. Name the file of this log's items, with "
        "the ids written as there, in its first column or in that of --item-column."
    )


def _listed(source: FileAndColumn) -> str:
    return ":".join(source)


def _empty(found: ItemColumn) -> str:
    if not found.empty_rows:
        return ""
    rows = "1 row has" if found.empty_rows == 1 else f"{found.empty_rows:,} rows have"
    return f" {rows} no id or no name, the first: {found.first_empty}."
