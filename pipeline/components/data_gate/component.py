"""The gate between the data and Transform: anomalies and drift stop the run."""

import os

import apache_beam as beam
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies, Examples, ExampleStatistics, Schema
from tfx.utils import io_utils

from mclrec_tf.data.event_log.reader import EventLogFormat, event_log_files
from pipeline.components.data_gate.accepted_data import (
    OF_STATISTICS,
    AcceptedData,
    read_spans,
    read_statistics,
    statistics_file,
    write_spans,
)
from pipeline.components.data_gate.anomalies import DataRefused, findings, read_findings
from pipeline.components.data_gate.schema_text import HISTORIES, load_schema
from pipeline.components.data_gate.span_statistics import LogStatistics
from pipeline.components.example_gen.event_log.log_report import read_report
from pipeline.components.example_gen.event_log.span import Span
from pipeline.settings import DataSettings, from_json

_NEWEST_SPAN = "newest_span"


@component(use_beam=True)
def DataGate(
    examples: InputArtifact[Examples],
    statistics: InputArtifact[ExampleStatistics],
    anomalies: InputArtifact[ExampleAnomalies],
    schema: InputArtifact[Schema],
    accepted: OutputArtifact[AcceptedData],
    settings: Parameter[str],
    pipeline: BeamComponentParameter[beam.Pipeline] = None,
    previous: InputArtifact[AcceptedData] = None,
) -> None:
    """Stops the run if ExampleValidator found anomalies or the data drifted.

    In a log of spans, each span that was not accepted yet is read once, checked against the schema
    and compared with the last good span. In a log without spans, the Examples of each split are
    compared with those that were accepted last. The first data are compared with nothing.

    Args:
        examples: ExampleGen's output.
        statistics: StatisticsGen's output for these Examples.
        anomalies: ExampleValidator's output for these statistics.
        schema: The schema with the limits.
        accepted: The output: what the next run compares its data with.
        settings: `DataSettings` as JSON, which say how spans are read.
        pipeline: An empty Beam pipeline.
        previous: The data that an earlier run accepted last. None if there are none.

    Raises:
        DataRefused: There are anomalies or drift. The message lists all of them.
    """
    found = read_findings(anomalies.uri)
    limits = load_schema(schema.uri)
    spans = read_report(examples.uri).spans
    if spans:
        format = from_json(DataSettings, settings).format
        found += check_spans(spans, format, limits, accepted.uri, previous, pipeline)
    else:
        found += check_splits(statistics, limits, accepted.uri, previous)
    if found:
        # The check for drift applies the whole schema, so it may find anomalies a second time.
        raise DataRefused(list(dict.fromkeys(found)))
    write_spans(accepted.uri, spans)
    accepted.set_string_custom_property(OF_STATISTICS, statistics.uri)


def check_splits(
    artifact: ExampleStatistics,
    limits: schema_pb2.Schema,
    accepted: str,
    previous: AcceptedData | None,
) -> list[str]:
    """Compares the Examples of each split with those that were accepted last.

    Args:
        artifact: StatisticsGen's output.
        limits: The schema.
        accepted: The folder that gets the statistics of these Examples.
        previous: The data that were accepted last. None if there are none.

    Returns:
        One line for each anomaly.
    """
    found: list[str] = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        current = stats_artifact_utils.load_statistics(artifact, split).proto()
        before = read_statistics(previous.uri, split) if previous else None
        if before:
            drift = tfdv.validate_statistics(current, limits, previous_statistics=before)
            found += findings(f"split {split}", drift)
        io_utils.write_bytes_file(statistics_file(accepted, split), current.SerializeToString())
    return found


def check_spans(
    spans: list[Span],
    format: EventLogFormat,
    limits: schema_pb2.Schema,
    accepted: str,
    previous: AcceptedData | None,
    pipeline: beam.Pipeline,
) -> list[str]:
    """Checks each new span against the schema, and compares it with the last good span before it.

    Args:
        spans: All spans that were read, oldest first.
        format: How the log is read.
        limits: The schema.
        accepted: The folder that gets the statistics of the last good span.
        previous: The data that were accepted last. Their spans are not checked again.
        pipeline: An empty Beam pipeline, which reads the new spans.

    Returns:
        One line for each anomaly.
    """
    last_good = read_statistics(previous.uri, _NEWEST_SPAN) if previous else None
    # The first run has nothing to compare with, so it checks the newest span only.
    known = read_spans(previous.uri) if previous and last_good else spans[:-1]
    new = [span for span in spans if span not in known]
    found: list[str] = []
    if new:
        folder = os.path.join(accepted, "working")
        with pipeline:
            for span in new:
                file = statistics_file(folder, str(span.number))
                files = event_log_files(span.path, format)
                _ = pipeline | f"Span{span.number}" >> LogStatistics(files, format, file)
        for span in new:
            current = read_statistics(folder, str(span.number))
            wrong = tfdv.validate_statistics(
                current, limits, environment=HISTORIES, previous_statistics=last_good
            )
            lines = list(findings(f"span {span.number} ({span.path})", wrong))
            found += lines
            last_good = last_good if lines else current
        fileio.rmtree(folder)
    if last_good:
        file = statistics_file(accepted, _NEWEST_SPAN)
        io_utils.write_bytes_file(file, last_good.SerializeToString())
    return found
