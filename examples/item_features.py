"""What features of items are worth: hit rates of cold, rare and other items.

    python examples/item_features.py --events u.data --items u.item

The files are those of MovieLens 100K as it is published; without them the built-in sample is taken.
A random tenth of the items loses its training events, as if they came into the catalogue today.
Then popularity, a model that knows events alone, and one that knows categories too, say what each
user takes next: among all items, and, as on a shelf of new items, among the cold ones.
"""

import argparse
import csv
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf import ItemCounts
from mclrec_tf.data.event_log.reader import EventLogError, EventLogFormat
from mclrec_tf.data.histories import HeldOut, Histories, leave_one_out
from mclrec_tf.data.interactions import Interactions, load_interactions
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from mclrec_tf.data.sample.sample_log import write_items, write_sample
from mclrec_tf.evaluation.baselines import Popularity
from mclrec_tf.evaluation.offline import rank_targets
from mclrec_tf.evaluation.target_slices import summarize_by_training_events
from mclrec_tf.models.building import build_model
from mclrec_tf.models.recipe import train_model
from mclrec_tf.models.sequential_recommender import SequentialRecommender
from mclrec_tf.training.early_stopping import ResumableEarlyStopping

GENRES = 19  # flags at the end of each line of u.item
METRIC = "unseen_items_hit_rate_at_10"
SAMPLE_EVENTS = 20_000

parser = argparse.ArgumentParser(description=__doc__)
parser.formatter_class = argparse.RawDescriptionHelpFormatter
parser.add_argument("--events", help="u.data, or the same events as RecBole's .inter")
parser.add_argument("--items", help="u.item")
parser.add_argument("--epochs", type=int, default=10, help="most epochs; default: 10")
parser.add_argument("--seed", type=int, default=0, help="of all that is drawn; default: 0")


Categories = dict[str, dict[str, list[str]]]
"""By the name of a category, the values of each item by its raw id."""


def films(path: str) -> Categories:
    """Genres and years of release: id|title|date|video date|URL|19 flags, the genres by place."""
    genres, years = {}, {}
    with open(path, encoding="latin-1") as lines:
        for number, line in enumerate(lines, start=1):
            fields = line.rstrip("\r\n").split("|")
            flags = fields[-GENRES:]
            if len(fields) != GENRES + 5 or not set(flags) <= {"0", "1"}:
                raise ValueError(
                    f"{path}, line {number}: not item id|title|date|video date|URL|{GENRES} flags "
                    f"of genres, 0 or 1: {line[:60]!r}"
                )
            genres[fields[0]] = [str(place) for place, flag in enumerate(flags) if flag == "1"]
            years[fields[0]] = [fields[2][-4:]] if fields[2] else []
    return {"genre": genres, "year": years}


def load(events: str | None, items: str | None) -> tuple[Interactions, Categories]:
    """The events, those of rare items too, and the categories of the items."""
    if events is not None and items is not None:
        has_header = events.removesuffix(".gz").endswith(".inter")
        columns = "" if has_header else "user_id,item_id,-,timestamp"
        return load_interactions(events, EventLogFormat(columns=columns), k_core=0), films(items)
    with tempfile.TemporaryDirectory() as folder:
        log, table = Path(folder, "sample.csv"), Path(folder, "items.csv")
        write_sample(log, SAMPLE_EVENTS)
        write_items(table, SAMPLE_EVENTS)
        with open(table, newline="", encoding="utf-8") as rows:
            # A title such as "Walnut lamp 43": what stands before the number is the category.
            kinds = {r["item_id"]: [r["title"].rpartition(" ")[0]] for r in csv.DictReader(rows)}
        return load_interactions(str(log), k_core=0), {"kind": kinds}


def with_cold_items(
    histories: Histories, num_items: int, seed: int
) -> tuple[Histories, Histories, np.ndarray, np.ndarray]:
    """A tenth of the items loses its training events; ids go by what is left of them.

    Returns:
        All histories and their training part, with the new ids, the old id of each new one, from
        1, and the training events of each.
    """
    random = np.random.default_rng(seed)
    is_cold = np.zeros(num_items + 1, bool)
    is_cold[1 + random.choice(num_items, round(num_items / 10), replace=False)] = True
    train = leave_one_out(histories).train
    kept = np.where(is_cold[train.items], 0, train.items)
    events = np.bincount(kept, minlength=num_items + 1)[1:]
    # Cold items in any order: the old one tells how popular they will be.
    old_ids = 1 + np.lexsort([random.random(num_items), -events])
    new_ids = np.zeros(num_items + 1, np.int32)
    new_ids[old_ids] = np.arange(1, num_items + 1)
    lists = [[new_ids[item] for item in history if not is_cold[item]] for history in train]
    renumbered = Histories(new_ids[histories.items], histories.row_splits)
    return renumbered, Histories.from_lists(lists), old_ids, events[old_ids - 1]


