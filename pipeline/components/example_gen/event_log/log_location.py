"""The path of a log as ExampleGen's driver takes it, as a folder and a pattern, and back again."""

import glob
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfx.dsl.io import fileio
from tfx.types import standard_component_specs
from tfx.utils import proto_utils
from tfx.v1 import proto

from mclrec_tf.data.event_log.log_files import names_apart

_WHOLE_FOLDER = "*"
_PATTERN_CHARACTERS = re.compile(r"[*?[{]")
_ESCAPED = re.compile(r"\[([*?[])\]")


def base_and_pattern(path: str) -> tuple[str, str]:
    """Splits a path into the folder and the glob pattern in it that together match the log.

    Args:
        path: A file, a folder, or a glob pattern. A path that exists is not taken for a pattern,
            because `log[1].csv` may be the name of a file. The path of a folder on remote storage
            ends with `/`.

    Example:
        >>> from pipeline.components.example_gen.event_log.log_location import base_and_pattern
        >>> base_and_pattern("gs://shop/2024-*/part-*.csv")
        ('gs://shop', '2024-*/part-*.csv')
    """
    is_folder = path.endswith("/")
    if "://" not in path:
        path = str(Path(path).absolute())
    if os.path.exists(path):
        is_folder = os.path.isdir(path)
        path = glob.escape(path)
    if is_folder:
        return path.rstrip("/"), _WHOLE_FOLDER
    base, pattern = os.path.split(path)
    while _PATTERN_CHARACTERS.search(base):
        base, folder = os.path.split(base)
        pattern = f"{folder}/{pattern}"
    return base, pattern


def log_path(exec_properties: dict[str, Any]) -> str:
    """The path of the log, from the exec properties that the driver passes to the executor.

    Placeholders for span and version are filled in.
    """
    config = proto.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], config)
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    return path_of(base, config.splits[0].pattern)


def path_of(base: str, pattern: str) -> str:
    """The path that `base_and_pattern` has split into a base and a pattern."""
    if pattern == _WHOLE_FOLDER:
        return _ESCAPED.sub(r"\1", base)
    return os.path.join(base, pattern)


def fingerprint(files: Iterable[str]) -> str:
    """The fingerprint of the files of a log, which changes when the log does.

    It is made of the order, the names, the sizes and the modification times (in whole seconds) of
    the files. Names count because they decide the order in which files are read, and names of
    folders may hold values of columns. The part of the paths that all files have in common does
    not count, because a log may be moved.

    Args:
        files: The paths of the files, in the order in which they are read.

    Returns:
        Text of the same form as the fingerprints of TFX's driver.
    """
    paths = list(files)
    described = hashlib.sha256()
    total = 0
    for path, name in zip(paths, names_apart(paths), strict=True):
        stat = fileio.stat(path)
        total += stat.length
        described.update(f"{name}\0{stat.length}\0{stat.mtime_nsec // 10**9}\0".encode())
    return f"split:log,num_files:{len(paths)},total_bytes:{total},sha256:{described.hexdigest()}"
