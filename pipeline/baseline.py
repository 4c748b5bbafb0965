"""The model a new one is compared with: the latest blessed one."""

from tfx import types
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.types import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing


class LatestOtherBlessedModelStrategy(ResolverStrategy):
    """Resolves the latest blessed model that is not the candidate itself.

    With TFX's own strategy a run that was killed after the Evaluator would, started again, find
    its own model as the latest blessed one: the Evaluator's input would have changed, so it would
    run again, and compare the model with itself.
    """

    def resolve_artifacts(
        self, store: object, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        others = [model for model in input_dict["model"] if model.id not in candidates]
        if not others or not input_dict["model_blessing"]:
            return {"model": [], "model_blessing": [], "candidate": input_dict["candidate"]}
        latest = LatestBlessedModelStrategy().resolve_artifacts(
            store, {"model": others, "model_blessing": input_dict["model_blessing"]}
        )
        return {**(latest or {}), "candidate": input_dict["candidate"]}


def latest_blessed_model(candidate: types.BaseChannel) -> Resolver:
    """A resolver with the output `model`, empty if no model was blessed yet.

    Args:
        candidate: the model that must not be its own baseline.
    """
    return Resolver(
        strategy_class=LatestOtherBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        candidate=candidate,
    ).with_id("LatestBlessedModel")
