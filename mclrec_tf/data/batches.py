"""Padded batches for `fit` and `evaluate`, from histories in memory."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.arguments import check_whole
from mclrec_tf.data.histories import Histories, positions

SCHEDULES = ("causal", "prefix")


@dataclass(frozen=True)
class Windows:
    """Parts of histories that one row of a training batch holds, each int64 `[W]`.

    Attributes:
        start: Where the window begins in `Histories.items`.
        length: Items the encoder reads.
        predictions: How many of its last positions predict the item that came next.
    """

    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)


def causal_windows(histories: Histories, max_length: int) -> Windows:
    """One causal pass predicts every item of a window: no prefix is encoded twice.

    A history longer than `max_length` is cut into windows from its end, so that every item but
    the first is predicted exactly once.

    Args:
        histories: The training part of each user.
        max_length: Items that the encoder reads at most.
    """
    inputs = np.maximum(histories.lengths - 1, 0)
    count = -(-inputs // max_length)
    owner = np.repeat(np.arange(len(histories)), count)
    number = positions(count)
    end = histories.row_splits[:-1][owner] + inputs[owner] - number * max_length
    length = np.minimum(max_length, end - histories.row_splits[:-1][owner])
    return Windows(end - length, length, length)


def prefix_windows(histories: Histories, max_length: int) -> Windows:
    """Each prefix of a history predicts the item after it, as the authors train.

    Args:
        histories: The training part of each user.
        max_length: Items that the encoder reads at most, the most recent ones of a prefix.
    """
    count = np.maximum(histories.lengths - 1, 0)
    prefix = positions(count) + 1
    length = np.minimum(prefix, max_length)
    start = np.repeat(histories.row_splits[:-1], count) + prefix - length
    return Windows(start, length, np.ones_like(length))


def training_batches(
    histories: Histories,
    max_length: int = 50,
    batch_size: int = 1024,
    schedule: str = "causal",
    seed: int = 0,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Batches of `(history, targets)` for `MCLRec.fit`.

    Rows come in random company and every batch asks for about `batch_size` predictions (never
    fewer than one row's), so every prediction weighs the same whatever the lengths. Batches of
    like length would be padded less, but encoders need not work on padding. Each pass over the
    dataset composes the batches anew.

    Args:
        histories: The training part of each user.
        max_length: Longest history the encoder reads, n.
        batch_size: Predictions a batch.
        schedule: `"causal"` predicts every item of a history in one pass over it; `"prefix"`
            makes a row of every prefix, as the authors' code does.
        seed: Seed of the order.
        first_epoch: Number of the first pass, which decides the order together with the seed; a
            training that goes on after `n` epochs gives `n`.

    Returns:
        Dataset of two int32 tensors `[B, L]`, L ≤ max_length varying: the history,
        right-padded with 0, and the next item at each position, 0 where there is none.

    Raises:
        ValueError: An argument is out of range, or no user has two events to learn from.

    Example:

    ```python
    from mclrec_tf.data.batches import training_batches
    from mclrec_tf.data.histories import Histories

    batches = training_batches(Histories.from_lists([[1, 2, 3], [2, 1]]))
    next(iter(batches))  # e.g. ([[2, 0], [1, 2]], [[1, 0], [2, 3]])
    ```
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {SCHEDULES}, got {schedule!r}.")
    check_whole(1, batch_size=batch_size, max_length=max_length)
    check_whole(0, seed=seed, first_epoch=first_epoch)
    make = causal_windows if schedule == "causal" else prefix_windows
    windows = make(histories, max_length)
    if not len(windows):
        raise ValueError("histories: no user has two training events, so nothing can be learned.")
    orders = random_of_epochs(seed, first_epoch)

    def one_pass() -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
        order = next(orders).permutation(len(windows))
        batch = (np.cumsum(windows.predictions[order]) - 1) // size
        for rows in np.split(order, np.flatnonzero(np.diff(batch)) + 1):
            yield _padded(histories, windows, rows)

    # No row is larger than a batch, so there are as many batches in every order.
    size = max(batch_size, int(windows.predictions.max()))
    count = -(-int(windows.predictions.sum()) // size)
    spec = tf.TensorSpec([None, None], tf.int32)
    return generated_dataset(one_pass, (spec, spec), count)


def evaluation_batches(
    histories: Histories, targets: npt.ArrayLike, batch_size: int = 256
) -> tf.data.Dataset:
    """Batches of `(history, target)` for `MCLRec.evaluate`, in order of falling length.

    Args:
        histories: What is known of each user, in full: the model reads the most recent part,
            and the whole of it counts as seen.
        targets: int32 `[U]`, the held-out item of each user.
        batch_size: Users a batch.

    Returns:
        Dataset of int32 tensors `[B, L]`, right-padded with 0, and `[B]`.

    Raises:
        ValueError: There is not one target a history, or batch_size is less than 1.
    """
    check_whole(1, batch_size=batch_size)
    items = held_out_items(histories, targets)
    order = evaluation_order(histories)
    rows = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    whole = Windows(histories.row_splits[:-1], histories.lengths, histories.lengths)

    def one_pass() -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
        for users in rows:
            yield _padded(histories, whole, users)[0], items[users]

    signature = (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32))
    return generated_dataset(one_pass, signature, len(rows))


def held_out_items(histories: Histories, targets: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """The held-out item of each history as int32 `[U]`.

    Args:
        histories: What is known of each user.
        targets: The held-out item of each, int `[U]`.

    Raises:
        ValueError: `targets` has another shape, or other values than ids.
    """
    items = np.asarray(targets)
    if items.shape != (len(histories),):
        raise ValueError(
            f"histories and targets must have one entry a user, got {len(histories)} and "
            f"{len(items) if items.ndim == 1 else items.shape}."
        )
    if items.size and (items.dtype.kind not in "iu" or items.min() < 0):
        raise ValueError(f"targets must be ids of items, integers from 0; got {items}.")
    return items.astype(np.int32)


def evaluation_order(histories: Histories) -> npt.NDArray[np.int64]:
    """The order of users in `evaluation_batches`: longest history first."""
    return np.argsort(-histories.lengths, kind="stable")


def random_of_epochs(seed: int, first_epoch: int = 0) -> Iterator[np.random.Generator]:
    """Random numbers for one epoch after the other.

    Those of an epoch depend on its number and the seed alone, and seeds of different runs do not
    meet at different epochs.

    Args:
        seed: Not negative.
        first_epoch: Number of the first epoch, from 0.
    """
    for epoch in itertools.count(first_epoch):
        yield np.random.default_rng(seed * 1_000_003 + epoch)


def generated_dataset(
    one_pass: Callable[[], Iterator[Any]], signature: tuple[tf.TensorSpec, ...], batches: int
) -> tf.data.Dataset:
    """A dataset whose passes are those of a generator.

    Args:
        one_pass: Makes a generator of the batches of one pass.
        signature: Shapes and dtypes of a batch.
        batches: How many a pass has.
    """
    options = tf.data.Options()
    # There is nothing to tune, and a tuned iterator ends late: its tuner sleeps in between, ever
    # longer, and is waited for (an epoch of 13 s would take 20.5 s).
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(one_pass, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches)).prefetch(4)
    return dataset.with_options(options)


def _padded(
    histories: Histories, windows: Windows, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Items of the windows, and the item after each position that predicts, `[B, L]` each."""
    length = windows.length[rows][:, None]
    position = np.arange(max(int(length.max(initial=0)), 1))[None]
    source = windows.start[rows][:, None] + position
    inside = position < length
    predicted = inside & (position >= length - windows.predictions[rows][:, None])
    items = histories.items
    history = np.where(inside, items.take(source, mode="clip") if len(items) else 0, 0)
    targets = np.where(predicted, items.take(source + 1, mode="clip") if len(items) else 0, 0)
    return history.astype(np.int32), targets.astype(np.int32)
