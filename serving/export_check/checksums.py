"""Notices an export whose files are not those that were written."""

import hashlib
import os
import posixpath
import re
from collections.abc import Iterator

import tensorflow as tf

from serving.export_contract import CHECKSUM_FILE

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_CHUNK = 2**20


def damage(path: str | os.PathLike[str]) -> Iterator[str]:
    """Compares the files of an export with the checksums that were written beside them.

    TensorFlow compares checksums of variables when it reads them, but none of the graph and of
    assets: with a flipped bit in the vocabulary a model would answer, and wrongly.

    Args:
        path: Folder of the SavedModel. Where it has no `CHECKSUM_FILE`, nothing is known.

    Yields:
        What is wrong, a message a file.
    """
    if not tf.io.gfile.exists(posixpath.join(path, CHECKSUM_FILE)):
        return
    try:
        with tf.io.gfile.GFile(posixpath.join(path, CHECKSUM_FILE), "rb") as sums:
            lines = sums.read().decode(errors="replace").splitlines()
    except tf.errors.OpError as error:
        yield f"{CHECKSUM_FILE} cannot be read: {error.message}"
        return
    for line in lines:
        entry = _LINE.fullmatch(line)
        if not entry or posixpath.isabs(entry[2]) or ".." in entry[2].split("/"):
            yield f"{CHECKSUM_FILE} has a line that is none of sha256sum: {line[:100]!r}"
            return
        try:
            found = _sha256(posixpath.join(path, entry[2]))
        except tf.errors.OpError as error:
            yield f"{entry[2]} cannot be read: {error.message}"
            continue
        if found != entry[1]:
            yield f"{entry[2]} does not have the checksum in {CHECKSUM_FILE}"


def _sha256(file: str) -> str:
    checksum = hashlib.sha256()
    with tf.io.gfile.GFile(file, "rb") as opened:
        while chunk := opened.read(_CHUNK):
            checksum.update(chunk)
    return checksum.hexdigest()
