"""The components that a run has on every orchestrator, connected stage by stage."""

import dataclasses
import os
from typing import Any, NamedTuple

from tfx import v1 as tfx

# These come from their own modules, because `tfx.components` turns a failed import into None.
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
from pipeline.components.evaluation_features.component import EvaluationFeatures
from pipeline.components.evaluator.component import Evaluator
from pipeline.components.evaluator.eval_config import eval_config
from pipeline.components.evaluator.list_features import LONGEST
from pipeline.components.example_gen.component import example_gen
from pipeline.components.example_gen.splits.split_example import (
    EXAMPLE_SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
)
from pipeline.components.export_check.component import ExportCheck
from pipeline.components.item_features.component import ItemFeatures
from pipeline.components.item_transitions.component import ItemTransitions
from pipeline.components.pusher.component import Pusher
from pipeline.components.refit.component import Refit
from pipeline.components.trainer.custom_config import TrainerConfig
from pipeline.components.tuner.custom_config import TunerConfig
from pipeline.components.tuner.search_space import read_search_space
from pipeline.settings import DataSettings, Settings, to_json


class Data(NamedTuple):
    """The components that read and check the log."""

    examples: BaseNode
    statistics: BaseNode
    schema: BaseNode
    validator: BaseNode


class Prepared(NamedTuple):
    """The components that accept the data and transform them.

    With a table of the catalogue, a third one adds features and items without events.
    """

    gate: BaseNode
    transform: BaseNode
    item_features: BaseNode | None

    @property
    def components(self) -> list[BaseNode]:
        """Those that there are."""
        return [component for component in self if component is not None]

    @property
    def examples(self) -> BaseChannel:
        """The transformed Examples."""
        return self.transform.outputs["transformed_examples"]

    @property
    def transform_graph(self) -> BaseChannel:
        """Transform's output with the vocabulary of the whole catalogue."""
        if self.item_features is not None:
            return self.item_features.outputs["catalogue"]
        return self.transform.outputs["transform_graph"]


class Judged(NamedTuple):
    """The components that check, evaluate and bless a model."""

    export_check: BaseNode
    item_transitions: BaseNode
    evaluation_features: BaseNode
    evaluator: BaseNode
    blessing: BaseNode


