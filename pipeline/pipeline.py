"""The pipeline: from an event log to a pushed model."""

import dataclasses
import json
import os
from collections.abc import Sequence

from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx

# From their own modules: `tfx.components` turns an import that failed into None.
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.components.tuner.component import Tuner
from tfx.dsl.components.base.base_node import BaseNode
from tfx.utils import proto_utils

from mclrec_tf.data.time_split import Periods
from pipeline.base_model import base_model
from pipeline.baseline import latest_blessed_model
from pipeline.beam_args import complete_beam_args
from pipeline.components.between_runs.component import KeepForNextRun, PreviousRun
from pipeline.components.blessing.component import Blessing
from pipeline.components.data_gate.accepted_data import last_accepted_data
from pipeline.components.data_gate.component import DataGate
from pipeline.components.data_gate.schema_text import CuratedSchema, schema_text
from pipeline.components.evaluator.component import Evaluator
from pipeline.components.evaluator.eval_config import eval_config
from pipeline.components.example_gen.ingest import (
    PREPROCESSING_FN,
    TRANSFORM_SPLITS,
    ExampleGenSettings,
    example_gen,
)
from pipeline.components.export_check.component import ExportCheck
from pipeline.components.pusher.component import Pusher
from pipeline.components.run_page.component import RunPage
from pipeline.components.slice_features.component import SliceFeatures
from pipeline.components.tuner.search_space import read_search_space
from pipeline.settings import DataSettings, Settings, log_format

PIPELINE_NAME = "mclrec"


def create_pipeline(
    *,
    pipeline_root: str | os.PathLike[str],
    data_path: str | os.PathLike[str],
    model_directory: str | os.PathLike[str],
    settings: Settings,
    pipeline_name: str = PIPELINE_NAME,
    beam_args: Sequence[str] | None = None,
    enable_cache: bool = True,
    state_folder: str | os.PathLike[str] | None = None,
    accept_missing: bool = False,
    metadata: metadata_store_pb2.ConnectionConfig | None = None,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline, for any TFX orchestrator.

    Args:
        pipeline_root: folder of the artifacts of every run.
        data_path: the event log: a file, a folder or a glob, perhaps with spans.
        model_directory: where versions are pushed, the server's `--model_base_path`.
        settings: what `pipeline.settings` explains.
        pipeline_name: runs of one name share cache and latest blessed model.
        beam_args: Beam's options for the components that use it, as in `pipeline.beam_args`; None
            works in the process of each component.
        enable_cache: use the outputs of earlier runs with the same inputs and settings.
        state_folder: for Kubeflow Pipelines, which has no resolvers: a folder that tells a run what
            earlier ones accepted and pushed, in place of ML Metadata. The run then writes its page
            by itself.
        accept_missing: with a state folder, go on where what earlier runs have kept is gone.
        metadata: connection to ML Metadata; None where the orchestrator has its own.

    Raises:
        ValueError: The search space cannot be used.
        SchemaError: The schema cannot be read.
    """
    pipeline_root, data_path = os.fspath(pipeline_root), os.fspath(data_path)
    state_folder = state_folder and os.fspath(state_folder)
    data = example_gen_settings(settings.data)
    examples = example_gen(data_path, data)
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = CuratedSchema(text=schema_text(settings.data.schema))
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    push_destination = tfx.proto.PushDestination(
        filesystem=tfx.proto.PushDestination.Filesystem(base_directory=os.fspath(model_directory))
    )
    previous_run = state_folder and PreviousRun(
        push_destination=proto_utils.proto_to_json(push_destination),
        state_folder=state_folder,
        trains_on=int(settings.training.start_from == "blessed"),
        accept_missing=int(accept_missing),
    )
    last_accepted = previous_run or last_accepted_data(current=statistics.outputs["statistics"])
    gate = DataGate(
        examples=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        anomalies=validator.outputs["anomalies"],
        schema=schema.outputs["schema"],
        log_format=json.dumps(dataclasses.asdict(data.format)),
        previous=last_accepted.outputs["accepted"],
    )
    transform = Transform(
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
        tuner = Tuner(
            tuner_fn="pipeline.components.tuner.search.tuner_fn",
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
    base = None
    if settings.training.start_from == "blessed":
        base = previous_run or base_model(examples=transform.outputs["transformed_examples"])
    trainer = Trainer(
        run_fn="pipeline.components.trainer.run_fn.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        base_model=base.outputs["model"] if base else None,
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        train_args=train_args,
        eval_args=eval_args,
        custom_config={
            **config,
            "backup_directory": os.path.join(pipeline_root, "Trainer", "backup"),
        },
    )
    export_check = ExportCheck(model=trainer.outputs["model"])
    baseline = previous_run or latest_blessed_model(candidate=trainer.outputs["model"])
    slice_features = SliceFeatures(examples=examples.outputs["examples"])
    evaluator = Evaluator(
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
        push_destination=push_destination,
    )
    components: list[BaseNode] = [
        examples,
        statistics,
        schema,
        validator,
        last_accepted,
        gate,
        transform,
        *filter(None, (tuner, base)),
        trainer,
        export_check,
        baseline,
        slice_features,
        evaluator,
        blessing,
        pusher,
    ]
    if state_folder:
        keep = KeepForNextRun(
            model=trainer.outputs["model"],
            pushed_model=pusher.outputs["pushed_model"],
            accepted=gate.outputs["accepted"],
            state_folder=state_folder,
        )
        page = RunPage(
            examples=examples.outputs["examples"],
            anomalies=validator.outputs["anomalies"],
            model=trainer.outputs["model"],
            model_run=trainer.outputs["model_run"],
            export_check=export_check.outputs["blessing"],
            baseline=baseline.outputs["model"],
            evaluation=evaluator.outputs["evaluation"],
            blessing=blessing.outputs["blessing"],
            pushed_model=pusher.outputs["pushed_model"],
            title=examples.exec_properties["input_base"],
            settings=json.dumps(dataclasses.asdict(settings), default=os.fspath),
            trainer_config=trainer.exec_properties["custom_config"],
        )
        components += [keep, page]
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=components,
        enable_cache=enable_cache,
        beam_pipeline_args=complete_beam_args(beam_args),
        metadata_connection_config=metadata,
    )


def example_gen_settings(data: DataSettings) -> ExampleGenSettings:
    """The settings of a person as ExampleGen takes them."""
    return ExampleGenSettings(
        format=log_format(data),
        k_core=data.k_core,
        max_bad_rows=data.max_bad_rows,
        periods=Periods(data.validation_period, data.test_period) if data.split == "time" else None,
        window_spans=data.window_spans,
    )
