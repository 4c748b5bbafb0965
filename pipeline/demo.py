"""Command line: the whole product in a few minutes, from a sample log to a server's answers.

Example:
    python -m pipeline.demo
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from pipeline import run_local
from pipeline.cli.command_line import add_accept_missing, path
from pipeline.cli.interrupts import INTERRUPTED, STOPPED
from pipeline.cli.os_errors import tells_os_errors
from pipeline.cli.shell_command import shell_command
from pipeline.local_server import MODEL_NAME, ServerError, local_server, server_command
from pipeline.runners.local.workdir import RunError, Workdir
from serving.item_names import FileAndColumn

EVENTS = 50_000
# These settings suffice for the sample and take a minute or two. A real log needs the defaults.
TRAINING = (
    "--members=1",  # a demonstration is to be over soon
    "--epochs=12",
    "--patience=12",
    "--dropout=0.2",
    "--learning-rate=0.003",
)

# The users of the sample mostly go to one of four successors of their last item, so counting who
# follows whom is nearly all that there is to know, and no model is surely better.
DECISION = ("--min-lift=0.9",)
_SHOWN_HISTORY, _SHOWN_ITEMS = 8, 5
_TOLERANCE = 1e-4
_DESCRIPTION = """\
Writes a sample log and the names of its items, trains and pushes a model, starts a server, and
compares its answers over REST and gRPC with those of the Keras model. It takes a few minutes."""


class Answer(NamedTuple):
    """The best items in their order, and their scores."""

    item_ids: list[str]
    scores: list[float]


@tells_os_errors
def main(arguments: list[str] | None = None) -> int:
    """Runs the demo and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.demo", description=_DESCRIPTION)
    parser.add_argument(
        "--workdir",
        type=path,
        default=Path("runs/demo"),
        help="folder for the sample and the run (default: %(default)s)",
    )
    parser.add_argument(
        "--events", type=int, default=EVENTS, help="events in the sample (default: %(default)s)"
    )
    add_accept_missing(parser)
    options = parser.parse_args(arguments)
    if options.events < 1:
        parser.error(f"--events must be at least 1, got {options.events}.")
    console = Console(highlight=False, markup=False, soft_wrap=True)
    workdir = Workdir(options.workdir)
    log = workdir.path / f"sample-{options.events}.csv"
    items = workdir.path / f"sample-{options.events}-items.csv"
    try:
        _write_sample(workdir, log, items, options.events, console)
        accept = ["--accept-missing"] if options.accept_missing else []
        names = FileAndColumn(str(items), "title")
        status = run_local.main(
            [
                f"--data={log}",
                f"--workdir={workdir.path}",
                f"--item-names={':'.join(names)}",
                *TRAINING,
                *DECISION,
                *accept,
            ]
        )
        return status or _compare_answers(workdir, log, names, console)
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return INTERRUPTED
    except RunError as error:
        print(error, file=sys.stderr)
        return run_local.ERROR


def _write_sample(
    workdir: Workdir, log: Path, items: Path, num_events: int, console: Console
) -> None:
    """Writes the log and the names of its items, each unless it is there."""
    if log.exists() and items.exists():
        return
    with workdir.only_run(), workdir.log():
        # This import takes seconds. It is made here so that --help answers at once.
        from mclrec_tf.data.sample.sample_log import write_items, write_sample

        if not log.exists():
            console.print(f"Writing a sample of {num_events:,} events to {log}")
            write_sample(log, num_events)
        if not items.exists():
            console.print(f"Writing the names of its items to {items}")
            write_items(items, num_events)


