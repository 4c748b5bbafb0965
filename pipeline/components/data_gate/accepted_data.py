"""The data that the gate accepted, as an artifact."""

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


# No other output of this pipeline has this type, so the resolver finds the artifact by it. Kubeflow
# knows the type.
AcceptedData = Statistics
"""Statistics that the next data are compared with, and the spans that need no second check.

The custom property `of_statistics` holds the folder of StatisticsGen's output.
"""


def statistics_file(folder: str, name: str) -> str:
    """The file of the statistics of one part of the data.

    Args:
        folder: The folder of the artifact.
        name: A split, or a name for a span.
    """
    return os.path.join(folder, f"{name}.pb")


def read_statistics(folder: str, name: str) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """Reads the statistics of one part of the data. None if there are none."""
    file = statistics_file(folder, name)
    return tfdv.load_stats_binary(file) if fileio.exists(file) else None


def write_spans(folder: str, spans: list[Span]) -> None:
    """Writes the accepted spans to the folder of the artifact."""
    with fileio.open(os.path.join(folder, _SPANS_FILE), "w") as file:
        file.write(json.dumps([dataclasses.asdict(span) for span in spans], indent=1))


def read_spans(folder: str) -> list[Span]:
    """Reads the accepted spans from the folder of the artifact."""
    with fileio.open(os.path.join(folder, _SPANS_FILE)) as file:
        return [Span(**span) for span in json.loads(file.read())]
