"""The model that a training goes on from: the latest blessed one that was trained on other data."""

from ml_metadata import metadata_store
from ml_metadata.proto.metadata_store_pb2 import Event
from tfx import types
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.types import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing


class LatestBlessedOfOtherDataStrategy(ResolverStrategy):
    """Resolves the latest blessed model that was not trained on the current Examples.

    A run that was killed after its model was blessed would, started again, find that model as the
    latest blessed one: it would go on from its own result, and push a second model of the same
    data. So would every repetition of a run that has ended.
    """

    def resolve_artifacts(
        self,
        store: metadata_store.MetadataStore,
        input_dict: dict[str, list[types.Artifact]],
    ) -> dict[str, list[types.Artifact]]:
        examples = input_dict["examples"]
        own = _made_from(store, [artifact.id for artifact in examples])
        others = [model for model in input_dict["model"] if model.id not in own]
        latest = LatestBlessedModelStrategy().resolve_artifacts(
            store, {"model": others, "model_blessing": input_dict["model_blessing"]}
        )
        return {**(latest or {}), "examples": examples}


def base_model(examples: types.BaseChannel) -> Resolver:
    """A resolver with the output `model`, empty if no model of other data was blessed yet.

    Args:
        examples: what the training reads.
    """
    return Resolver(
        strategy_class=LatestBlessedOfOtherDataStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        examples=examples,
    ).with_id("BaseModel")


def _made_from(store: metadata_store.MetadataStore, artifacts: list[int]) -> set[int]:
    """Ids of what was written by the executions that read one of the artifacts."""
    readers = {
        event.execution_id
        for event in store.get_events_by_artifact_ids(artifacts)
        if event.type == Event.INPUT
    }
    events = store.get_events_by_execution_ids(readers) if readers else []
    return {event.artifact_id for event in events if event.type == Event.OUTPUT}
