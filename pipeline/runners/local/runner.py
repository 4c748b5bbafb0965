"""Runs the pipeline on this machine and shows its progress."""

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from rich.console import Console
from tfx import v1 as tfx

from mclrec_tf.data.event_log.reader import EventLogError
from mclrec_tf.data.item_table_rows import ItemTableError
from pipeline.cli.os_errors import causes, refusal
from pipeline.components.data_gate.anomalies import DataRefused
from pipeline.components.data_gate.schema_text import SchemaError
from pipeline.components.example_gen.event_log.newest_spans import log_files
from pipeline.components.item_features.check import check_item_features
from pipeline.components.run_page.contents import read_contents
from pipeline.components.run_page.item_names import check_item_names
from pipeline.components.run_page.page import write_page
from pipeline.pipeline import local_pipeline
from pipeline.runners.local.artifacts_on_disk import ArtifactsOnDisk
from pipeline.runners.local.component_progress import ComponentProgress
from pipeline.runners.local.metadata_server import MetadataServer
from pipeline.runners.local.own_metadata import own_metadata
from pipeline.runners.local.pipeline_claim import claim_pipeline
from pipeline.runners.local.run_history import ComponentRun, RunHistory
from pipeline.runners.local.run_summary import RunReport, read_run
from pipeline.runners.local.workdir import RunError, Workdir
from pipeline.settings import Settings

# Errors whose message is complete without the name of the component.
_SHOWN_UNCHANGED = (EventLogError, ItemTableError, SchemaError, DataRefused, RunError)


def run(
    *,
    data_path: str | os.PathLike[str],
    workdir: Workdir,
    model_directory: str | os.PathLike[str],
    settings: Settings,
    pipeline_name: str,
    metadata_server: MetadataServer | None = None,
    beam_args: Sequence[str] | None = None,
    fresh: bool = False,
    accept_missing: bool = False,
    console: Console,
    page: Path,
) -> RunReport:
    """Runs the pipeline to its end, reads the outcome and writes the page about it.

    A run that was killed resumes with the component that was running, if it is started again.

    Args:
        data_path: The event log: a file, a folder or a glob pattern, perhaps with spans.
        workdir: The work folder, for artifacts and metadata. The caller is inside
            `workdir.only_run()` and `workdir.log()`.
        model_directory: The folder of the pushed versions.
        settings: The settings of the run.
        pipeline_name: The name of the pipeline. Runs of the same name share the cache and the
            latest blessed model.
        metadata_server: The server for the metadata. None, the default, is a file in `workdir`.
        beam_args: Beam's options. By default Beam runs in this process.
        fresh: Whether to repeat every component, also with unchanged inputs. False by default.
        accept_missing: Whether to go on without artifacts of earlier runs that are gone. False by
            default.
        console: The console that gets one line when a component starts and one when it ends.
        page: The file of the page, which is also written if the run fails.

    Raises:
        RunError: The data cannot be used, the metadata cannot be stored, artifacts of earlier runs
            are gone, or a component failed.
    """
    data_path, model_directory = os.fspath(data_path), os.fspath(model_directory)
    metadata = _metadata(workdir, metadata_server, pipeline_name)
    progress = ComponentProgress(console)
    logger = logging.getLogger("absl")
    logger.addHandler(progress)
    history = RunHistory(metadata, pipeline_name)
    earlier = history.newest_run()
    gone_without: list[str] = []
    try:
        artifacts = ArtifactsOnDisk(MetadataStore(metadata), pipeline_name, workdir)
        pipeline_root = artifacts.pipeline_root()
        gone_without += artifacts.check(accept_missing)
        for line in gone_without:
            console.print(f"Goes on without {line}")
        # This reports a wrong path before TFX starts.
        files, _ = log_files(data_path, settings.data.format, settings.data.window_spans)
        if settings.page.names:
            console.print(check_item_names(settings.page.names, files, settings.data))
        if settings.catalogue.items:
            console.print(check_item_features(settings.catalogue, files, settings.data))
        pipeline = local_pipeline(
            pipeline_root=pipeline_root,
            data_path=data_path,
            model_directory=model_directory,
            settings=settings,
            pipeline_name=pipeline_name,
            beam_args=beam_args,
            enable_cache=not fresh,
            metadata=metadata,
        )
        progress.components = len(pipeline.components)
        for component in history.cancel_abandoned(pipeline_root):
            console.print(f"An earlier run was stopped in {component}; going on from there.")
        tfx.orchestration.LocalDagRunner().run(pipeline)
        # Hours may have passed, and a server closes idle connections, so this opens another one.
        components = RunHistory(metadata, pipeline_name).latest()
        outcome = read_run(components)
    except Exception as error:
        logging.exception("The run failed")
        known = [cause for cause in causes(error) if isinstance(cause, _SHOWN_UNCHANGED)]
        if known:
            failure = str(known[0])
        else:
            where = progress.current or "The pipeline"
            failure = f"{where} failed: {refusal(error, workdir.path) or error}"
        components = _components_since(earlier, metadata, pipeline_name)
        _write_page(page, components, failure, settings, data_path, gone_without)
        raise RunError(failure) from error
    finally:
        logger.removeHandler(progress)
        _remember(metadata, pipeline_name, workdir)
    _write_page(page, components, "", settings, data_path, gone_without)
    return dataclasses.replace(outcome, gone_without=gone_without)


def _metadata(
    workdir: Workdir, server: MetadataServer | None, pipeline_name: str
) -> ConnectionConfig:
    """The connection to the store of metadata: the folder's own file, or a shared server."""
    if server is None:
        return own_metadata(workdir)
    claim_pipeline(server.open(), pipeline_name, workdir)
    return server.connection()


def _components_since(
    earlier: int | None, metadata: ConnectionConfig, pipeline_name: str
) -> dict[str, ComponentRun]:
    """The components of the failed run. None if it did not reach its first component."""
    try:
        history = RunHistory(metadata, pipeline_name)
        return history.latest() if history.newest_run() != earlier else {}
    except Exception:
        # This may be why the run failed, which is reported already.
        logging.exception("The metadata of the run could not be read")
        return {}


def _remember(metadata: ConnectionConfig, pipeline_name: str, workdir: Workdir) -> None:
    try:
        # This needs a new connection, because hours may have passed.
        ArtifactsOnDisk(MetadataStore(metadata), pipeline_name, workdir).remember()
    except Exception:
        # The next run writes down the sizes again. This must not hide why the run failed.
        logging.exception("The sizes of the artifacts could not be noted")


def _write_page(
    page: Path,
    components: dict[str, ComponentRun],
    failure: str,
    settings: Settings,
    data_path: str,
    gone_without: Sequence[str],
) -> None:
    try:
        contents = read_contents(
            {
                name: {key: artifacts[0] for key, artifacts in run.outputs.items()}
                for name, run in components.items()
            },
            settings,
            failure,
            [(name, run.seconds, run.cached) for name, run in components.items()],
            gone_without,
        )
        write_page(str(page), contents, settings, title=data_path)
    except Exception:
        # If the page cannot be written, the model is still pushed, or the failure still reported.
        logging.exception("The page %s could not be written", page)
