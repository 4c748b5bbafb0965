"""In a shared store of metadata, each pipeline belongs to one work folder.

Runs of the same pipeline name take each other's artifacts from the cache, are compared with each
other's models, and clean up what a killed run has left. That is right for the runs of one folder,
which never overlap, and wrong for those of another team.
"""

import socket

from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Context, ContextType

from pipeline.runners.local.workdir import RunError, Workdir

# The type of the context that TFX creates for a pipeline unless it exists.
_TYPE = "pipeline"
_ID, _SHOWN = "workdir_id", "workdir"


def claim_pipeline(store: MetadataStore, pipeline_name: str, workdir: Workdir) -> None:
    """Registers a pipeline as that of a work folder, unless it belongs to another one.

    Args:
        store: The shared store.
        pipeline_name: The name of the pipeline.
        workdir: The work folder. The caller is inside `workdir.only_run()`.

    Raises:
        RunError: The pipeline belongs to another folder, or the metadata of this folder are in
            another store.
    """
    own = workdir.id()
    pipelines = {context.name: context for context in store.get_contexts_by_type(_TYPE)}
    is_known = own in map(_owner, pipelines.values())
    if workdir.has_own_metadata() or (workdir.has_artifacts() and not is_known):
        # The folders of artifacts have numbers that another store would assign again.
        raise RunError(
            f"--workdir {workdir.path}: has runs whose metadata are not in this store. Leave "
            "--metadata as it was, or set another --workdir."
        )
    pipeline = pipelines.get(pipeline_name) or _make(store, pipeline_name, own, workdir)
    if _owner(pipeline) != own:
        whose = pipeline.custom_properties[_SHOWN].string_value or "another program"
        raise RunError(
            f"--pipeline-name {pipeline_name}: in this store it belongs to {whose}, not to "
            f"{workdir.path}. Set another --pipeline-name."
        )


def _owner(pipeline: Context) -> str:
    return pipeline.custom_properties[_ID].string_value


def _make(store: MetadataStore, name: str, own: str, workdir: Workdir) -> Context:
    kind = store.put_context_type(
        ContextType(name=_TYPE), can_add_fields=True, can_omit_fields=True
    )
    pipeline = Context(type_id=kind, name=name)
    pipeline.custom_properties[_ID].string_value = own
    pipeline.custom_properties[_SHOWN].string_value = f"{workdir.path} on {socket.gethostname()}"
    try:
        store.put_contexts([pipeline])
    except errors.AlreadyExistsError:
        # Another folder was faster. The store has only one pipeline of each name.
        pipeline = store.get_context_by_type_and_name(_TYPE, name)
    return pipeline
