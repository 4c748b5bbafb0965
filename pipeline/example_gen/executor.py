"""The executor of ExampleGen: an event log becomes one tf.train.Example a user a split."""

import os
from typing import Any

import apache_beam as beam
import tensorflow as tf
from absl import logging
from tfx import types
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.types import artifact_utils, standard_component_specs

from mclrec_tf.data.event_log import event_log_files
from pipeline.example_gen.checks import check_bad_rows, check_left, check_log, check_readable
from pipeline.example_gen.history_folder import ReadHistories, WriteHistories, read_totals
from pipeline.example_gen.k_core import k_core
from pipeline.example_gen.leave_one_out import EXAMPLE_SPLITS, LeaveOneOut
from pipeline.example_gen.log_location import log_path
from pipeline.example_gen.read_log import read_log, read_summaries
from pipeline.example_gen.report import EventLogReport
from pipeline.example_gen.settings import ExampleGenSettings


class Executor(BaseExampleGenExecutor):
    """Reads an event log, filters it to its k-core and holds out each user's last events.

    Three steps, each in Beam pipelines of its own because how the next looks depends on what the
    last found: `read_log`, `k_core`, `LeaveOneOut`. Writes the splits, and an `EventLogReport`
    beside them. `example_gen` builds the component.

    Raises:
        EventLogError: the log cannot be used. It is raised in this process, whatever the runner.
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
        # In the artifact, because that is a place which every worker reaches.
        working_folder = os.path.join(examples.uri, "working")
        _remove(working_folder)  # of an attempt that was killed
        try:
            report = self._read_and_filter(
                log_path(exec_properties),
                ExampleGenSettings.from_custom_config(
                    exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY]
                ),
                working_folder,
            )
            super().Do(input_dict, output_dict, exec_properties)
        finally:
            _remove(working_folder)
        report.write(examples.uri)

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        """All splits come from one read of the filtered histories."""
        del exec_properties
        splits = (
            pipeline
            | ReadHistories(self._histories)
            | "LeaveOneOut" >> beam.ParDo(LeaveOneOut()).with_outputs(*EXAMPLE_SPLITS)
        )
        return {split: splits[split] for split in EXAMPLE_SPLITS}

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        raise NotImplementedError("Examples of all splits are made in GenerateExamplesByBeam.")

    def _read_and_filter(
        self, path: str, settings: ExampleGenSettings, working_folder: str
    ) -> EventLogReport:
        files = event_log_files(path, settings.format)
        logging.info("Reading %d files of %s.", len(files), path)
        summaries_folder = os.path.join(working_folder, "summaries")
        log_folder = os.path.join(working_folder, "log")
        with self._make_beam_pipeline() as pipeline:
            histories = read_log(pipeline, files, settings.format, summaries_folder)
            _ = histories | "Log" >> WriteHistories(log_folder, settings.k_core)
        summaries = read_summaries(summaries_folder)
        check_readable(summaries)
        check_bad_rows(path, summaries, settings.max_bad_rows)
        log = read_totals(log_folder)
        check_log(path, log)

        core = k_core(self._make_beam_pipeline, log_folder, settings.k_core)
        check_left(path, core, log, settings.k_core)
        self._histories = core.folder

        rows = sum(file.rows for file in summaries)
        report = EventLogReport(
            files=len(files),
            rows=rows,
            rows_skipped=[skipped for file in summaries for skipped in file.skipped],
            duplicates=rows - sum(file.rows_skipped for file in summaries) - log.events,
            before=log,
            after=core.totals,
            rounds=core.rounds,
            short_users=core.short_users,
            split_users=dict.fromkeys(EXAMPLE_SPLITS, core.totals.users),
        )
        logging.info("%s", report)
        return report


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
