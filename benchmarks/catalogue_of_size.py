"""Exports of one size of catalogue and how they answer, for `benchmarks.large_catalogue`.

Each step runs in a process of its own, which gives back all memory when it ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import psutil

if TYPE_CHECKING:
    from mclrec_tf.models.sequential_recommender import SequentialRecommender

Result = TypeVar("Result")

KINDS = ("product", "bounds")
BATCH_SIZES = (1, 8, 64)

_EVALUATED = 64  # users at once
_VECTORS_A_PART = 100_000  # of a catalogue that an index reads in parts
_COPIES = 4  # of a table of scores, or of items, held at once


def cost(
    model: Path, num_items: int, with_counts: bool, k: int, turns: int, folder: Path
) -> dict[str, Any]:
    """What one size of the catalogue costs.

    Args:
        model: File of a trained model.
        num_items: Size of the catalogue, |I|.
        with_counts: Whether the model keeps its counts.
        k: Items of an answer.
        turns: How often each is timed.
        folder: A new one, for the exports.

    Raises:
        ValueError: The model has more items.
    """
    found: dict[str, Any] = in_own_process(indexes, model, num_items, k, turns)
    exports = {
        kind: in_own_process(export, model, num_items, with_counts, kind, folder / kind, k)
        for kind in KINDS
    }
    found |= in_own_process(answered, folder, num_items, turns)
    for kind in KINDS:
        found[kind] = exports[kind] | found[kind]
    return {"items": num_items, **found}


def in_own_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """What a function returns, whose memory is given back whatever it holds."""
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        return other.submit(function, *arguments).result()


def grown_model(file: Path, num_items: int, with_counts: bool) -> SequentialRecommender:
    """The model of a file with so many items, the same in every process."""
    import keras

    from benchmarks.grown_catalogue import grown

    return grown(keras.saving.load_model(file, compile=False), num_items, with_counts)


def export(
    file: Path, num_items: int, with_counts: bool, kind: str, folder: Path, k: int
) -> dict[str, float]:
    """Exports the model with so many items; tells seconds and gigabytes.

    Args:
        file: The model.
        num_items: Size of the catalogue, |I|.
        with_counts: Whether it keeps its counts.
        kind: One of `KINDS`.
        folder: Where to.
        k: Items of an answer.
    """
    from mclrec_tf.export import bounded_top_k
    from mclrec_tf.export.saved_model import export_savedmodel

    model = grown_model(file, num_items, with_counts)
    # As asked for here, not as is quicker.
    bounded_top_k.FEWEST_NUMBERS = {"product": sys.maxsize, "bounds": 0}[kind]
    names = [f"item-{item}" for item in range(1, num_items + 1)]
    began = perf_counter()
    export_savedmodel(model, folder, names, k)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        "export_seconds": round(perf_counter() - began, 1),
        "export_gb": round(size / 1e9, 3),
    }


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


def growth(folder: Path, history: np.ndarray) -> float:
    """What the process grows by when it loads an export and answers once, in gigabytes."""
    import tensorflow as tf

    tf.constant(1)  # it has begun by then
    before = psutil.Process().memory_info().rss
    loaded = tf.saved_model.load(str(folder))
    loaded.signatures["serving_default"](history=tf.constant(history))
    return round((psutil.Process().memory_info().rss - before) / 1e9, 3)


def answered(folder: Path, num_items: int, turns: int) -> dict[str, Any]:
    """Loads both exports, and times them in turns.

    Args:
        folder: Of both, by kind.
        num_items: Size of the catalogue, |I|.
        turns: How often each is timed.
    """
    import tensorflow as tf

    random = np.random.default_rng(1)
    one = histories_of(num_items, 1, random)
    found: dict[str, Any] = {
        kind: {"memory_gb": in_own_process(growth, folder / kind, one)} for kind in KINDS
    }
    loaded = {kind: tf.saved_model.load(str(folder / kind)) for kind in KINDS}
    for size in BATCH_SIZES:
        if not _fits(size * num_items, 1):
            continue
        asked = [tf.constant(histories_of(num_items, size, random)) for _ in range(turns + 2)]
        answers: dict[str, list[Any]] = {kind: [] for kind in KINDS}

        def call(kind: str, turn: int, asked: list[Any] = asked, answers: Any = answers) -> None:
            answer = loaded[kind].signatures["serving_default"](history=asked[turn])
            answers[kind].append((answer["item_ids"].numpy(), answer["scores"].numpy()))

        for kind, ms in median_ms({kind: partial(call, kind) for kind in KINDS}, turns).items():
            found[kind][f"ms_for_{size}"] = ms
        items, scores = (
            [np.concatenate([answer[part] for answer in answers[kind]]) for kind in KINDS]
            for part in (0, 1)
        )
        found[f"same_items_for_{size}"] = round(float(np.mean(items[0] == items[1])), 6)
        found[f"largest_difference_for_{size}"] = float(abs(scores[0] - scores[1]).max())
    if not _fits(2 * _EVALUATED * num_items, 1):
        return found
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


def indexes(file: Path, num_items: int, k: int, turns: int) -> dict[str, dict[str, float]]:
    """Times of the exact indexes of tensorflow-recommenders, if it is installed and they fit.

    Args:
        file: The model whose items are found.
        num_items: Size of the catalogue, |I|.
        k: Items of an answer.
        turns: How often each is timed.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # it refuses to be imported without
    import tensorflow as tf

    items = grown_model(file, num_items, with_counts=False).item_vectors().numpy()[1:]
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
