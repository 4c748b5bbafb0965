"""Runs the pipeline on this machine and shows how it goes."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from tfx import v1 as tfx

from mclrec_tf.data.event_log import EventLogError, event_log_files
from pipeline.component_progress import ComponentProgress
from pipeline.pipeline import create_pipeline, event_log_format
from pipeline.report import RunReport, read_run
from pipeline.run_history import RunHistory
from pipeline.settings import Settings
from pipeline.workdir import RunError, Workdir


def run(
    *,
    data_path: str,
    workdir: Workdir,
    model_directory: Path,
    settings: Settings,
    beam_args: Sequence[str] | None = None,
    fresh: bool = False,
    console: Console,
) -> RunReport:
    """Runs the pipeline to its end and reads what came of it.

    Started again after it was killed, it goes on with the component that was running.

    Args:
        data_path: the event log: a file, a folder or a glob.
        workdir: keeps artifacts and metadata; `workdir.only_run()` and `.log()` are entered.
        model_directory: where versions are pushed.
        settings: what `pipeline.settings` explains.
        beam_args: Beam's options; None works in this process.
        fresh: repeat every component, also those with unchanged inputs.
        console: gets a line when a component starts and when it ends.

    Raises:
        RunError: the data cannot be used, or a component failed.
    """
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(workdir.metadata_file)
    progress = ComponentProgress(console)
    logger = logging.getLogger("absl")
    logger.addHandler(progress)
    try:
        event_log_files(data_path, event_log_format(settings.data))
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
        history = RunHistory(metadata)
        for component in history.cancel_abandoned(workdir.pipeline_root):
            console.print(f"An earlier run was stopped in {component}; going on from there.")
        tfx.orchestration.LocalDagRunner().run(pipeline)
        return read_run(history.latest())
    except Exception as error:
        logging.exception("The run failed")
        known = [cause for cause in _causes(error) if isinstance(cause, EventLogError)]
        if known:
            raise RunError(str(known[0])) from error
        raise RunError(f"{progress.current or 'The pipeline'} failed: {error}") from error
    finally:
        logger.removeHandler(progress)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
