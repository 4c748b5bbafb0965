"""What a run takes of earlier runs: the latest of a kind that is not of the run itself.

A run that was killed and is started again finds among the latest what it has made before: it would
be compared with itself, go on from its own result, and push a second model of the same data. So
would every repetition of a run that has ended. Each strategy here leaves the run's own out first.
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
    """Resolves the latest of what is not the run's own.

    Attributes:
        sought: The input of which one is resolved.
        current: The input that tells what the run's own is; it is resolved to itself.
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
        """Numbers of what is sought and is the run's own."""

    @abc.abstractmethod
    def _latest(self, store: MetadataStore, others: Artifacts) -> Artifacts:
        """The latest of what is sought, with what else was resolved."""


class LatestAcceptedDataStrategy(_LatestOfOtherRuns):
    """Resolves the data accepted last, of other statistics than the current ones."""

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
        """What was written by the executions that read the Examples."""
        read = store.get_events_by_artifact_ids([examples.id for examples in inputs["examples"]])
        readers = {event.execution_id for event in read if event.type == Event.INPUT}
        events = store.get_events_by_execution_ids(readers) if readers else []
        return {event.artifact_id for event in events if event.type == Event.OUTPUT}


def last_accepted_data(current: types.BaseChannel) -> Resolver:
    """A resolver with the output `accepted`, empty if nothing was accepted yet.

    Args:
        current: StatisticsGen's output, which must not be compared with itself.
    """
    return Resolver(
        strategy_class=LatestAcceptedDataStrategy,
        accepted=Channel(type=AcceptedData),
        current=current,
    ).with_id(component_ids.LAST_ACCEPTED_DATA)


def latest_blessed_model(candidate: types.BaseChannel) -> Resolver:
    """A resolver with the output `model`, empty if no model was blessed yet.

    Args:
        candidate: The model that must not be its own baseline.
    """
    return Resolver(
        strategy_class=LatestBlessedOtherModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        candidate=candidate,
    ).with_id(component_ids.LATEST_BLESSED_MODEL)


def base_model(examples: types.BaseChannel) -> Resolver:
    """A resolver with the output `model`, empty if no model of other data was blessed yet.

    Args:
        examples: What the training reads.
    """
    return Resolver(
        strategy_class=LatestBlessedModelOfOtherDataStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        examples=examples,
    ).with_id(component_ids.BASE_MODEL)
