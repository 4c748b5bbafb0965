"""What the gate accepted, as an artifact."""

import dataclasses
import json
import os

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.dsl.io import fileio
from tfx.types.experimental.simple_artifacts import Statistics

from pipeline.components.example_gen.event_log.span import Span

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