def trained(
    train: Histories, validation: HeldOut, num_items: int, seed: int, epochs: int, **features: Any
) -> SequentialRecommender:
    keras.utils.set_random_seed(seed)
    num_cold = features["item_features"].num_cold if features else 0
    counts = ItemCounts.from_histories(train, num_items, num_cold=num_cold)
    model = build_model(
        num_items, members=1, dim=32, dropout=0.2, counts=counts, seed=seed, **features
    )
    with tempfile.TemporaryDirectory() as state:
        stopping = ResumableEarlyStopping(state, epochs=epochs)
        tell = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: print(
                f"  epoch {epoch + 1}: loss {logs['loss']:.3f}", flush=True
            )
        )
        train_model(model, train, validation, stopping, seed=seed, callbacks=[tell])
    return model


def main(arguments: list[str] | None = None) -> None:
    options = parser.parse_args(arguments)
    if (options.events is None) != (options.items is None):
        parser.error("--events and --items belong together; the sample is taken without both.")
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}.")
    data, categories = load(options.events, options.items)
    num_items = len(data.item_ids)
    histories, train, old_ids, events = with_cold_items(data.histories, num_items, options.seed)
    _, validation, test = leave_one_out(histories)
    names = [data.item_ids[old - 1] for old in old_ids]
    known = next(iter(categories.values()))
    if missing := [name for name in names if name not in known]:
        print(f"{len(missing):,} items have no category, the first is {missing[0]!r}")
    features = ItemFeatures(
        {
            category: ItemCategories.from_lists([values.get(name, []) for name in names])
            for category, values in categories.items()
        },
        {},
        num_cold=int((events == 0).sum()),
    )
    is_cold = np.concatenate([[False], events == 0])
    print(f"{len(train):,} users, {num_items:,} items, {features.num_cold:,} of them cold")

    scorers: dict[str, Any] = {"popularity": Popularity(num_items)}
    arguments_of = {"without features": {}, "with features": {"item_features": features}}
    for name, given in arguments_of.items():
        print(f"model {name}")
        scorers[name] = trained(train, validation, num_items, options.seed, options.epochs, **given)
    rows: dict[str, list[str]] = {}
    for scorer in scorers.values():
        slices = summarize_by_training_events(rank_targets(scorer, *test), test.targets, events)
        for of_slice, results in slices.items():
            row = rows.setdefault(of_slice, [of_slice, f"{results['users']:,}"])
            row.append(f"{results[METRIC]:.4f}" if METRIC in results else "-")
        rows.setdefault("shelf", ["cold, among cold", rows["cold"][1]]).append(
            f"{hit_rate_among_cold(scorer, test, is_cold):.4f}"
        )
    print(f"\nHit rate at 10 by the training events of the target\n{'':18}{'users':>7}", end="")
    print("".join(f"{name:>18}" for name in scorers))
    for name, users, *values in rows.values():
        print(f"{name:18}{users:>7}" + "".join(f"{value:>18}" for value in values))


def hit_rate_among_cold(scorer: Any, test: HeldOut, is_cold: np.ndarray) -> float:
    """Hit rate at 10 of users whose target is cold, when cold items are the only candidates."""

    def of_cold(history: tf.Tensor) -> tf.Tensor:
        scores = scorer(history)
        return tf.where(is_cold, scores, tf.constant(-float("inf"), scores.dtype))

    users = np.flatnonzero(is_cold[test.targets])
    ranks = rank_targets(of_cold, test.histories.take(users), test.targets[users])
    return float(np.mean(ranks.unseen_items <= 10)) if len(users) else float("nan")


if __name__ == "__main__":
    try:
        main()
    except (EventLogError, OSError, ValueError) as error:
        sys.exit(str(error))
