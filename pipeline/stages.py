"""The components that a run has on every orchestrator, joined stage by stage."""

import dataclasses
import os
from typing import Any, NamedTuple

from tfx import v1 as tfx

# From their own modules: `tfx.components` turns an import that failed into None.
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.components.tuner.component import Tuner
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import BaseChannel

from pipeline import component_ids
from pipeline.components.blessing.component import Blessing
from pipeline.components.data_gate.component import DataGate
from pipeline.components.data_gate.schema_text import CuratedSchema, schema_text
from pipeline.components.evaluator.component import Evaluator
from pipeline.components.evaluator.eval_config import eval_config
from pipeline.components.example_gen.component import example_gen
from pipeline.components.example_gen.splits.split_example import (
    EXAMPLE_SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
)
from pipeline.components.export_check.component import ExportCheck
from pipeline.components.pusher.component import Pusher
from pipeline.components.slice_features.component import SliceFeatures
from pipeline.components.trainer.custom_config import TrainerConfig
from pipeline.components.tuner.custom_config import TunerConfig
from pipeline.components.tuner.search_space import read_search_space
from pipeline.settings import BlessingSettings, DataSettings, Settings, to_json


class Data(NamedTuple):
    """What is known of the log before anything is made of it."""

    examples: BaseNode
    statistics: BaseNode
    schema: BaseNode
    validator: BaseNode


class Prepared(NamedTuple):
    """Data that may be learned from, as numbers."""

    gate: BaseNode
    transform: BaseNode


class Released(NamedTuple):
    """What becomes of a model."""

    export_check: BaseNode
    slice_features: BaseNode
    evaluator: BaseNode
    blessing: BaseNode
    pusher: BaseNode


def read(data_path: str, settings: DataSettings) -> Data:
    """Reads and splits the log, and looks at its statistics.

    Raises:
        SchemaError: The schema cannot be read.
    """
    examples = example_gen(data_path, _of_the_log(settings))
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = CuratedSchema(text=schema_text(settings.schema))
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    return Data(examples, statistics, schema, validator)


def prepare(data: Data, settings: DataSettings, last_accepted: BaseChannel) -> Prepared:
    """Stops the run if the data look wrong, and makes numbers of raw ids."""
    gate = DataGate(
        examples=data.examples.outputs["examples"],
        statistics=data.statistics.outputs["statistics"],
        anomalies=data.validator.outputs["anomalies"],
        schema=data.schema.outputs["schema"],
        settings=to_json(_of_the_log(settings)),
        previous=last_accepted,
    )
    prepared = transform(data)
    # Nothing is learned from data that the gate refuses.
    prepared.add_upstream_node(gate)
    return Prepared(gate, prepared)


def transform(data: Data) -> Transform:
    """Makes numbers of raw ids."""
    return Transform(
        examples=data.examples.outputs["examples"],
        schema=data.schema.outputs["schema"],
        preprocessing_fn="pipeline.components.transform.preprocessing.preprocessing_fn",
        # The vocabulary holds every item that any Example shows, so Transform has to look beyond
        # the train split. Leave-one-out shows every event of a user in the test split, but a split
        # by time may show an item only as a target of validation.
        splits_config=tfx.proto.SplitsConfig(analyze=EXAMPLE_SPLITS, transform=EXAMPLE_SPLITS),
        # Nobody reads them: the raw statistics are StatisticsGen's.
        disable_statistics=True,
    )


def train(
    transform: BaseNode,
    settings: Settings,
    pipeline_root: str,
    base_model: BaseChannel | None = None,
) -> list[BaseNode]:
    """Searches for settings, if that is asked for, and trains: the Trainer is the last.

    Args:
        transform: What is learned from.
        settings: Of the run.
        pipeline_root: Folder of the artifacts, where what is killed goes on from.
        base_model: What the training goes on from; None starts from random weights.

    Raises:
        ValueError: The search space cannot be used.
    """
    inputs = {
        "examples": transform.outputs["transformed_examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "train_args": tfx.proto.TrainArgs(splits=[TRAIN]),
        "eval_args": tfx.proto.EvalArgs(splits=[VALIDATION]),
    }

    def config(component: str, kind: type[TrainerConfig] = TrainerConfig, **more: Any) -> Any:
        backup = os.path.join(pipeline_root, component, "backup")
        return dataclasses.asdict(kind(settings.model, settings.training, backup, **more))

    tuning: list[BaseNode] = []
    if settings.tuning.trials:
        space = read_search_space(settings.tuning.search_space)
        tuning = [
            Tuner(
                tuner_fn="pipeline.components.tuner.search.tuner_fn",
                custom_config=config(
                    component_ids.TUNER, TunerConfig, trials=settings.tuning.trials, space=space
                ),
                **inputs,
            )
        ]
    trainer = Trainer(
        run_fn="pipeline.components.trainer.run_fn.run_fn",
        base_model=base_model,
        hyperparameters=tuning[0].outputs["best_hyperparameters"] if tuning else None,
        custom_config=config(component_ids.TRAINER),
        **inputs,
    )
    return [*tuning, trainer]


def release(
    data: Data,
    trainer: BaseNode,
    baseline: BaseChannel,
    settings: BlessingSettings,
    push_destination: tfx.proto.PushDestination,
) -> Released:
    """Checks and evaluates the model, and pushes it if it is blessed.

    Args:
        data: What was read.
        trainer: The model's.
        baseline: The model that it is compared with.
        settings: What it must reach.
        push_destination: Where versions go.
    """
    model = trainer.outputs["model"]
    export_check = ExportCheck(model=model)
    slice_features = SliceFeatures(examples=data.examples.outputs["examples"])
    evaluator = Evaluator(
        examples=slice_features.outputs["sliced_examples"],
        example_splits=[TEST],
        model=model,
        baseline_model=baseline,
        eval_config=eval_config(),
    )
    blessing = Blessing(
        model=model,
        evaluation=evaluator.outputs["evaluation"],
        export_check=export_check.outputs["blessing"],
        settings=to_json(settings),
    )
    pusher = Pusher(
        model=model,
        model_blessing=blessing.outputs["blessing"],
        push_destination=push_destination,
    )
    return Released(export_check, slice_features, evaluator, blessing, pusher)


def _of_the_log(settings: DataSettings) -> DataSettings:
    """Without the schema, whose text is an input of its own: another file is no other log."""
    return dataclasses.replace(settings, schema="")
