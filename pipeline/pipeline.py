"""The pipeline: from an event log to a pushed model, for this machine and for Kubeflow Pipelines.

Both have the components of `pipeline.stages`. They differ in how a run finds the artifacts of
earlier runs: with resolvers in ML Metadata, or in a folder.
"""

import os
from collections.abc import Sequence

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.utils import proto_utils

from mclrec_tf.data.event_log.reader import event_log_files
from pipeline import stages
from pipeline.beam_args import complete_beam_args
from pipeline.components.between_runs.component import KeepForNextRun, PreviousRun
from pipeline.components.example_gen.event_log.log_location import fingerprint
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
    """Builds the pipeline for an orchestrator with resolvers, such as TFX's LocalDagRunner.

    Args:
        pipeline_root: The folder of the artifacts of all runs.
        data_path: The event log: a file, a folder or a glob pattern, perhaps with spans.
        model_directory: The folder of the pushed versions, which is the server's
            `--model_base_path`.
        settings: The settings of the run.
        pipeline_name: The name of the pipeline, by default "mclrec". Runs of the same name share
            the cache and the latest blessed model.
        beam_args: Beam's options for the components that use it, see `pipeline.beam_args`. By
            default Beam runs in the process of each component.
        enable_cache: Whether to use the outputs of earlier runs with the same inputs and settings.
            True by default.
        metadata: The connection to ML Metadata. None, the default, if the orchestrator has its own.

    Raises:
        ValueError: The search space cannot be used.
        SchemaError: The schema cannot be read.
        EventLogError: The table of the catalogue is missing.
    """
    pipeline_root = os.fspath(pipeline_root)
    data = stages.read(os.fspath(data_path), settings.data)
    last_accepted = last_accepted_data(current=data.statistics.outputs["statistics"])
    table = settings.catalogue.items
    prepared = stages.prepare(
        data,
        settings,
        last_accepted.outputs["accepted"],
        fingerprint(event_log_files(table)) if table else "",
    )
    base = []
    if settings.training.start_from == "blessed":
        base = [base_model(examples=prepared.examples)]
    *tuning, trainer = stages.train(
        prepared, settings, pipeline_root, base[0].outputs["model"] if base else None
    )
    baseline = latest_blessed_model(candidate=trainer.outputs["model"])
    judged = stages.judge(data, prepared, trainer, baseline.outputs["model"], settings)
    pushing = stages.push(
        data,
        prepared,
        trainer,
        judged.blessing,
        settings,
        pipeline_root,
        _push_destination(model_directory),
    )
    components: list[BaseNode] = [
        *data,
        last_accepted,
        *prepared.components,
        *tuning,
        *base,
        trainer,
    ]
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[*components, baseline, *judged, *pushing],
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

    A component writes the page about a run. There is no cache: the key of Kubeflow's cache has only
    the paths of the inputs, so it would miss new files in a folder and newly pushed versions.

    Args:
        pipeline_root, data_path, model_directory, settings, beam_args: As for `local_pipeline`.
        state_folder: The folder in which a run finds what earlier runs accepted and pushed, in
            place of ML Metadata.
        pipeline_name: The name of the pipeline, by default "mclrec".
        accept_missing: Whether to go on if artifacts of earlier runs are gone. False by default.

    Raises:
        ValueError: The search space cannot be used.
        SchemaError: The schema cannot be read.
    """
    pipeline_root, state_folder = os.fspath(pipeline_root), os.fspath(state_folder)
    is_warm_start = settings.training.start_from == "blessed"
    push_destination = _push_destination(model_directory)
    previous = PreviousRun(
        push_destination=proto_utils.proto_to_json(push_destination),
        state_folder=state_folder,
        trains_on=int(is_warm_start),
        accept_missing=int(accept_missing),
    )
    data = stages.read(os.fspath(data_path), settings.data)
    prepared = stages.prepare(data, settings, previous.outputs["accepted"])
    base = previous.outputs["model"] if is_warm_start else None
    *tuning, trainer = stages.train(prepared, settings, pipeline_root, base)
    judged = stages.judge(data, prepared, trainer, previous.outputs["model"], settings)
    *refit, pusher = stages.push(
        data, prepared, trainer, judged.blessing, settings, pipeline_root, push_destination
    )
    keep = KeepForNextRun(
        model=trainer.outputs["model"],
        pushed_model=pusher.outputs["pushed_model"],
        accepted=prepared.gate.outputs["accepted"],
        state_folder=state_folder,
        is_refitted=int(settings.release.refit),
    )
    page = RunPage(
        examples=data.examples.outputs["examples"],
        anomalies=data.validator.outputs["anomalies"],
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        transform_graph=prepared.transform_graph,
        export_check=judged.export_check.outputs["blessing"],
        baseline=previous.outputs["model"],
        transitions=judged.item_transitions.outputs["transitions"],
        test_examples=judged.evaluation_features.outputs["test_examples"],
        evaluation=judged.evaluator.outputs["evaluation"],
        blessing=judged.blessing.outputs["blessing"],
        pushed_model=pusher.outputs["pushed_model"],
        # Without a refit it is the model itself, which has no report of one.
        pushed_from=refit[0].outputs["model"] if refit else trainer.outputs["model"],
        title=data.examples.exec_properties["input_base"],
        settings=to_json(settings),
        trainer_config=trainer.exec_properties["custom_config"],
    )
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[
            *data,
            previous,
            *prepared.components,
            *tuning,
            trainer,
            *judged,
            *refit,
            pusher,
            keep,
            page,
        ],
        enable_cache=False,
        beam_pipeline_args=complete_beam_args(beam_args),
    )


def _push_destination(
    model_directory: str | os.PathLike[str],
) -> tfx.proto.PushDestination:
    return tfx.proto.PushDestination(
        filesystem=tfx.proto.PushDestination.Filesystem(base_directory=os.fspath(model_directory))
    )
