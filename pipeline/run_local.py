"""Command line: trains on an event log and pushes the model, on this machine.

Example:
    python -m pipeline.run_local --data events.csv --workdir runs/shop
"""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from pipeline.cli.command_line import (
    add_accept_missing,
    add_beam_args,
    add_model_name,
    add_pipeline_name,
    parse,
    path,
    real_path,
)
from pipeline.cli.interrupts import INTERRUPTED, STOPPED
from pipeline.cli.os_errors import tells_os_errors
from pipeline.cli.setting_options import add_settings
from pipeline.cli.shell_command import shell_command
from pipeline.runners.local.metadata_server import metadata_server
from pipeline.runners.local.workdir import RunError, Workdir
from pipeline.settings import Settings
from serving.command_line import not_empty

ERROR, NOT_BLESSED = 1, 3

_EPILOG = f"""\
The event log is a text table (any separator), JSON lines, Parquet, RecBole .inter, or a .txt file
with a line "user item item ..." per user, also packed (.gz, .bz2, .xz, .zst, .zip), or a folder or
glob pattern of such files. Times are numbers or ISO 8601 dates. For daily folders, write the date
as {{YYYY}}, {{MM}}, {{DD}}, or a number as {{SPAN}}, and a version as {{VERSION}}:
"days/{{YYYY}}-{{MM}}-{{DD}}/*.csv" stands for all days up to the newest. A run that was stopped
resumes when the same command is given again; steps whose inputs and settings are unchanged are not
repeated. "python -m pipeline.inspect LOG" inspects a log first and prints the command for it.

--metadata keeps the metadata on a MySQL or MariaDB server, where they can be backed up and shared:
mysql://USER@HOST[:PORT]/DATABASE. The database has to exist. The password is taken from the
environment variable MYSQL_PWD. Many work folders may share a database, each with a --pipeline-name
of its own.

exit status: 0 model pushed; {NOT_BLESSED} refused, nothing pushed; {ERROR} error; 2 wrong options
"""


def parser() -> argparse.ArgumentParser:
    """The options of a run."""
    result = argparse.ArgumentParser(
        prog="python -m pipeline.run_local",
        usage="%(prog)s --data LOG --workdir DIR [options]",
        description="From an event log to a pushed model: reads, checks and splits the log, "
        "trains MCLRec, compares it with popularity, recency, counted transitions and the latest "
        "blessed model, and pushes it if it is good enough.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--data", required=True, type=not_empty, metavar="LOG", help="the event log"
    )
    result.add_argument(
        "--workdir",
        required=True,
        type=path,
        metavar="DIR",
        help="folder for artifacts, metadata and logs of all runs on this log",
    )
    result.add_argument(
        "--serving-dir",
        type=path,
        metavar="DIR",
        help="folder of served models; the model goes to DIR/MODEL_NAME/VERSION "
        "(default: WORKDIR/models)",
    )
    add_model_name(result)
    add_pipeline_name(
        result, shared="; runs of the same name share unchanged steps and blessed models"
    )
    result.add_argument(
        "--metadata",
        type=metadata_server,
        metavar="URL",
        help="database for ML Metadata (default: the file WORKDIR/metadata.sqlite)",
    )
    result.add_argument(
        "--fresh",
        action="store_true",
        help="repeat every step, also unchanged ones; use it after an update of the code",
    )
    add_accept_missing(result)
    add_beam_args(result, example="--direct_running_mode=multi_processing --direct_num_workers=4")
    add_settings(result)
    return result


@tells_os_errors
def main(arguments: list[str] | None = None) -> int:
    """Runs the pipeline and returns the exit status."""
    options, chosen = parse(parser(), arguments)
    try:
        return _run(options, chosen)
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return INTERRUPTED


def _run(options: argparse.Namespace, chosen: Settings) -> int:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    workdir = Workdir(options.workdir)
    page = workdir.new_page()
    models = Path(real_path(options.serving_dir or workdir.path / "models"), options.model_name)
    try:
        with workdir.only_run(), workdir.log() as log_file:
            check_can_be_written(models, "--serving-dir" if options.serving_dir else "--workdir")
            console.print(f"Loading TensorFlow and TFX; their log is {log_file}")
            # These imports take seconds. They are made here so that --help answers at once.
            from pipeline.components.pusher.version_folders import version_folders
            from pipeline.runners.local import run_summary, runner

            outcome = runner.run(
                data_path=real_path(options.data),
                workdir=workdir,
                model_directory=models,
                settings=chosen,
                pipeline_name=options.pipeline_name,
                metadata_server=options.metadata,
                beam_args=options.beam_args,
                fresh=options.fresh,
                accept_missing=options.accept_missing,
                console=console,
                page=page,
            )
    except RunError as error:
        print(error, file=sys.stderr)
        if page.exists():
            console.print(f"Report: {page}")
        return ERROR
    run_summary.show_event_log(outcome.event_log, console)
    run_summary.show_metrics(outcome, console)
    run_summary.show_decision(outcome.decision, console)
    if page.exists():
        console.print(f"Report: {page}")
    console.print(f"The model and its Keras file: {os.path.dirname(outcome.saved_model)}")
    if outcome.pushed_to is None:
        console.print("Refused, nothing was pushed; a model that is served stays in use.")
        return NOT_BLESSED
    if wrong := run_summary.damage_of_version(outcome.pushed_to):
        print(
            f"{outcome.pushed_to}: was pushed by an earlier run and {wrong}. Remove what is left "
            "of it, and train and push again with --fresh.",
            file=sys.stderr,
        )
        return ERROR
    against = ", compared with no earlier model"
    if outcome.compared_with:
        against = f", compared with {outcome.compared_with}"
    console.print(f"Blessed{against}. Pushed to {outcome.pushed_to}")
    newest = version_folders(str(models))[-1:]
    if newest and newest != [os.path.basename(outcome.pushed_to)]:
        console.print(f"Pushed before. Servers load a newer version: {models / newest[0]}")
    if outcome.refit:
        console.print(outcome.refit.in_words())
    for line in outcome.gone_without:
        console.print(f"Gone, and not compared with (--accept-missing): {line}")
    name = f"--model_name={options.model_name}"
    serve = (sys.executable, "-m", "serving.devserver", "--port=8500", "--rest_api_port=8501", name)
    query = (sys.executable, "-m", "serving.client", "--rest_api_port=8501", name)
    console.print(
        f"Serve it:\n  {shell_command(*serve, f'--model_base_path={models}')}\n"
        f"and query it with the items of a history, oldest first:\n  {shell_command(*query)} ITEM "
        "ITEM ..."
    )
    return 0


def check_can_be_written(folder: Path, option: str) -> None:
    """Checks before the training that the model can be pushed after it.

    Args:
        folder: The folder of the pushed versions. It need not exist.
        option: The option by which it was chosen, for the message.

    Raises:
        RunError: A part of the path is a file, or this user must not write there.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise RunError(f"{option}: {there} is not a folder. Name a folder for the models.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise RunError(f"{option}: {there} cannot be written. Name another folder for the models.")


if __name__ == "__main__":
    sys.exit(main())
