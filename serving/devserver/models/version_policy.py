"""Which versions of a model are to be served: those on disk that its policy picks."""

import posixpath
import re

import tensorflow as tf
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import ServingError, code_of_number

_VERSION = re.compile("[0-9]+", re.ASCII)
_MAX_VERSION = 2**63 - 1


def wanted_folders(config: model_server_config_pb2.ModelConfig) -> dict[int, str]:
    """The versions that a model's configuration asks for.

    Args:
        config: The `model_version_policy` is `latest` (the default, with one version), `all` or
            `specific`. The `base_path` holds a folder with a numeric name for each version, which
            may be a link and may have leading zeros; everything else in it is ignored. It may lie
            wherever TensorFlow can read (`gs://...`).

    Returns:
        Paths of folders by version, newest first. Empty if there is no such folder.

    Raises:
        ServingError: The base path cannot be read.
    """
    found = _versions(config.base_path)
    newest_first = sorted(found, reverse=True)
    policy = config.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "specific":
        newest_first = [number for number in newest_first if number in policy.specific.versions]
    elif choice != "all":
        newest_first = newest_first[: max(policy.latest.num_versions, 1)]
    return {number: found[number] for number in newest_first}


def _versions(base_path: str) -> dict[int, str]:
    found = {}
    try:
        names = tf.io.gfile.listdir(base_path) if tf.io.gfile.isdir(base_path) else []
    except tf.errors.OpError as error:
        raise ServingError(
            code_of_number(error.error_code), f"cannot list {base_path}: {error.message}"
        ) from error
    for name in sorted(name.rstrip("/") for name in names):
        path = posixpath.join(base_path, name)
        if _VERSION.fullmatch(name) and int(name) <= _MAX_VERSION and tf.io.gfile.isdir(path):
            found[int(name)] = path  # of "007" and "7" the last in order counts, as in TF Serving
    return found
