"""The pipeline: from an event log to a pushed model, for this machine and for Kubeflow Pipelines.

Both have the components of `pipeline.stages`. They differ in how a run finds what earlier ones
left: by resolvers in ML Metadata, or in a folder.
"""

import os
from collections.abc import Sequence

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.utils import proto_utils

from pipeline import stages
from pipeline.beam_args import complete_beam_args
from pipeline.components.between_runs.component import KeepForNextRun, PreviousRun
from pipeline.components.run_page.component import RunPage
from pipeline.resolvers import base_model, last_accepted_data, latest_blessed_model
from pipeline.settings import Settings, to_json

PIPELINE_NAME = "mclrec"


def local_pipeline(
    *,
    pipeline_root: str | os.PathLike[str],
    data_path: str | os.PathLike[str],
    model_directory: str | os.PathLike[str],
    settings: Settings,
    pipeline_name: str = PIPELINE_NAME,
    beam_args: Sequence[str] | None = None,
    enable_cache: bool = True,
    metadata: metadata_store_pb2.ConnectionConfig | None = None,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline for an orchestrator with resolvers, as TFX's own.

    Args:
        pipeline_root: Folder of the artifacts of every run.
        data_path: The event log: a file, a folder or a glob, perhaps with spans.
        model_directory: Where versions are pushed, the server's `--model_base_path`.
        settings: What `pipeline.settings` explains.
        pipeline_name: Runs of one name share cache and latest blessed model.
        beam_args: Beam's options for the components that use it, as in `pipeline.beam_args`; None
            works in the process of each component.
        enable_cache: Use the outputs of earlier runs with the same inputs and settings.
        metadata: Connection to ML Metadata; None where the orchestrator has its own.

    Raises:
        ValueError: The search space cannot be used.
        SchemaError: The schema cannot be read.
    """
    pipeline_root = os.fspath(pipeline_root)
    data = stages.read(os.fspath(data_path), settings.data)
    last_accepted = last_accepted_data(current=data.statistics.outputs["statistics"])
    prepared = stages.prepare(data, settings.data, last_accepted.outputs["accepted"])
    base = []
    if settings.training.start_from == "blessed":
        base = [base_model(examples=prepared.transform.outputs["transformed_examples"])]
    *tuning, trainer = stages.train(
        prepared.transform, settings, pipeline_root, base[0].outputs["model"] if base else None
    )
    baseline = latest_blessed_model(candidate=trainer.outputs["model"])
    released = stages.release(
        data,
        trainer,
        baseline.outputs["model"],
        settings.blessing,
        _push_destination(model_directory),
    )
    components: list[BaseNode] = [*data, last_accepted, *prepared, *tuning, *base, trainer]
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[*components, baseline, *released],
        enable_cache=enable_cache,
        beam_pipeline_args=complete_beam_args(beam_args),
        metadata_connection_config=metadata,
    )


def kubeflow_pipeline(
    *,
    pipeline_root: str | os.PathLike[str],
    data_path: str | os.PathLike[str],
    model_directory: str | os.PathLike[str],
    state_folder: str | os.PathLike[str],
    settings: Settings,
    pipeline_name: str = PIPELINE_NAME,
    beam_args: Sequence[str] | None = None,
    accept_missing: bool = False,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline for Kubeflow Pipelines, which has no resolvers.

    A run writes its page by itself. It has no cache: Kubeflow's knows a component's inputs by name,
    so it would miss new files in the same folder and newly pushed versions.

    Args:
        pipeline_root, data_path, model_directory, settings, beam_args: As for `local_pipeline`.
        state_folder: Tells a run what earlier ones accepted and pushed, in place of ML Metadata.
        pipeline_name: Name of the pipeline.
        accept_missing: Go on where what earlier runs have kept is gone.

    Raises:
        ValueError: The search space cannot be used.
        SchemaError: The schema cannot be read.
    """
    pipeline_root, state_folder = os.fspath(pipeline_root), os.fspath(state_folder)
    goes_on = settings.training.start_from == "blessed"
    push_destination = _push_destination(model_directory)
    previous = PreviousRun(
        push_destination=proto_utils.proto_to_json(push_destination),
        state_folder=state_folder,
        trains_on=int(goes_on),
        accept_missing=int(accept_missing),
    )
    data = stages.read(os.fspath(data_path), settings.data)
    prepared = stages.prepare(data, settings.data, previous.outputs["accepted"])
    *tuning, trainer = stages.train(
        prepared.transform, settings, pipeline_root, previous.outputs["model"] if goes_on else None
    )
    released = stages.release(
        data, trainer, previous.outputs["model"], settings.blessing, push_destination
    )
    keep = KeepForNextRun(
        model=trainer.outputs["model"],
        pushed_model=released.pusher.outputs["pushed_model"],
        accepted=prepared.gate.outputs["accepted"],
        state_folder=state_folder,
    )
    page = RunPage(
        examples=data.examples.outputs["examples"],
        anomalies=data.validator.outputs["anomalies"],
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        export_check=released.export_check.outputs["blessing"],
        baseline=previous.outputs["model"],
        evaluation=released.evaluator.outputs["evaluation"],
        blessing=released.blessing.outputs["blessing"],
        pushed_model=released.pusher.outputs["pushed_model"],
        title=data.examples.exec_properties["input_base"],
        settings=to_json(settings),
        trainer_config=trainer.exec_properties["custom_config"],
    )
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[*data, previous, *prepared, *tuning, trainer, *released, keep, page],
        enable_cache=False,
        beam_pipeline_args=complete_beam_args(beam_args),
    )


def _push_destination(
    model_directory: str | os.PathLike[str],
) -> tfx.proto.PushDestination:
    return tfx.proto.PushDestination(
        filesystem=tfx.proto.PushDestination.Filesystem(base_directory=os.fspath(model_directory))
    )
