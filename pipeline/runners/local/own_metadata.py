"""The file that keeps the metadata of a folder's runs, unless a server does."""

import os

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from tfx import v1 as tfx

from pipeline.cli.os_errors import refusal
from pipeline.runners.local.workdir import RunError, Workdir

_ADVICE = {
    "file is not a database": "put back the file as it was, from a copy",
    "malformed": "put back the file as it was, from a copy",
    "database is locked": "another program holds it: end that program",
    "Concurrent writes aborted": "another program holds it: end that program",
    "greater than library version": "it is of a newer version: use the version that wrote it",
    "older than library version": "it is of an older version of ml-metadata: use that version",
    "unable to open database file": "it must be a file that can be read and written",
}


def own_metadata(workdir: Workdir) -> ConnectionConfig:
    """The connection to the file, which is made if there is none.

    Raises:
        RunError: The metadata are on a server, or the file cannot be used.
    """
    if workdir.has_shared_metadata():
        raise RunError(
            f"the metadata of {workdir.path} are on a server: give the --metadata of its runs, "
            "or set another --workdir"
        )
    file = workdir.metadata_file
    if os.path.exists(file) and not os.access(file, os.W_OK):
        raise RunError(
            f"{file}: cannot be written: let this user write it, or set another --workdir"
        )
    config = tfx.orchestration.metadata.sqlite_metadata_connection_config(file)
    try:
        MetadataStore(config).get_contexts_by_type("pipeline")
    except Exception as error:  # ML Metadata has many kinds, some of them RuntimeError
        raise RunError(f"{file}: cannot be used as metadata: {_cause(error)}") from error
    return config


def _cause(error: Exception) -> str:
    text = str(error)
    for words, advice in _ADVICE.items():
        if words in text:
            return f"{words}; {advice}, or set another --workdir"
    return refusal(error) or text
