"""How the path of a log goes through ExampleGen's driver, which wants a folder and a pattern."""

import glob
import os
import re
from typing import Any

from tfx.types import standard_component_specs
from tfx.utils import proto_utils
from tfx.v1 import proto

_WHOLE_FOLDER = "*"
_PATTERN_CHARACTERS = re.compile(r"[*?[{]")
_ESCAPED = re.compile(r"\[([*?[])\]")


def base_and_pattern(path: str) -> tuple[str, str]:
    """Splits a path into the folder and the glob pattern in it that together match the log.

    Args:
        path: a file, a folder, or a glob pattern. What exists is no pattern: `log[1].csv` may be
            a file. A folder that is not on this machine ends with `/`.

    Example:

    >>> base_and_pattern("gs://shop/2024-*/part-*.csv")
    ('gs://shop', '2024-*/part-*.csv')
    """
    is_folder = path.endswith("/")
    if "://" not in path:
        path = os.path.abspath(path)
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
    """The path again, of what the driver hands to the executor: span and version are filled in."""
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    config = proto.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], config)
    pattern = config.splits[0].pattern
    if pattern == _WHOLE_FOLDER:
        return _ESCAPED.sub(r"\1", base)
    return os.path.join(base, pattern)
