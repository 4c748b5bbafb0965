"""Which column of a log is probably what, for messages alone. Nothing is read by a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mclrec_tf.data.event_log.values.times import EPOCHS

_USUAL_NAMES = {
    "user_column": """user_id userid user uid user_name username visitorid visitor_id customer_id
        customerid customer client_id member_id account_id reviewerid reviewer_id buyer_id
        session_id sessionid session who""",
    "item_column": """item_id itemid item iid product_id productid product movie_id movieid
        parent_asin asin article_id articleid aid sku track_id song_id artist_id book_id isbn
        business_id place_id location_id poi_id venue_id video_id content_id news_id gmap_id what
        events.aid""",
    "timestamp_column": """timestamp time ts datetime date event_time eventtime created_at
        createdat unixreviewtime reviewtime unix_time t_dat click_time order_date when
        events.ts""",
}
_SEPARATOR_NAMES = {
    ",": "comma-separated",
    "\t": "tab-separated",
    ";": "semicolon-separated",
    "|": "|-separated",
    "::": "::-separated",
    " ": "space-separated",
}
_SPACE = re.compile(r"[\s-]+")
# Amazon's numbers of products and users: some of its data sets have the product first.
_PRODUCT = re.compile(r"B0[0-9A-Z]{8}|\d{9}[\dX]")
_REVIEWER = re.compile(r"A[0-9A-Z]{9,29}")
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?|\d{8}T\d{4}.*")
_DIGITS_OF_A_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([0-5]\d){0,3}")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(?:[eE][+-]?\d+)?")
_TIME_IN_NAME = re.compile(r"(?<![a-z])(?:date|time|datetime|timestamp)(?![a-z])|Date|Time|_at\b")
_A_RATING = 20
_MANY_ROWS = 10


def suggest_roles(names: Sequence[str]) -> dict[str, str]:
    """The column that looks like user_column, item_column and timestamp_column by its name.

    Example:
        >>> from mclrec_tf.data.event_log.suggestions import suggest_roles
        >>> suggest_roles(["timestamp", "visitorid", "event", "itemid"])["user_column"]
        'visitorid'
    """
    lower = {_SPACE.sub("_", name.strip().lower()): name for name in reversed(names)}
    return {
        role: lower[usual[0]]
        for role, known in _USUAL_NAMES.items()
        if (usual := [name for name in known.split() if name in lower])
    }


def looks_like_time(values: Sequence[str]) -> bool:
    """Whether values of a column all look like times: dates, or numbers of an epoch."""
    return bool(values) and all(map(_is_time, values))


def suggest_times(names: Sequence[str]) -> list[str]:
    """The columns that are times if their names do not lie.

    Example:
        >>> from mclrec_tf.data.event_log.suggestions import suggest_times
        >>> suggest_times(["book_id", "date_added", "lastTime", "candidate"])
        ['date_added', 'lastTime']
    """
    return [name for name in names if _TIME_IN_NAME.search(name)]


def columns_option(columns: str) -> str:
    """`--columns` as a shell and argparse take it.

    Example:
        >>> from mclrec_tf.data.event_log.suggestions import columns_option
        >>> columns_option("-,user,item")
        '--columns=-,user,item'
    """
    return f"--columns{'=' if columns.startswith('-') else ' '}{columns}"


def suggest_columns(rows: Sequence[Sequence[str]]) -> str:
    """The `columns` that a file without a header probably has, "" if that cannot be told.

    Args:
        rows: The fields of a few rows, all equally many.

    Example:
        >>> from mclrec_tf.data.event_log.suggestions import suggest_columns
        >>> suggest_columns([["196", "242", "3", "881250949"], ["186", "302", "3", "891717742"]])
        'user,item,-,timestamp'
    """
    fields = list(zip(*rows, strict=True))
    times = [index for index, values in enumerate(fields) if looks_like_time(values)]
    others = [
        index
        for index, values in enumerate(fields)
        if index not in times[:1] and not _is_measure(values)
    ]
    others = [index for index in others if not _is_row_number(fields[index])] or others
    if len(others) < 2:
        return ""
    user = others[0]
    # An item's number is not a rating or a flag, if anything else is there.
    items = [index for index in others[1:] if not _is_small(fields[index])] or others[1:]
    item = items[0]
    if _all_match(_PRODUCT, fields[user]) and _all_match(_REVIEWER, fields[item]):
        user, item = item, user
    roles = {user: "user", item: "item", **dict.fromkeys(times[:1], "timestamp")}
    return ",".join(roles.get(index, "-") for index in range(len(fields)))


def describe_fields(rows: Sequence[Sequence[str]], separator: str) -> str:
    """What a table without a header looks like, in words.

    Example:
        >>> from mclrec_tf.data.event_log.suggestions import describe_fields
        >>> describe_fields([["196", "242", "3", "881250949"]], "\\t")
        'four tab-separated numbers'
    """
    count = len(rows[0])
    counted = _COUNTS[count] if count < len(_COUNTS) else str(count)
    numbers = all(_NUMBER.fullmatch(field) for row in rows for field in row)
    named = _SEPARATOR_NAMES.get(separator, f"{separator}-separated")
    return f"{counted} {named} {'number' if numbers else 'column'}{'s' * (count != 1)}"


def _all_match(pattern: re.Pattern[str], values: Sequence[str]) -> bool:
    return all(map(pattern.fullmatch, values))


def _is_time(text: str) -> bool:
    text = text.strip()
    if _ISO.fullmatch(text) or _DIGITS_OF_A_DAY.fullmatch(text):
        return True
    if not _NUMBER.fullmatch(text):
        return False
    return any(begin <= float(text) < end for begin, end in EPOCHS)


def _is_measure(values: Sequence[str]) -> bool:
    """A rating, a price or a place on the map, and no id."""
    found = [_NUMBER.fullmatch(value.strip()) for value in values]
    return all(found) and any(match[1] for match in found if match)


def _is_row_number(values: Sequence[str]) -> bool:
    """Whether the rows are counted: one more in each of many."""
    numbers = [int(value) for value in values if value.isdecimal()]
    return len(numbers) == len(values) >= _MANY_ROWS and all(
        after == before + 1 for before, after in zip(numbers, numbers[1:], strict=False)
    )


def _is_small(values: Sequence[str]) -> bool:
    return len({*values}) == 1 or all(
        len(value) <= 3 and value.isdigit() and int(value) <= _A_RATING for value in values
    )
