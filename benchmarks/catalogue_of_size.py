"""Exports of one size of catalogue and how they answer, for `benchmarks.large_catalogue`.

Each size runs in its own process, whose memory is then that of the size.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from benchmarks.provenance import print_json
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

if TYPE_CHECKING:
    from mclrec_tf.models.sequential_recommender import SequentialRecommender

KINDS = ("product", "bounds")
BATCH_SIZES = (1, 8, 64)

_EVALUATED = 64  # users at once
_VECTORS_A_PART = 100_000  # of a catalogue that an index reads in parts
_COPIES = 4  # of a table of scores, or of items, held at once


def export_both(model: SequentialRecommender, folder: Path, k: int) -> dict[str, dict[str, float]]:
    """Exports it with the plain product and with bounds; seconds and gigabytes of each."""
    from mclrec_tf.export import bounded_top_k
    from mclrec_tf.export.saved_model import export_savedmodel

    names = [f"item-{item}" for item in range(1, model.num_items + 1)]
    found = {}
    for kind, fewest in zip(KINDS, (sys.maxsize, 0), strict=True):
        bounded_top_k.FEWEST_NUMBERS = fewest  # as the benchmark needs both, whatever is quicker
        began = perf_counter()
        export_savedmodel(model, folder / kind, names, k)
        size = sum(file.stat().st_size for file in (folder / kind).rglob("*") if file.is_file())
        found[kind] = {
            "export_seconds": round(perf_counter() - began, 1),
            "export_gb": round(size / 1e9, 3),
        }
    return found


def histories_of(num_items: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Histories of 3 to 20 of the items, names as the export reads them."""
    lengths = random.integers(3, 21, count)
    drawn = random.integers(1, num_items + 1, (count, 50))
    return np.array(
        [
            [f"item-{item}" if place < length else "" for place, item in enumerate(row)]
            for row, length in zip(drawn, lengths, strict=True)
        ]
    )


def median_ms(calls: dict[str, Callable[[int], Any]], turns: int) -> dict[str, float]:
    """Median milliseconds of each call, one after the other in every turn; the first ones warm up.

    Args:
        calls: By name; each is given the number of its turn.
        turns: How often each is timed.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(turns + 2):
        for name, call in calls.items():
            began = perf_counter()
            call(turn)
            times[name].append(1000 * (perf_counter() - began))
    return {name: round(median(of_call[2:]), 2) for name, of_call in times.items()}


def memory_of(export: Path, history: np.ndarray) -> float:
    """What a process of its own grows by when it loads an export and answers once, in gigabytes."""
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        return other.submit(_growth, export, history).result()


def _growth(export: Path, history: np.ndarray) -> float:
    import tensorflow as tf

    tf.constant(1)  # it has begun by then
    before = psutil.Process().memory_info().rss
    loaded = tf.saved_model.load(str(export))
    loaded.signatures["serving_default"](history=tf.constant(history))
    return round((psutil.Process().memory_info().rss - before) / 1e9, 3)


def answers(folder: Path, num_items: int, turns: int) -> dict[str, Any]:
    """Loads both exports, and times them in turns.

    Args:
        folder: Of `export_both`.
        num_items: Size of the catalogue, |I|.
        turns: How often each is timed.
    """
    import tensorflow as tf

    random = np.random.default_rng(1)
    one = histories_of(num_items, 1, random)
    found: dict[str, Any] = {kind: {"memory_gb": memory_of(folder / kind, one)} for kind in KINDS}
    loaded = {kind: tf.saved_model.load(str(folder / kind)) for kind in KINDS}
    for size in BATCH_SIZES:
        if not _fits(size * num_items, 1):
            continue
        asked = [tf.constant(histories_of(num_items, size, random)) for _ in range(turns + 2)]
        lists: dict[str, list[Any]] = {kind: [] for kind in KINDS}

        def call(kind: str, turn: int, asked: list[Any] = asked, lists: Any = lists) -> None:
            answer = loaded[kind].signatures["serving_default"](history=asked[turn])
            lists[kind].append(answer["item_ids"].numpy())

        for kind, ms in median_ms({kind: partial(call, kind) for kind in KINDS}, turns).items():
            found[kind][f"ms_for_{size}"] = ms
        same = np.equal(*(np.concatenate(lists[kind]) for kind in KINDS))
        found[f"same_items_for_{size}"] = round(float(same.mean()), 6)
    examples = tf.constant([_example(row) for row in histories_of(num_items, _EVALUATED, random)])
    evaluate = loaded["product"].signatures["rank_examples"]
    times = median_ms({"": lambda _: evaluate(examples=examples)["all_items_rank"].numpy()}, 2)
    found["product"]["evaluated_a_second"] = round(1000 * _EVALUATED / times[""], 1)
    return found


def _example(history: np.ndarray) -> bytes:
    import tensorflow as tf

    names = [name.encode() for name in history if name]
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        for name, values in (("history", names[:-1]), ("target", names[-1:]))
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def indexes(items: np.ndarray, k: int, turns: int) -> dict[str, dict[str, float]]:
    """Times of the exact indexes of tensorflow-recommenders, if it is installed and they fit.

    Args:
        items: float32 `[|I|, d]`, the vectors of all items.
        k: Items of an answer.
        turns: How often each is timed.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # it refuses to be imported without
    import tensorflow as tf

    if not _fits(items.size, 0.5):
        return {}
    try:
        from tensorflow_recommenders.layers.factorized_top_k import BruteForce, Streaming
    except ImportError:
        return {}
    parts = tf.data.Dataset.from_tensor_slices(items).batch(_VECTORS_A_PART)
    found: dict[str, dict[str, float]] = {}
    for name, index in (
        ("brute_force", BruteForce(k=k).index(items)),
        ("streaming", Streaming(k=k).index_from_dataset(parts)),
    ):
        found[name] = {}
        for size in BATCH_SIZES:
            vectors = tf.constant(np.random.default_rng(size).normal(size=(size, items.shape[1])))
            vectors = tf.cast(vectors, tf.float32)
            times = median_ms({"": partial(_ask, index, vectors)}, turns)
            found[name][f"ms_for_{size}"] = times[""]
    return found


def _ask(index: Callable[[Any], Any], vectors: Any, turn: int) -> Any:
    return index(vectors)[1].numpy()


def _fits(numbers: int, share: float) -> bool:
    """Whether copies of so many float32 need no more than a share of the memory that is left."""
    return _COPIES * 4 * numbers <= share * psutil.virtual_memory().available


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.catalogue_of_size", description=__doc__)
    parser.add_argument("--model", type=path, required=True, help="a trained model, .keras")
    parser.add_argument("--items", type=int, required=True, help="size of the catalogue")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("-k", type=int, default=100, help="items of an answer")
    parser.add_argument("--without-counts", action="store_true")
    options = parser.parse_args(arguments)

    import keras

    from benchmarks.grown_catalogue import grown

    model = keras.saving.load_model(options.model, compile=False)
    try:
        larger = grown(model, options.items, with_counts=not options.without_counts)
    except ValueError as error:
        parser.error(f"--items {options.items}: {error}")
    found = indexes(larger.item_vectors().numpy()[1:], options.k, options.turns)
    with tempfile.TemporaryDirectory(dir=options.model.parent) as folder:
        exports = export_both(larger, Path(folder), options.k)
        del larger
        found |= answers(Path(folder), options.items, options.turns)
    for kind in KINDS:
        found[kind] = exports[kind] | found[kind]
    print_json({"items": options.items, **found})


if __name__ == "__main__":
    sys.exit(main())
