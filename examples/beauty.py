"""Trains MCLRec on an event log by the recommended recipe and evaluates it, in a page.

    python examples/beauty.py beauty.txt.gz

Without a log it runs on the built-in sample. The pipeline and `benchmarks.quality` do the same.
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import keras

from mclrec_tf import ItemCounts
from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat
from mclrec_tf.data.histories import leave_one_out
from mclrec_tf.data.interactions import Interactions, load_interactions
from mclrec_tf.data.sample.sample_log import write_sample
from mclrec_tf.evaluation.offline import rank_targets, summarize
from mclrec_tf.models.building import build_model
from mclrec_tf.models.recipe import train_model
from mclrec_tf.training.early_stopping import ResumableEarlyStopping


def not_empty(text: str) -> str:
    """For argparse: "" is what a shell makes of a variable that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty; is a variable of the shell unset?")
    return text


parser = argparse.ArgumentParser(description=__doc__)
parser.formatter_class = argparse.RawDescriptionHelpFormatter
parser.add_argument(
    "log", nargs="?", type=not_empty, help="event log; the built-in sample if left out"
)
parser.add_argument("--epochs", type=int, help="most epochs; the recipe's if left out")
parser.add_argument(
    "--out", type=not_empty, default="model.keras", help="where to save; default: model.keras"
)
parser.add_argument(
    "--k-core", type=int, default=5, help="events that each user and item must have; default: 5"
)
# How the log is read: --user-column, --item-column, --timestamp-column and so on.
COLUMNS = {field.name: field.default for field in dataclasses.fields(EventLogFormat)}
for name, default in COLUMNS.items():
    parser.add_argument(
        "--" + name.replace("_", "-"),
        type=str if name == "timestamp_column" else not_empty,  # a log may have no time
        default=argparse.SUPPRESS,
        metavar="TEXT",
        help=f"as of EventLogFormat; default: {default!r}",
    )


def load(log: str | None, format: EventLogFormat, k_core: int) -> Interactions:
    if log is not None:
        return load_interactions(log, format, k_core)
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder, "sample.csv")
        write_sample(sample, num_events=20_000)
        return load_interactions(str(sample))


def epoch_of(stopping: ResumableEarlyStopping) -> keras.callbacks.Callback:
    """Prints a line after each epoch."""

    def tell(epoch: int, logs: dict[str, float]) -> None:
        measured = f"loss {logs['loss']:.4f}, {stopping.monitor} {logs[stopping.monitor]:.4f}"
        print(f"epoch {epoch + 1}/{stopping.epochs}: {measured}", flush=True)

    return keras.callbacks.LambdaCallback(on_epoch_end=tell)


def main(arguments: list[str] | None = None) -> None:
    options = parser.parse_args(arguments)
    if options.epochs is not None and options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}.")
    if options.k_core < 0:
        parser.error(f"--k-core must be at least 0, got {options.k_core}.")
    if not options.out.endswith(".keras"):
        parser.error(f"--out must end in .keras, got {options.out!r}.")
    if not Path(options.out).absolute().parent.is_dir():
        parser.error(f"--out {options.out}: its folder is not there.")
    try:
        format = EventLogFormat(
            **{name: text for name, text in vars(options).items() if name in COLUMNS}
        )
    except ValueError as error:
        parser.error(str(error))
    keras.utils.set_random_seed(0)

    # Each user's last event is the test, the one before it validation, the others training.
    data = load(options.log, format, options.k_core)
    train, validation, test = leave_one_out(data.histories)
    print(f"{len(train):,} users, {len(data.item_ids):,} items")

    # What is left out is the preset's: the encoder, its optimizer, the contrast and their weights.
    # θ, the encoder, and φ, the augmenters of its views, have an optimizer each.
    counts = ItemCounts.from_histories(train, len(data.item_ids))
    model = build_model(len(data.item_ids), counts=counts, seed=0)
    with tempfile.TemporaryDirectory() as state:  # a folder of your own outlives a kill
        stopping = ResumableEarlyStopping(state, epochs=options.epochs)
        train_model(model, train, validation, stopping, callbacks=[epoch_of(stopping)])

    # The two policies answer different questions and are not to be compared with each other.
    results = summarize(rank_targets(model, *test))
    for policy in ("all_items", "unseen_items"):
        for metric in ("hit_rate_at_10", "ndcg_at_10"):
            print(f"test {policy} {metric}: {results[f'{policy}_{metric}']:.4f}")

    model.save(options.out)
    print(f"saved: {options.out}")


if __name__ == "__main__":
    try:
        main()
    except (EventLogError, OSError) as error:  # also a folder that cannot be written
        sys.exit(str(error))
