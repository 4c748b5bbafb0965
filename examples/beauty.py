"""Trains MCLRec on an event log and evaluates it, in a page.

    python examples/beauty.py beauty.txt.gz

Without a log it runs on the built-in sample.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import keras

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.batches import evaluation_batches, training_batches
from mclrec_tf.data.histories import leave_one_out
from mclrec_tf.data.interactions import Interactions, load_interactions
from mclrec_tf.data.sample.sample_log import write_sample
from mclrec_tf.evaluation.offline import rank_targets, summarize


def path(text: str) -> str:
    """For argparse: "" is what a shell makes of a variable that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty; is a variable of the shell unset?")
    return text


parser = argparse.ArgumentParser(description=__doc__)
parser.formatter_class = argparse.RawDescriptionHelpFormatter
parser.add_argument("log", nargs="?", type=path, help="event log; the built-in sample if left out")
parser.add_argument("--epochs", type=int, default=200, help="most epochs; default: 200")
parser.add_argument(
    "--out", type=path, default="model.keras", help="where to save; default: model.keras"
)


def load(log: str | None) -> Interactions:
    if log is not None:
        return load_interactions(log)
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder, "sample.csv")
        write_sample(sample, num_events=20_000)
        return load_interactions(str(sample))


def main(arguments: list[str] | None = None) -> None:
    options = parser.parse_args(arguments)
    if not Path(options.out).absolute().parent.is_dir():
        parser.error(f"--out {options.out}: its folder is not there")
    keras.utils.set_random_seed(0)

    # Each user's last event is the test, the one before it validation, the others training.
    data = load(options.log)
    train, validation, test = leave_one_out(data.histories)
    print(f"{len(train):,} users, {len(data.item_ids):,} items")

    # θ, the encoder, and φ, the augmenters of its views, have an optimizer each.
    model = MCLRec(SASRec(len(data.item_ids), dropout=0.5), lambda_=0.0, beta=0.01, seed=0)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3), augmenter_optimizer=keras.optimizers.Adam(1e-3)
    )
    model.fit(
        training_batches(train),
        validation_data=evaluation_batches(*validation),
        epochs=options.epochs,
        callbacks=[
            keras.callbacks.EarlyStopping(
                "val_unseen_items_ndcg_at_10", patience=10, restore_best_weights=True
            )
        ],
    )

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
    except OSError as error:  # a folder that cannot be written, a disk that is full
        sys.exit(str(error))
