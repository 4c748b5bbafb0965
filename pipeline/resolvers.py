"""The resolvers: they find the latest artifact of a kind that is not from the run itself.

A run that was killed and is started again finds its own artifacts among the latest. It would be
compared with itself, begin training with its own result, and push a second model of the same data.
The same holds for the repetition of a finished run. So each strategy here first leaves out the
run's own artifacts.
"""

import abc
from typing import ClassVar

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Event
from tfx import types
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.types import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from pipeline import component_ids
from pipeline.components.data_gate.accepted_data import OF_STATISTICS, AcceptedData

Artifacts = dict[str, list[types.Artifact]]


class _LatestOfOtherRuns(ResolverStrategy):
    """Resolves the latest artifact that is not from the run itself.

    Attributes:
        sought: The name of the input with the candidates, of which one is resolved.
        current: The name of the input by which the run's own artifacts are recognized. It is
            resolved to itself.
    """

    sought: ClassVar[str]
    current: ClassVar[str]

    def resolve_artifacts(self, store: MetadataStore, input_dict: Artifacts) -> Artifacts:
        own = self._own(store, input_dict)
        others = {**input_dict}
        current = others.pop(self.current)
        others[self.sought] = [found for found in others[self.sought] if found.id not in own]
        return {**self._latest(store, others), self.current: current}

    @abc.abstractmethod
    def _own(self, store: MetadataStore, inputs: Artifacts) -> set[int]:
        """The ids of the candidates that are from the run itself."""

    @abc.abstractmethod
    def _latest(self, store: MetadataStore, others: Artifacts) -> Artifacts:
        """The latest candidate, with the other inputs."""


class LatestAcceptedDataStrategy(_LatestOfOtherRuns):
    """Resolves the data accepted last whose statistics are not the current ones."""

    sought, current = "accepted", "current"

    def _own(self, store: MetadataStore, inputs: Artifacts) -> set[int]:
        uris = {statistics.uri for statistics in inputs["current"]}
        return {
            accepted.id
            for accepted in inputs["accepted"]
            if accepted.get_string_custom_property(OF_STATISTICS) in uris
        }

    def _latest(self, store: MetadataStore, others: Artifacts) -> Artifacts:
        return {"accepted": sorted(others["accepted"], key=lambda accepted: accepted.id)[-1:]}


class _LatestBlessed(_LatestOfOtherRuns):
    sought = "model"

    def _latest(self, store: MetadataStore, others: Artifacts) -> Artifacts:
        return LatestBlessedModelStrategy().resolve_artifacts(store, others) or {}


class LatestBlessedOtherModelStrategy(_LatestBlessed):
    """Resolves the latest blessed model that is not the candidate itself."""

    current = "candidate"

    def _own(self, store: MetadataStore, inputs: Artifacts) -> set[int]:
        return {candidate.id for candidate in inputs["candidate"]}


class LatestBlessedModelOfOtherDataStrategy(_LatestBlessed):
    """Resolves the latest blessed model that was not trained on the current Examples."""

    current = "examples"

    def _own(self, store: MetadataStore, inputs: Artifacts) -> set[int]:
        """The ids of the outputs of the executions that have read the Examples."""
        read = store.get_events_by_artifact_ids([examples.id for examples in inputs["examples"]])
        readers = {event.execution_id for event in read if event.type == Event.INPUT}
        events = store.get_events_by_execution_ids(readers) if readers else []
        return {event.artifact_id for event in events if event.type == Event.OUTPUT}


def last_accepted_data(current: types.BaseChannel) -> Resolver:
    """A resolver with the output `accepted`, which is empty if no data were accepted yet.

    Args:
        current: StatisticsGen's output. Data accepted with these statistics are left out.
    """
    return Resolver(
        strategy_class=LatestAcceptedDataStrategy,
        accepted=Channel(type=AcceptedData),
        current=current,
    ).with_id(component_ids.LAST_ACCEPTED_DATA)


def latest_blessed_model(candidate: types.BaseChannel) -> Resolver:
    """A resolver with the output `model`, which is empty if no model was blessed yet.

    Args:
        candidate: The model of this run, which must not be its own baseline.
    """
    return Resolver(
        strategy_class=LatestBlessedOtherModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        candidate=candidate,
    ).with_id(component_ids.LATEST_BLESSED_MODEL)


def base_model(examples: types.BaseChannel) -> Resolver:
    """A resolver with the output `model`, which is empty if no model of other data was blessed yet.

    Args:
        examples: The Examples of the training. Models that were trained on them are left out.
    """
    return Resolver(
        strategy_class=LatestBlessedModelOfOtherDataStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        examples=examples,
    ).with_id(component_ids.BASE_MODEL)
