"""Checks before a run that the table of the catalogue can be used."""

from collections.abc import Sequence

from mclrec_tf.data.item_features_table import read_item_features
from mclrec_tf.data.item_table_rows import ItemTableError
from pipeline.components.example_gen.event_log.items_of_log import any_in_log
from pipeline.settings import CatalogueSettings, DataSettings


def check_item_features(settings: CatalogueSettings, log: Sequence[str], data: DataSettings) -> str:
    """Checks that the table can be read, and is of items of the log.

    Args:
        settings: The table and its columns.
        log: The files of the event log.
        data: How the log is read.

    Returns:
        What was found, in a sentence.

    Raises:
        ItemTableError: The table cannot be used.
        EventLogError: The log cannot be read.
    """
    names = settings.category_names, settings.vector_names
    _, items, report = read_item_features(settings.items, [], *names, data.item_column)
    is_of_log, seen = any_in_log({*items}, log, data)
    if is_of_log or not seen:  # without events, which ExampleGen will tell
        return f"Features of items: {len(items):,} items. {report.columns_in_words()}"
    raise ItemTableError(
        f"--items {settings.items}: none of its ids, such as {items[0]!r}, is an item of the log, "
        f"where one is {seen!r}. Name the table of this log's items, with the ids written as "
        "there, in its first column or in that of --item-column."
    )
