"""Compares served histories with those of training, using TFDV."""

import os
import tempfile
from collections.abc import Sequence

import apache_beam as beam
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from mclrec_tf.data.event_log.reader import EventLogFormat
from pipeline.components.data_gate.anomalies import findings
from pipeline.components.data_gate.schema_text import HISTORIES, schema_text
from pipeline.components.data_gate.span_statistics import HistoryStatistics
from pipeline.jobs.batch_inference.user_histories import (
    EventLogHistories,
    ExampleHistories,
    find_histories,
)
from pipeline.jobs.request_log.record_files import is_request_log
from pipeline.jobs.serving_skew.logged import write_logged_examples
from pipeline.jobs.serving_skew.served import write_examples


def skew(
    *,
    data: str | os.PathLike[str],
    served: str | os.PathLike[str],
    schema: str | os.PathLike[str],
    format: EventLogFormat,
    max_bad_rows: float,
    beam_args: Sequence[str],
) -> tuple[list[str], list[str]]:
    """Finds out how served histories differ from those of training.

    Args:
        data: The event log or the Examples of the training.
        served: JSON lines (a file whose name ends in `.jsonl`), what a server has logged, Examples,
            or an event log.
        schema: The file of the schema whose `skew_comparator`s are the limits. "" stands for the
            built-in schema.
        format: How event logs are read.
        max_bad_rows: The largest share of unusable rows in an event log, from 0 to 1.
        beam_args: Beam's options.

    Returns:
        One line for each limit that is violated, and sentences on what was left out.

    Raises:
        EventLogError: An event log cannot be used.
        HistoriesError: Examples, JSON lines or a request log cannot be used.
        SchemaError: The schema cannot be read.
    """
    data, served = os.fspath(data), os.fspath(served)
    limits = text_format.Parse(schema_text(schema), schema_pb2.Schema())
    with tempfile.TemporaryDirectory() as folder:
        trained = find_histories(data, format, max_bad_rows)
        examples, notes = served, []
        written = os.path.join(folder, "served.tfrecord")
        if served.endswith(".jsonl"):
            examples = written
            write_examples(served, examples)
        elif is_request_log(served):
            examples = written
            notes = write_logged_examples(served, examples)
        requested = find_histories(examples, format, max_bad_rows)
        anomalies = tfdv.validate_statistics(
            _statistics(trained, os.path.join(folder, "trained"), beam_args),
            limits,
            environment=HISTORIES,
            serving_statistics=_statistics(requested, os.path.join(folder, "requested"), beam_args),
        )
    return list(findings(f"{served} against {data}", anomalies)), notes


def _statistics(
    histories: EventLogHistories | ExampleHistories, folder: str, beam_args: Sequence[str]
) -> statistics_pb2.DatasetFeatureStatisticsList:
    file = os.path.join(folder, "statistics.pb")
    options = beam.pipeline.PipelineOptions(list(beam_args))
    with beam.Pipeline(options=options) as pipeline:
        _ = histories.read(pipeline, folder) | HistoryStatistics(file)
    histories.check(folder)
    return tfdv.load_stats_binary(file)
