"""Runs the pipeline on this machine and shows how it goes."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from tfx import v1 as tfx

from mclrec_tf.data.event_log import EventLogError
from pipeline.component_progress import ComponentProgress
from pipeline.data_gate.anomalies import DataRefused
from pipeline.data_gate.schema_text import SchemaError
from pipeline.example_gen.spans import log_files
from pipeline.pipeline import create_pipeline, example_gen_settings
from pipeline.report import RunReport, read_run
from pipeline.run_history import ComponentRun, RunHistory
from pipeline.run_report.contents import read_contents
from pipeline.run_report.page import write_page
from pipeline.settings import Settings
from pipeline.workdir import RunError, Workdir

_TOLD_AS_THEY_ARE = (EventLogError, SchemaError, DataRefused)


def run(
    *,
    data_path: str,
    workdir: Workdir,
    model_directory: Path,
    settings: Settings,
    beam_args: Sequence[str] | None = None,
    fresh: bool = False,
    console: Console,
    page: Path,
) -> RunReport:
    """Runs the pipeline to its end, reads what came of it and writes the page about it.

    Started again after it was killed, it goes on with the component that was running.

    Args:
        data_path: the event log: a file, a folder or a glob, perhaps with spans.
        workdir: keeps artifacts and metadata; `workdir.only_run()` and `.log()` are entered.
        model_directory: where versions are pushed.
        settings: what `pipeline.settings` explains.
        beam_args: Beam's options; None works in this process.
        fresh: repeat every component, also those with unchanged inputs.
        console: gets a line when a component starts and when it ends.
        page: file of the page, which is also written about a run that failed.

    Raises:
        RunError: the data cannot be used, or a component failed.
    """
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(workdir.metadata_file)
    progress = ComponentProgress(console)
    logger = logging.getLogger("absl")
    logger.addHandler(progress)
    history = RunHistory(metadata)
    earlier = history.newest_run()
    try:
        # A wrong path is told before TFX starts.
        data = example_gen_settings(settings.data)
        log_files(data_path, data.format, data.window_spans)
        pipeline = create_pipeline(
            pipeline_root=workdir.pipeline_root,
            data_path=data_path,
            model_directory=str(model_directory),
            settings=settings,
            beam_args=beam_args,
            enable_cache=not fresh,
            metadata=metadata,
        )
        progress.components = len(pipeline.components)
        for component in history.cancel_abandoned(workdir.pipeline_root):
            console.print(f"An earlier run was stopped in {component}; going on from there.")
        tfx.orchestration.LocalDagRunner().run(pipeline)
        outcome = read_run(history.latest())
    except Exception as error:
        logging.exception("The run failed")
        known = [cause for cause in _causes(error) if isinstance(cause, _TOLD_AS_THEY_ARE)]
        failure = (
            str(known[0]) if known else f"{progress.current or 'The pipeline'} failed: {error}"
        )
        # If it did not come to its first component, what is newest is another run.
        components = history.latest() if history.newest_run() != earlier else {}
        _write_page(page, components, failure, settings, data_path)
        raise RunError(failure) from error
    finally:
        logger.removeHandler(progress)
    _write_page(page, history.latest(), "", settings, data_path)
    return outcome


def _write_page(
    page: Path,
    components: dict[str, ComponentRun],
    failure: str,
    settings: Settings,
    data_path: str,
) -> None:
    try:
        contents = read_contents(
            {
                name: {key: artifacts[0] for key, artifacts in run.outputs.items()}
                for name, run in components.items()
            },
            failure,
            [(name, run.seconds, run.cached) for name, run in components.items()],
        )
        write_page(str(page), contents, settings, title=data_path)
    except Exception:
        # Whatever it is: a page that cannot be written takes no model and hides no failure.
        logging.exception("The page %s could not be written", page)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
