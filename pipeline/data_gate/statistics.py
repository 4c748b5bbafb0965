"""TFDV's statistics of histories, as a span of a log or a server's log holds them."""

import os

import apache_beam as beam
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tfx_bsl.public.tfxio import TFExampleBeamRecord

from mclrec_tf.data.event_log import EventLogFormat
from pipeline.example_gen.read_log import read_log
from pipeline.example_gen.user_history import UserHistory, bytes_feature, int64_feature


class HistoryStatistics(beam.PTransform):
    """Serialised tf.train.Examples -> a binary file of their statistics."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = file

    def expand(self, examples: beam.PCollection[bytes]) -> None:
        source = TFExampleBeamRecord(physical_format="inmem", telemetry_descriptors=["DataGate"])
        _ = (
            examples
            | "Decode" >> source.BeamSource()
            | "Statistics" >> tfdv.GenerateStatistics(tfdv.StatsOptions())
            | "Write" >> tfdv.WriteStatisticsToBinaryFile(self._file)
        )


class LogStatistics(beam.PTransform):
    """Statistics of a part of an event log, a history a user.

    Args:
        files: the part's files.
        format: names of the columns.
        file: the binary file to write.
    """

    def __init__(self, files: list[str], format: EventLogFormat, file: str) -> None:
        super().__init__()
        self._files = files
        self._format = format
        self._file = file

    def expand(self, start: beam.pvalue.PBegin) -> None:
        summaries = os.path.splitext(self._file)[0] + "-summaries"
        _ = (
            read_log(start, self._files, self._format, summaries)
            | "ToExample" >> beam.Map(_to_example)
            | "Statistics" >> HistoryStatistics(self._file)
        )


def _to_example(history: UserHistory) -> bytes:
    feature = {
        "user_id": bytes_feature([history.user_id]),
        "history": bytes_feature(history.items),
        "timestamps": int64_feature(history.timestamps),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
