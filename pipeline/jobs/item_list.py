"""A file with the ids of some items, such as those in stock."""

import gzip
import os
import zlib
from collections.abc import Collection, Sequence

import tensorflow as tf

_GZIP = b"\x1f\x8b"


class ItemListError(ValueError):
    """A file that holds no list of items, with what to do about it."""


def read_item_list(option: str, path: str | os.PathLike[str]) -> list[str]:
    """Reads the raw item ids of a text file, one a line, plain or packed by gzip.

    Args:
        option: The option that gave the path, for the message.
        path: The file, also on remote storage. Empty lines are left out.

    Raises:
        ItemListError: The file cannot be read, is no text in UTF-8, or has no item.
    """
    path = os.fspath(path)
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            content = file.read()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")
    except tf.errors.NotFoundError as error:
        raise ItemListError(f"{option} {path}: does not exist. Give a file of item ids.") from error
    except tf.errors.OpError as error:
        raise ItemListError(f"{option} {path}: cannot be read: {error.message}.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ItemListError(f"{option} {path}: is damaged: {error}. Pack it again.") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ItemListError(
            f"{option} {path}: line {line} is no UTF-8. Save the file as UTF-8."
        ) from error
    items = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    if broken := next((item for item in items if "\r" in item), None):
        raise ItemListError(
            f"{option} {path}: {broken[:40]!r} holds a carriage return, as lines of old Macs end. "
            "End lines with a line feed."
        )
    if not items:
        raise ItemListError(f"{option} {path}: has no item. Write an item id in each line.")
    return items


def known_of(items: Sequence[str], catalogue: Collection[str]) -> str:
    """How many of some items a model knows, in words, and one that it does not.

    Args:
        items: Raw item ids.
        catalogue: Those of the model, as a set.
    """
    distinct = dict.fromkeys(items)
    unknown = next((item for item in distinct if item not in catalogue), None)
    count = sum(item in catalogue for item in distinct)
    told = f"{count:,} of {len(distinct):,} items are in the catalogue"
    return told if unknown is None else f"{told}, {unknown[:80]!r} is not"
