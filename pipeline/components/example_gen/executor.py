"""The executor of ExampleGen: from an event log to one tf.train.Example per user and split."""

import os
from typing import Any

import apache_beam as beam
import tensorflow as tf
from absl import logging
from tfx import types
from tfx.components.example_gen import utils
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.types import artifact_utils, standard_component_specs

from pipeline.components.example_gen.custom_config import unpack
from pipeline.components.example_gen.event_log.log_checks import (
    check_bad_rows,
    check_can_learn,
    check_has_time,
    check_left,
    check_log,
    check_readable,
    check_splits,
)
from pipeline.components.example_gen.event_log.log_location import log_path
from pipeline.components.example_gen.event_log.log_report import EventLogReport, notes
from pipeline.components.example_gen.event_log.newest_spans import log_files
from pipeline.components.example_gen.event_log.read_log import read_log, read_summaries
from pipeline.components.example_gen.histories.beam_k_core import k_core
from pipeline.components.example_gen.histories.history_folder import (
    ReadHistories,
    WriteHistories,
    read_totals,
)
from pipeline.components.example_gen.splits.by_time import SplitByTime
from pipeline.components.example_gen.splits.leave_one_out import LeaveOneOut
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS
from pipeline.components.example_gen.splits.user_counts import WriteSplitUsers, read_split_users
from pipeline.settings import DataSettings

# Counted along with the users of each split: the users with two events in training, the only ones
# from whom a model can learn.
_LEARNERS = "learners"


class Executor(BaseExampleGenExecutor):
    """Reads an event log, filters it to its k-core and holds out each user's last events.

    There are three steps: `read_log`, `k_core`, and `LeaveOneOut` or `SplitByTime`. Each has Beam
    pipelines of its own, because each is built from what the step before has found. The executor
    writes the splits, and an `EventLogReport` beside them. `example_gen` builds the component.

    Raises:
        EventLogError: The log cannot be used. It is raised in this process, not on a Beam worker,
            so its message is the same with every runner.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        examples = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.EXAMPLES_KEY]
        )
        config = unpack(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        settings = config.data
        path = log_path(exec_properties)
        if config.spans_pattern:
            base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
            path = os.path.join(base, config.spans_pattern)
        # Inside the artifact, because every worker can reach that folder.
        working_folder = os.path.join(examples.uri, "working")
        _remove(working_folder)  # An attempt that was killed may have left it.
        try:
            report = self._read_and_filter(
                path, exec_properties[utils.SPAN_PROPERTY_NAME], settings, working_folder
            )
            super().Do(input_dict, output_dict, exec_properties)
            users = read_split_users(self._histories)
        finally:
            _remove(working_folder)
        learners = users.pop(_LEARNERS, 0)
        report.split_users.update(users)
        check_splits(path, report.split_users, settings.periods)
        check_can_learn(path, learners, report.after)
        report.write(examples.uri)

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        """Makes the Examples of all splits from one pass over the filtered histories."""
        del exec_properties
        histories = pipeline | ReadHistories(self._histories)
        outputs = histories | "Split" >> beam.ParDo(self._split).with_outputs(*EXAMPLE_SPLITS)
        splits = {split: outputs[split] for split in EXAMPLE_SPLITS}
        learners = histories | "Learners" >> beam.Filter(self._split.can_learn)
        _ = {**splits, _LEARNERS: learners} | WriteSplitUsers(self._histories)
        return splits

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        raise NotImplementedError("GenerateExamplesByBeam makes the Examples of all splits.")

    def _read_and_filter(
        self, path: str, newest: int | None, settings: DataSettings, working_folder: str
    ) -> EventLogReport:
        files, spans = log_files(path, settings.format, settings.window_spans, newest)
        logging.info("Reading %d files of %s.", len(files), path)
        summaries_folder = os.path.join(working_folder, "summaries")
        log_folder = os.path.join(working_folder, "log")
        with self._make_beam_pipeline() as pipeline:
            histories = read_log(pipeline, files, settings.format, summaries_folder)
            _ = histories | "Log" >> WriteHistories(log_folder, settings.k_core)
        summaries = read_summaries(summaries_folder)
        check_readable(summaries)
        check_bad_rows(path, summaries, settings.max_bad_rows)
        check_has_time(summaries, settings.periods)
        log = read_totals(log_folder)
        check_log(path, log)

        core = k_core(self._make_beam_pipeline, log_folder, settings.k_core)
        check_left(path, core.totals, core.short_users, log, settings.k_core)
        self._histories = core.folder
        self._split: LeaveOneOut | SplitByTime = LeaveOneOut()
        if settings.periods:
            self._split = SplitByTime(settings.periods.cut_offs(core.totals.newest_event))

        rows = sum(file.rows for file in summaries)
        filtered = sum(file.filtered for file in summaries)
        skipped = sum(file.rows_skipped for file in summaries)
        report = EventLogReport(
            files=len(files),
            rows=rows,
            rows_skipped=[skipped for file in summaries for skipped in file.skipped],
            filtered=filtered,
            duplicates=rows - skipped - filtered - log.events,
            notes=notes(summaries, settings.format),
            before=log,
            after=core.totals,
            rounds=core.rounds,
            short_users=core.short_users,
            split_users=dict.fromkeys(EXAMPLE_SPLITS, 0),
            spans=spans,
        )
        logging.info("%s", report)
        return report


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
