"""The pipeline: from an event log to a pushed model."""

import dataclasses
import json
import os
from collections.abc import Sequence

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode

from mclrec_tf.data.event_log import EventLogFormat
from mclrec_tf.data.time_split import Periods
from pipeline.baseline import latest_blessed_model
from pipeline.data_gate.accepted_data import last_accepted_data
from pipeline.data_gate.gate import DataGate
from pipeline.data_gate.schema_text import CuratedSchema, schema_text
from pipeline.evaluation.blessing import Blessing
from pipeline.evaluation.eval_config import eval_config
from pipeline.evaluation.slice_features import SliceFeatures
from pipeline.export_check import ExportCheck
from pipeline.ingest import (
    PREPROCESSING_FN,
    TRANSFORM_SPLITS,
    ExampleGenSettings,
    example_gen,
)
from pipeline.pusher import Pusher
from pipeline.settings import DataSettings, Settings
from pipeline.tuning.search_space import read_search_space

PIPELINE_NAME = "mclrec"
# In this process: fastest for logs that fit on one machine. DirectRunner would look for a binary to
# download at every pipeline, and without the second option TFX packs itself up for workers.
BEAM_ARGS = ("--runner=FnApiRunner", "--sdk_container_image=none")


def create_pipeline(
    *,
    pipeline_root: str,
    data_path: str,
    model_directory: str,
    settings: Settings,
    pipeline_name: str = PIPELINE_NAME,
    beam_args: Sequence[str] = BEAM_ARGS,
    enable_cache: bool = True,
    compare_only_with_others: bool = True,
    metadata: metadata_store_pb2.ConnectionConfig | None = None,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline, for any TFX orchestrator.

    Args:
        pipeline_root: folder of the artifacts of every run.
        data_path: the event log: a file, a folder or a glob, perhaps with spans.
        model_directory: where versions are pushed, the server's `--model_base_path`.
        settings: what `pipeline.settings` explains.
        pipeline_name: runs of one name share cache and latest blessed model.
        beam_args: Beam's options for the components that use it.
        enable_cache: use the outputs of earlier runs with the same inputs and settings.
        compare_only_with_others: see `pipeline.baseline` and `pipeline.data_gate`; False compiles
            for Kubeflow.
        metadata: connection to ML Metadata; None where the orchestrator has its own.
    """
    data = example_gen_settings(settings.data)
    examples = example_gen(data_path, data)
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = CuratedSchema(text=schema_text(settings.data.schema))
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    last_accepted = last_accepted_data(
        current=statistics.outputs["statistics"] if compare_only_with_others else None
    )
    gate = DataGate(
        examples=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        anomalies=validator.outputs["anomalies"],
        schema=schema.outputs["schema"],
        log_format=json.dumps(dataclasses.asdict(data.format)),
        previous=last_accepted.outputs["accepted"],
    )
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=PREPROCESSING_FN,
        splits_config=TRANSFORM_SPLITS,
        # Nobody reads them: the raw statistics are StatisticsGen's.
        disable_statistics=True,
    )
    # Nothing is learned from data that the gate refuses.
    transform.add_upstream_node(gate)
    train_args = tfx.proto.TrainArgs(splits=["train"])
    eval_args = tfx.proto.EvalArgs(splits=["validation"])
    config = {
        "model": dataclasses.asdict(settings.model),
        "training": dataclasses.asdict(settings.training),
    }
    tuner = None
    if settings.tuning.trials:
        tuner = tfx.components.Tuner(
            tuner_fn="pipeline.tuning.search.tuner_fn",
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            train_args=train_args,
            eval_args=eval_args,
            custom_config={
                **config,
                "trials": settings.tuning.trials,
                "space": read_search_space(settings.tuning.search_space),
                "backup_directory": os.path.join(pipeline_root, "Tuner", "backup"),
            },
        )
    base_model = None
    if settings.training.start_from == "blessed":
        base_model = latest_blessed_model(candidate=None).with_id("BaseModel")
    trainer = tfx.components.Trainer(
        run_fn="pipeline.trainer.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        base_model=base_model.outputs["model"] if base_model else None,
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        train_args=train_args,
        eval_args=eval_args,
        custom_config={
            **config,
            "backup_directory": os.path.join(pipeline_root, "Trainer", "backup"),
        },
    )
    export_check = ExportCheck(model=trainer.outputs["model"])
    baseline = latest_blessed_model(
        candidate=trainer.outputs["model"] if compare_only_with_others else None
    )
    slice_features = SliceFeatures(examples=examples.outputs["examples"])
    evaluator = tfx.components.Evaluator(
        examples=slice_features.outputs["sliced_examples"],
        example_splits=["test"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=eval_config(),
    )
    blessing = Blessing(
        model=trainer.outputs["model"],
        evaluation=evaluator.outputs["evaluation"],
        export_check=export_check.outputs["blessing"],
        settings=json.dumps(dataclasses.asdict(settings.blessing)),
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=blessing.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=model_directory)
        ),
    )
    components: list[BaseNode] = [
        examples,
        statistics,
        schema,
        validator,
        last_accepted,
        gate,
        transform,
        *filter(None, (tuner, base_model)),
        trainer,
        export_check,
        baseline,
        slice_features,
        evaluator,
        blessing,
        pusher,
    ]
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=components,
        enable_cache=enable_cache,
        beam_pipeline_args=list(beam_args),
        metadata_connection_config=metadata,
    )


def example_gen_settings(data: DataSettings) -> ExampleGenSettings:
    """The settings of a person as ExampleGen takes them."""
    return ExampleGenSettings(
        format=EventLogFormat(data.user_column, data.item_column, data.timestamp_column),
        k_core=data.k_core,
        max_bad_rows=data.max_bad_rows,
        periods=Periods(data.validation_period, data.test_period) if data.split == "time" else None,
        window_spans=data.window_spans,
    )
