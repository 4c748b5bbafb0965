"""The file with the metadata of a work folder's runs, unless a server has them."""

import os

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from tfx import v1 as tfx

from pipeline.cli.os_errors import refusal
from pipeline.runners.local.workdir import RunError, Workdir

_ADVICE = {
    "file is not a database": "Restore the file from a copy",
    "malformed": "Restore the file from a copy",
    "database is locked": "End the program that holds it",
    "Concurrent writes aborted": "End the program that holds it",
    "greater than library version": "Use the newer version of ml-metadata that wrote it",
    "older than library version": "Use the older version of ml-metadata that wrote it",
    "unable to open database file": "Make it a file that can be read and written",
}


def own_metadata(workdir: Workdir) -> ConnectionConfig:
    """The connection to the file, which is created if it does not exist.

    Args:
        workdir: The work folder.

    Raises:
        RunError: The metadata are on a server, or the file cannot be used.
    """
    if workdir.has_shared_metadata():
        raise RunError(
            f"--workdir {workdir.path}: its metadata are on a server. Give the --metadata of its "
            "runs, or set another --workdir."
        )
    file = workdir.metadata_file
    if os.path.exists(file) and not os.access(file, os.W_OK):
        raise RunError(
            f"{file}: cannot be written. Let this user write it, or set another --workdir."
        )
    config = tfx.orchestration.metadata.sqlite_metadata_connection_config(file)
    try:
        MetadataStore(config).get_contexts_by_type("pipeline")
    except Exception as error:  # ML Metadata raises errors of many classes, also RuntimeError.
        raise RunError(f"{file}: cannot be used as metadata: {_cause(error)}") from error
    return config


def _cause(error: Exception) -> str:
    text = str(error)
    for words, advice in _ADVICE.items():
        if words in text:
            return f"{words}. {advice}, or set another --workdir."
    return refusal(error) or text
