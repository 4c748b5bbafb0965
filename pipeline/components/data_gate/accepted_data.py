"""What the gate accepted: the artifact, and how a later run finds the last one."""

import dataclasses
import json
import os

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.dsl.io import fileio
from tfx.types import Channel
from tfx.types.experimental.simple_artifacts import Statistics

from pipeline.components.example_gen.span import Span

OF_STATISTICS = "of_statistics"
_SPANS_FILE = "spans.json"


# Of a type that nothing else here has, by which the resolver finds it, and that Kubeflow knows.
AcceptedData = Statistics
"""Statistics that the next data are compared with, and the spans that need no second look.

The custom property `of_statistics` is the folder of StatisticsGen's output.
"""


def statistics_file(folder: str, name: str) -> str:
    """The file of the statistics of a part of the data."""
    return os.path.join(folder, f"{name}.pb")


def read_statistics(folder: str, name: str) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """Reads them; None if there are none."""
    file = statistics_file(folder, name)
    return tfdv.load_stats_binary(file) if fileio.exists(file) else None


def write_spans(folder: str, spans: list[Span]) -> None:
    """Writes down the accepted spans."""
    with fileio.open(os.path.join(folder, _SPANS_FILE), "w") as file:
        file.write(json.dumps([dataclasses.asdict(span) for span in spans], indent=1))


def read_spans(folder: str) -> list[Span]:
    """Reads the accepted spans."""
    with fileio.open(os.path.join(folder, _SPANS_FILE)) as file:
        return [Span(**span) for span in json.loads(file.read())]


class LatestOtherStrategy(ResolverStrategy):
    """Resolves the data accepted last, of other statistics than the current ones.

    A run that is started again, or with other settings of the model, is compared with what it was
    compared with before, and not with itself.
    """

    def resolve_artifacts(
        self, store: object, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        del store
        current = {artifact.uri for artifact in input_dict["current"]}
        others = [
            accepted
            for accepted in input_dict["accepted"]
            if accepted.get_string_custom_property(OF_STATISTICS) not in current
        ]
        newest = sorted(others, key=lambda accepted: accepted.id)[-1:]
        return {"accepted": newest, "current": input_dict["current"]}


def last_accepted_data(current: types.BaseChannel) -> Resolver:
    """A resolver with the output `accepted`, empty if nothing was accepted yet.

    Args:
        current: StatisticsGen's output, which must not be compared with itself.
    """
    return Resolver(
        strategy_class=LatestOtherStrategy, accepted=Channel(type=AcceptedData), current=current
    ).with_id("LastAcceptedData")
