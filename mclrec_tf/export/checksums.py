"""Checksums of the files of an export, by which whoever loads it knows that it came whole.

TensorFlow compares checksums of variables when it reads them, but none of the graph and of assets:
with a flipped bit in the vocabulary a model would answer, and wrongly.
"""

import hashlib
import os
import posixpath

import tensorflow as tf

CHECKSUM_FILE = "assets.extra/SHA256SUMS"
_CHUNK = 2**20


def write_checksums(export: str | os.PathLike[str]) -> None:
    """Writes `CHECKSUM_FILE` for all other files of an export, in the format of `sha256sum`.

    Args:
        export: Folder of the SavedModel; nothing in it may change afterwards.

    Example:

    After `write_checksums("models/mclrec/1")`,
    `cd models/mclrec/1 && sha256sum --check assets.extra/SHA256SUMS` looks for damage.
    """
    lines = []
    for folder, _, names in tf.io.gfile.walk(export):
        for name in names:
            file = os.path.join(folder, name)
            relative = posixpath.join(*os.path.relpath(file, export).split(os.sep))
            if relative != CHECKSUM_FILE:
                lines.append((relative, _sha256(file)))
    path = os.path.join(export, CHECKSUM_FILE)
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "w") as sums:
        sums.write("".join(f"{checksum}  {relative}\n" for relative, checksum in sorted(lines)))


def _sha256(file: str) -> str:
    checksum = hashlib.sha256()
    with tf.io.gfile.GFile(file, "rb") as opened:
        while chunk := opened.read(_CHUNK):
            checksum.update(chunk)
    return checksum.hexdigest()
