"""The pipeline: from an event log to a pushed model."""

import dataclasses
import os
from collections.abc import Sequence

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.utils import proto_utils

from mclrec_tf.data.event_log import EventLogFormat
from pipeline.baseline import latest_blessed_model
from pipeline.beam_args import complete_beam_args
from pipeline.blessing import eval_config
from pipeline.curated_schema import curated_schema
from pipeline.evaluator import Evaluator
from pipeline.export_check import ExportCheck
from pipeline.ingest import (
    PREPROCESSING_FN,
    SCHEMA_FILE,
    TRANSFORM_SPLITS,
    ExampleGenSettings,
    example_gen,
)
from pipeline.latest_pushed_model import LatestPushedModel
from pipeline.pusher import Pusher
from pipeline.settings import DataSettings, Settings

PIPELINE_NAME = "mclrec"


def create_pipeline(
    *,
    pipeline_root: str,
    data_path: str,
    model_directory: str,
    settings: Settings,
    pipeline_name: str = PIPELINE_NAME,
    beam_args: Sequence[str] | None = None,
    enable_cache: bool = True,
    compare_with_pushed: bool = False,
    metadata: metadata_store_pb2.ConnectionConfig | None = None,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline, for any TFX orchestrator.

    Args:
        pipeline_root: folder of the artifacts of every run.
        data_path: the event log: a file, a folder or a glob.
        model_directory: where versions are pushed, the server's `--model_base_path`.
        settings: what `pipeline.settings` explains.
        pipeline_name: runs of one name share cache and latest blessed model.
        beam_args: Beam's options for ExampleGen, StatisticsGen, Transform and Evaluator, as in
            `pipeline.beam_args`; None works in the process of each component.
        enable_cache: use the outputs of earlier runs with the same inputs and settings.
        compare_with_pushed: compare with the newest pushed version, without asking ML Metadata
            for the latest blessed model: Kubeflow Pipelines has no resolver.
        metadata: connection to ML Metadata; None where the orchestrator has its own.
    """
    examples = example_gen(
        data_path,
        ExampleGenSettings(
            format=event_log_format(settings.data),
            k_core=settings.data.k_core,
            max_bad_rows=settings.data.max_bad_rows,
        ),
    )
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = curated_schema(SCHEMA_FILE)
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=PREPROCESSING_FN,
        splits_config=TRANSFORM_SPLITS,
        # Nobody reads them: the raw statistics are StatisticsGen's.
        disable_statistics=True,
    )
    trainer = tfx.components.Trainer(
        run_fn="pipeline.trainer.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(splits=["train"]),
        eval_args=tfx.proto.EvalArgs(splits=["validation"]),
        custom_config={
            "model": dataclasses.asdict(settings.model),
            "training": dataclasses.asdict(settings.training),
            "backup_directory": os.path.join(pipeline_root, "Trainer", "backup"),
        },
    )
    export_check = ExportCheck(model=trainer.outputs["model"])
    push_destination = tfx.proto.PushDestination(
        filesystem=tfx.proto.PushDestination.Filesystem(base_directory=model_directory)
    )
    baseline = (
        LatestPushedModel(push_destination=proto_utils.proto_to_json(push_destination))
        if compare_with_pushed
        else latest_blessed_model(candidate=trainer.outputs["model"])
    )
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        example_splits=["test"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=eval_config(settings.blessing),
        schema=schema.outputs["schema"],
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=export_check.outputs["blessing"],
        push_destination=push_destination,
    )
    components: list[BaseNode] = [
        examples,
        statistics,
        schema,
        validator,
        transform,
        trainer,
        export_check,
        baseline,
        evaluator,
        pusher,
    ]
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=components,
        enable_cache=enable_cache,
        beam_pipeline_args=complete_beam_args(beam_args),
        metadata_connection_config=metadata,
    )


def event_log_format(data: DataSettings) -> EventLogFormat:
    """The columns of the log."""
    return EventLogFormat(data.user_column, data.item_column, data.timestamp_column)
