"""In a store of metadata that many share, a pipeline belongs to one work folder.

Runs of one pipeline name take each other's artifacts from the cache, compare themselves with each
other's models, and tidy up what a killed run left. That is right for the runs of one folder, which
take turns, and wrong for those of another team.
"""

import socket

from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Context, ContextType

from pipeline.runners.local.workdir import RunError, Workdir

# The context that TFX makes for a pipeline, unless it is there.
_TYPE = "pipeline"
_ID, _SHOWN = "workdir_id", "workdir"


def claim_pipeline(store: MetadataStore, pipeline_name: str, workdir: Workdir) -> None:
    """Makes the pipeline that of the folder, if it is nobody's.

    Args:
        store: The shared store.
        pipeline_name: Name of the pipeline.
        workdir: The folder; `workdir.only_run()` is entered.

    Raises:
        RunError: The pipeline is another folder's, or the folder's metadata are in another store.
    """
    own = workdir.id()
    pipelines = {context.name: context for context in store.get_contexts_by_type(_TYPE)}
    is_known = own in map(_owner, pipelines.values())
    if workdir.has_own_metadata() or (workdir.has_artifacts() and not is_known):
        # Folders of artifacts bear numbers of their store, which another store gives again.
        raise RunError(
            f"{workdir.path} has runs whose metadata are not in this store; leave --metadata as it "
            "was, or set another --workdir"
        )
    pipeline = pipelines.get(pipeline_name) or _make(store, pipeline_name, own, workdir)
    if _owner(pipeline) != own:
        whose = pipeline.custom_properties[_SHOWN].string_value or "another program"
        raise RunError(
            f"the pipeline {pipeline_name} in this store belongs to {whose}, not to "
            f"{workdir.path}; set another --pipeline-name"
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
        # Another folder was faster, and the store keeps one pipeline of a name.
        pipeline = store.get_context_by_type_and_name(_TYPE, name)
    return pipeline