def read(data_path: str, settings: DataSettings) -> Data:
    """Reads and splits the log, and validates its statistics.

    Args:
        data_path: The event log: a file, a folder or a glob pattern, perhaps with spans.
        settings: How the log is read, filtered and split, and its schema.

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


def prepare(
    data: Data, settings: Settings, last_accepted: BaseChannel, fingerprint: str = ""
) -> Prepared:
    """Stops the run if the data are anomalous, and maps raw ids to integers.

    Args:
        data: The components of `read`.
        settings: The settings of the run.
        last_accepted: The data that an earlier run accepted last.
        fingerprint: That of the table of the catalogue, if there is one and a cache.
    """
    gate = DataGate(
        examples=data.examples.outputs["examples"],
        statistics=data.statistics.outputs["statistics"],
        anomalies=data.validator.outputs["anomalies"],
        schema=data.schema.outputs["schema"],
        settings=to_json(_of_the_log(settings.data)),
        previous=last_accepted,
    )
    prepared = transform(data)
    # Data that the gate refuses must not be used for training.
    prepared.add_upstream_node(gate)
    item_features = None
    if settings.catalogue.items:
        item_features = ItemFeatures(
            transform_graph=prepared.outputs["transform_graph"],
            settings=to_json(settings.catalogue),
            item_column=settings.data.item_column,
            fingerprint=fingerprint,
        )
    return Prepared(gate, prepared, item_features)


def transform(data: Data) -> Transform:
    """Maps raw ids to integers.

    Args:
        data: The components of `read`.
    """
    return Transform(
        examples=data.examples.outputs["examples"],
        schema=data.schema.outputs["schema"],
        preprocessing_fn="pipeline.components.transform.preprocessing.preprocessing_fn",
        # The vocabulary has every item of every Example, so Transform has to analyze more than the
        # train split. With leave-one-out, the test split would suffice. With a split by time, an
        # item may occur only as a target of the validation split.
        splits_config=tfx.proto.SplitsConfig(analyze=EXAMPLE_SPLITS, transform=EXAMPLE_SPLITS),
        # Nothing reads these statistics. Those of the raw data are StatisticsGen's.
        disable_statistics=True,
    )


def train(
    prepared: Prepared,
    settings: Settings,
    pipeline_root: str,
    base_model: BaseChannel | None = None,
) -> list[BaseNode]:
    """Searches for hyperparameters, if the settings have trials, and trains.

    Args:
        prepared: The components of `prepare`.
        settings: The settings of the run.
        pipeline_root: The folder of the artifacts, in which backups of unfinished trainings are
            kept.
        base_model: The model with whose weights training begins. None, the default, begins with
            random weights.

    Returns:
        The components. The Trainer is the last one.

    Raises:
        ValueError: The search space cannot be used.
    """
    inputs = {
        "examples": prepared.examples,
        "transform_graph": prepared.transform_graph,
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


def judge(
    data: Data,
    prepared: Prepared,
    trainer: BaseNode,
    baseline: BaseChannel,
    settings: Settings,
) -> Judged:
    """Checks and evaluates the model, and blesses it if it is good enough.

    Args:
        data: The components of `read`.
        prepared: The components of `prepare`.
        trainer: The component Trainer.
        baseline: The model that the new one is compared with.
        settings: The settings of the run.
    """
    model = trainer.outputs["model"]
    export_check = ExportCheck(model=model)
    item_transitions = ItemTransitions(
        transformed_examples=prepared.examples,
        transform_graph=prepared.transform_graph,
    )
    evaluation_features = EvaluationFeatures(
        examples=data.examples.outputs["examples"],
        transform_graph=prepared.transform_graph,
        transitions=item_transitions.outputs["transitions"],
        list_length=LONGEST,
    )
    evaluator = Evaluator(
        examples=evaluation_features.outputs["test_examples"],
        example_splits=[TEST],
        model=model,
        baseline_model=baseline,
        eval_config=eval_config(bool(settings.catalogue.items)),
    )
    blessing = Blessing(
        model=model,
        evaluation=evaluator.outputs["evaluation"],
        export_check=export_check.outputs["blessing"],
        settings=to_json(settings.blessing),
    )
    return Judged(export_check, item_transitions, evaluation_features, evaluator, blessing)


def push(
    data: Data,
    prepared: Prepared,
    trainer: BaseNode,
    blessing: BaseNode,
    settings: Settings,
    pipeline_root: str,
    push_destination: tfx.proto.PushDestination,
) -> list[BaseNode]:
    """Pushes a blessed model, after it has learned from every event if the settings say so.

    Args:
        data: The components of `read`.
        prepared: The components of `prepare`.
        trainer: The component Trainer.
        blessing: The component Blessing.
        settings: The settings of the run.
        pipeline_root: The folder of the artifacts, in which backups of unfinished trainings are
            kept.
        push_destination: The folder of the versions.

    Returns:
        The components. The Pusher is the last one.
    """
    model, refit = trainer.outputs["model"], []
    if settings.release.refit:
        refit = [
            Refit(
                examples=data.examples.outputs["examples"],
                transform_graph=prepared.transform_graph,
                evaluated_model=model,
                model_run=trainer.outputs["model_run"],
                blessing=blessing.outputs["blessing"],
                settings=to_json(settings.release),
                backup_directory=os.path.join(pipeline_root, component_ids.REFIT, "backup"),
            )
        ]
        model = refit[0].outputs["model"]
    pusher = Pusher(
        model=model,
        model_blessing=blessing.outputs["blessing"],
        push_destination=push_destination,
    )
    return [*refit, pusher]


def _of_the_log(settings: DataSettings) -> DataSettings:
    """The settings without the path of the schema.

    The text of the schema is an input of its own, so another path does not change the log.
    """
    return dataclasses.replace(settings, schema="")
