"""Which versions of a model are to be served: those on disk that its policy picks."""

import posixpath
import re

import tensorflow as tf
from tensorflow_serving.config import model_server_config_pb2

_VERSION = re.compile(r"[0-9]{1,19}")


def wanted_versions(config: model_server_config_pb2.ModelConfig) -> dict[int, str]:
    """The folders of the versions that a model's configuration asks for.

    Args:
        config: Its `model_version_policy` is `latest` (the default, with one version), `all` or
            `specific`. `base_path` holds a folder with a numeric name for each version; all else
            in it is ignored. It may lie wherever TensorFlow can read (`gs://...`).

    Returns:
        Paths by version, newest first; empty if there is no such folder.
    """
    found: dict[int, str] = {}
    if tf.io.gfile.isdir(config.base_path):
        for entry in tf.io.gfile.listdir(config.base_path):
            name = entry.rstrip("/")
            path = posixpath.join(config.base_path, name)
            if _VERSION.fullmatch(name) and tf.io.gfile.isdir(path):
                found[int(name)] = path
    newest_first = sorted(found, reverse=True)
    policy = config.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "specific":
        newest_first = [v for v in newest_first if v in policy.specific.versions]
    elif choice != "all":
        newest_first = newest_first[: max(policy.latest.num_versions, 1)]
    return {version: found[version] for version in newest_first}
