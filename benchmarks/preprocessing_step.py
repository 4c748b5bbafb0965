"""One step of the preprocessing in its own process, for `benchmarks.preprocessing`.

    python -m benchmarks.preprocessing_step Transform --data LOG --workdir DIR

runs a component of the pipeline as `pipeline.run_local` does. The steps before it have to have run
in the same folder; their outputs come from TFX's cache. The last step is not a component: it reads
the transformed Examples as the Trainer does.
"""

import argparse
import contextlib
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

from benchmarks.provenance import print_json
from pipeline import component_ids
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

READ_TRANSFORMED = "ReadTransformed"
COMPONENTS = (
    component_ids.CURATED_SCHEMA,
    component_ids.EXAMPLE_GEN,
    component_ids.STATISTICS_GEN,
    component_ids.EXAMPLE_VALIDATOR,
    component_ids.LAST_ACCEPTED_DATA,
    component_ids.DATA_GATE,
    component_ids.TRANSFORM,
    component_ids.ITEM_TRANSITIONS,
    component_ids.EVALUATION_FEATURES,  # the last, in whose run READ_TRANSFORMED finds Transform
)
STEPS = (*COMPONENTS, READ_TRANSFORMED)


def run_component(name: str, log: Path, folder: Path, beam_args: Sequence[str]) -> dict[str, Any]:
    """Runs one component; those before it have run already.

    Args:
        name: Id of the component.
        log: Path of the event log.
        folder: Work folder of the pipeline.
        beam_args: Beam's options.

    Returns:
        Its wall seconds, its CPU seconds, and the resident memory in gigabytes before it began,
        which is that of the loaded code.
    """
    import logging

    from rich.console import Console
    from tfx import v1 as tfx
    from tfx.orchestration.pipeline import RunOptions

    from pipeline.pipeline import local_pipeline
    from pipeline.runners.local.component_progress import ComponentProgress
    from pipeline.runners.local.workdir import Workdir
    from pipeline.settings import Settings

    workdir = Workdir(folder)
    pipeline = local_pipeline(
        pipeline_root=workdir.pipeline_root,
        data_path=str(log),
        model_directory=str(folder / "models"),
        settings=Settings(),
        beam_args=beam_args,
        metadata=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            workdir.metadata_file
        ),
    )
    # The run has only the components that this one needs, whose outputs are cached.
    only = RunOptions(to_nodes=[name])
    progress = ComponentProgress(Console(stderr=True))
    logger = logging.getLogger("absl")
    logger.addHandler(progress)
    loaded, began = _loaded_gb(), _cpu_seconds()
    try:
        with workdir.log():
            tfx.orchestration.LocalDagRunner().run(pipeline, only)
    finally:
        logger.removeHandler(progress)
    return {
        "seconds": round(progress.seconds[name], 2),
        "cpu_seconds": round(_cpu_seconds() - began, 2),
        "loaded_gb": loaded,
    }


def read_transformed(folder: Path) -> dict[str, Any]:
    """Reads the output of Transform as the Trainer does.

    Args:
        folder: Work folder of the pipeline.

    Returns:
        As `run_component`, with the users and events of the training data.
    """
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    from pipeline.components.trainer.fit import read_training_data
    from pipeline.pipeline import PIPELINE_NAME
    from pipeline.runners.local.run_history import RunHistory
    from pipeline.runners.local.workdir import Workdir

    metadata = sqlite_metadata_connection_config(Workdir(folder).metadata_file)
    runs = RunHistory(metadata, PIPELINE_NAME)
    (examples,) = runs.latest()[component_ids.TRANSFORM].outputs["transformed_examples"]
    loaded, began, began_cpu = _loaded_gb(), perf_counter(), _cpu_seconds()
    data = read_training_data(
        *([f"{examples.uri}/Split-{split}/*"] for split in ("train", "validation"))
    )
    return {
        "seconds": round(perf_counter() - began, 2),
        "cpu_seconds": round(_cpu_seconds() - began_cpu, 2),
        "loaded_gb": loaded,
        "users": len(data.train),
        "events": len(data.train.items),
    }


def _loaded_gb() -> float:
    return round(psutil.Process().memory_info().rss / 1e9, 3)


def _cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.preprocessing_step", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--data", type=path, required=True, metavar="LOG")
    parser.add_argument("--workdir", type=path, required=True, metavar="DIR")
    options, beam_args = parser.parse_known_args(arguments)
    folder = options.workdir.absolute()
    if options.step == READ_TRANSFORMED:
        result = read_transformed(folder)
    else:
        with contextlib.redirect_stdout(None):
            result = run_component(options.step, options.data.absolute(), folder, beam_args)
    print_json(result)


if __name__ == "__main__":
    sys.exit(main())