def _compare_answers(workdir: Workdir, log: Path, names: FileAndColumn, console: Console) -> int:
    """Compares the answers of the served model and of the Keras file for the same history."""
    from serving.client.item_names import read_item_names

    name_of = read_item_names(names, "item_id")
    history = a_history(log)
    command = server_command(workdir.path / "models" / MODEL_NAME)
    console.print(f"Starting the server: {shell_command(*command)}")
    try:
        with local_server(command, stderr=subprocess.DEVNULL) as server:
            answers = {
                "REST": recommend(server.rest, "rest", history),
                "gRPC": recommend(server.grpc, "grpc", history),
            }
    except ServerError as error:
        raise RunError(f"{error} This command shows why: {shell_command(*command)}") from error
    answers["model.predict"] = predict(workdir, history)
    shown = history[-_SHOWN_HISTORY:]
    console.print(f"A user's last items: {', '.join(f'{name_of[i]} ({i})' for i in shown)}")
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    table.add_column("next", justify="right")
    table.add_column("item")
    table.add_column("name")
    for name in answers:
        table.add_column(name, justify="right")
    for index in range(_SHOWN_ITEMS):
        scores = [f"{answer.scores[index]:.4f}" for answer in answers.values()]
        item = answers["REST"].item_ids[index]
        table.add_row(str(index + 1), item, name_of[item], *scores)
    console.print(table)
    if not agree(list(answers.values())):
        print(f"The answers differ: {answers}", file=sys.stderr)
        return 1
    console.print("REST, gRPC and model.predict agree.")
    return 0


def a_history(log: Path) -> list[str]:
    """The item ids of the first user of a log whose history is neither short nor long."""
    from mclrec_tf.data.interactions import load_interactions

    interactions = load_interactions(str(log))
    lengths = interactions.histories.lengths
    user = int(((lengths >= 8) & (lengths <= 20)).argmax())
    return [interactions.item_ids[item - 1] for item in interactions.histories[user]]


def recommend(address: str, protocol: Literal["grpc", "rest"], history: Sequence[str]) -> Answer:
    """The recommendations of a server.

    Args:
        address: The address of the server, host:port.
        protocol: "grpc" or "rest".
        history: The item ids of a user, oldest first.
    """
    from serving.client import RecommendationClient

    with RecommendationClient(address, MODEL_NAME, protocol) as client:
        found = client.recommend(history, k=_SHOWN_ITEMS)
    return Answer([item.item_id for item in found], [item.score for item in found])


def predict(workdir: Workdir, history: Sequence[str]) -> Answer:
    """The recommendations of the Keras file of the newest run.

    Args:
        workdir: The work folder of the run.
        history: The item ids of a user, oldest first.
    """
    import keras
    import numpy as np
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    import mclrec_tf  # noqa: F401  (Keras finds the model's class by its name)
    from pipeline.components.trainer.run_fn import keras_path
    from pipeline.pipeline import PIPELINE_NAME
    from pipeline.runners.local.run_history import RunHistory
    from pipeline.runners.local.run_summary import read_run

    connection = sqlite_metadata_connection_config(workdir.metadata_file)
    outcome = read_run(RunHistory(connection, PIPELINE_NAME).latest())
    model = keras.saving.load_model(keras_path(outcome.saved_model))
    names = Path(outcome.saved_model, "assets", "items").read_text().splitlines()
    id_of = {name: number for number, name in enumerate(names, start=1)}
    ids = np.array([[id_of[item] for item in history if item in id_of]])
    scores = model.predict(ids, verbose=0)[0]
    scores[ids[0]] = -np.inf
    best = np.argsort(-scores, kind="stable")[:_SHOWN_ITEMS]
    return Answer([names[item - 1] for item in best], [float(scores[item]) for item in best])


def agree(answers: Sequence[Answer]) -> bool:
    """Whether all answers have the same items in the same order and, up to rounding, scores."""
    first = answers[0]
    return all(
        answer.item_ids == first.item_ids
        and all(
            abs(score - expected) <= _TOLERANCE * max(1.0, abs(expected))
            for score, expected in zip(answer.scores, first.scores, strict=True)
        )
        for answer in answers
    )


if __name__ == "__main__":
    sys.exit(main())
