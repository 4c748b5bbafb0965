"""TFDV's statistics of histories, in one span of a log or in requests to a server."""

import os

import apache_beam as beam
import tensorflow_data_validation as tfdv
from tfx_bsl.public.tfxio import TFExampleBeamRecord

from mclrec_tf.data.event_log.reader import EventLogFormat
from pipeline import component_ids
from pipeline.components.example_gen.event_log.read_log import read_log
from pipeline.components.example_gen.histories.user_history import UserHistory, to_example


class HistoryStatistics(beam.PTransform):
    """Writes the statistics of histories to a file.

    Args:
        file: The file to write, a binary `DatasetFeatureStatisticsList`.
    """

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = file

    def expand(self, histories: beam.PCollection[UserHistory]) -> None:
        source = TFExampleBeamRecord(
            physical_format="inmem", telemetry_descriptors=[component_ids.DATA_GATE]
        )
        _ = (
            histories
            | "ToExample" >> beam.Map(to_example)
            | "Decode" >> source.BeamSource()
            | "Statistics" >> tfdv.GenerateStatistics(tfdv.StatsOptions())
            | "Write" >> tfdv.WriteStatisticsToBinaryFile(self._file)
        )


class LogStatistics(beam.PTransform):
    """Writes the statistics of the histories in a part of an event log, one history per user.

    Args:
        files: The files of that part.
        format: How the log is read.
        file: The file to write, a binary `DatasetFeatureStatisticsList`.
    """

    def __init__(self, files: list[str], format: EventLogFormat, file: str) -> None:
        super().__init__()
        self._files = files
        self._format = format
        self._file = file

    def expand(self, start: beam.pvalue.PBegin) -> None:
        summaries = os.path.splitext(self._file)[0] + "-summaries"
        _ = read_log(
            start, self._files, self._format, summaries
        ) | "Histories" >> HistoryStatistics(self._file)
