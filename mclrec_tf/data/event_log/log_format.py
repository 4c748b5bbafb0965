"""How the columns of an event log are called, and which of its rows count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from mclrec_tf.data.event_log.events import EventLogError
from mclrec_tf.data.event_log.suggestions import suggest_roles
from mclrec_tf.data.event_log.where import Where

ARGUMENTS = ("user_column", "item_column", "timestamp_column")
SEQUENCES = "user,item,..."
"""As `columns`: a line is a user and all items, oldest first."""
_SHORT_NAMES = ("user", "item", "timestamp")
_SEPARATOR_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}


@dataclass(frozen=True)
class EventLogFormat:
    """How the columns of a log are called.

    Args:
        user_column: Column that holds the user's id.
        item_column: Column that holds the item's id.
        timestamp_column: Column that holds the time. `""` means that the log has no time and that
            its rows stand in the order in which things happened.
        columns: Names of the columns, separated by commas, of text files without a header;
            `"user,item,-,timestamp"` leaves out the third, and user, item and timestamp stand for
            the three columns above. `"user,item,..."` says that a line is a user and all items.
        separator: What separates the columns of text files, or tab, comma, semicolon, space;
            found in the file when left out.
        where: Which rows count, for example `"event == 'view'"` or `"rating >= 4"`, see
            `mclrec_tf.data.event_log.where`.

    Raises:
        ValueError: An argument cannot be used.

    Example:
        >>> from mclrec_tf.data.event_log.log_format import EventLogFormat
        >>> EventLogFormat(columns="user,item,-,timestamp").names
        ['user_id', 'item_id', '-', 'timestamp']
    """

    user_column: str = "user_id"
    item_column: str = "item_id"
    timestamp_column: str = "timestamp"
    columns: str = ""
    separator: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        if not self.user_column or not self.item_column:
            raise ValueError(
                "user_column and item_column must name a column each, "
                f"got {self.user_column!r} and {self.item_column!r}."
            )
        if len({*self.roles}) < len(self.roles):
            raise ValueError(f"Each column can have one role only, got {self.roles}.")
        if any(character in self.split_at for character in '\n\r\0"'):
            raise ValueError(
                f"separator must not hold a line break, NUL or a quote, got {self.separator!r}."
            )
        _ = self.filter  # raises if it cannot be read
        if self.is_sequences:
            if self.where:
                raise ValueError(f"where needs named columns, which {SEQUENCES!r} has not.")
            return
        named = [name for name in self.names if name != "-"]
        if twice := [name for name in named if named.count(name) > 1]:
            raise ValueError(f"columns must name each column once, got {twice[0]!r} again.")
        if self.columns:
            for name in (*self.roles, *self.filter.columns):
                if name not in named:
                    raise ValueError(
                        f"columns must name {name!r} too, got {self.columns!r}"
                        + ' (timestamp_column="" says that there is no time).'
                        * (name == self.timestamp_column)
                    )

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns of user, item and, if there is one, time."""
        timestamp = (self.timestamp_column,) if self.timestamp_column else ()
        return (self.user_column, self.item_column, *timestamp)

    @cached_property
    def filter(self) -> Where:
        return Where(self.where)

    @property
    def needed(self) -> list[str]:
        """All columns that have to be read."""
        return list(dict.fromkeys([*self.roles, *self.filter.columns]))

    @property
    def lists(self) -> tuple[str, ...]:
        """The columns in which a list of JSON is one value: those of a log have none."""
        return ()

    @property
    def is_sequences(self) -> bool:
        return self.columns == SEQUENCES

    @property
    def names(self) -> list[str]:
        """The names of `columns`, none if that is empty."""
        roles = (self.user_column, self.item_column, self.timestamp_column)
        long = {s: role for s, role in zip(_SHORT_NAMES, roles, strict=True) if role}
        names = [name.strip() for name in self.columns.split(",")] if self.columns else []
        return [name if name in roles else long.get(name, name) for name in names]

    @property
    def split_at(self) -> str:
        """The separator itself, "" if it is to be found."""
        return _SEPARATOR_NAMES.get(self.separator, self.separator)


_NAMES_SHOWN = 30


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(map(repr, names[:_NAMES_SHOWN])) + more


def check_columns(
    path: str,
    present: list[str],
    format: EventLogFormat,
    where: str,
    partitions: Iterable[str] = (),
) -> None:
    """Checks that a file has the columns that are needed, each once.

    Args:
        path: The file.
        present: The names of its columns.
        format: What is needed.
        where: Where the names stand, for the message: "row 1", say.
        partitions: Columns that the names of the folders give, where the file has none.

    Raises:
        EventLogError: One is missing or stands there twice.
    """
    present = [*present, *(name for name in partitions if name not in present)]
    roles = dict(zip(ARGUMENTS, format.roles, strict=False))
    for argument, column in [*roles.items(), *(("where", name) for name in format.filter.columns)]:
        if column not in present:
            option = "--" + argument.replace("_", "-")
            no_time = ' (or "" if the log has no time)' if argument == "timestamp_column" else ""
            suggested = suggest_roles(present).get(argument, "")
            looks = f"; {suggested!r} looks like it" if suggested else ""
            raise EventLogError(
                f"{path}: {where} names no column {column!r}. Its columns are: "
                f"{_listed(present)}. Name the right one{no_time} with "
                f"{argument}= of EventLogFormat, on the command line {option}{looks}."
            )
        if present.count(column) > 1:
            raise EventLogError(
                f"{path}: {where} names the column {column!r} {present.count(column)} times. "
                "Rename the columns in the file so that it stands there once."
            )
