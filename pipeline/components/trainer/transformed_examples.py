"""Reads transformed Examples into the arrays that `mclrec_tf` trains on."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from mclrec_tf.data.histories import HeldOut, Histories

_FEATURES = {
    "history_ids": tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
    "target_id": tf.io.FixedLenFeature([], tf.int64),
}
_USERS_PER_BATCH = 4096


def read_training(patterns: Sequence[str]) -> Histories:
    """Reads the train split: each user's whole training history.

    Args:
        patterns: Glob patterns of gzip-compressed TFRecord files with the features `history_ids`,
            int64 `[*]`, and `target_id`, int64 `[1]`.

    Returns:
        The histories, in an order that depends only on their content. Beam's workers write users in
        an arbitrary order, and in that order each run would train differently.

    Raises:
        FileNotFoundError: No file matches.
    """
    histories, last = _read(patterns)
    return histories.take(_order(histories.without_last(1), last))


def read_held_out(patterns: Sequence[str]) -> HeldOut:
    """Reads the validation or test split: histories and targets.

    Args:
        patterns: As for `read_training`.

    Returns:
        Histories and targets, in an order that depends only on their content.

    Raises:
        FileNotFoundError: No file matches.
    """
    histories, targets = _read(patterns)
    order = _order(histories, targets)
    return HeldOut(histories.take(order), targets[order])


def _read(patterns: Sequence[str]) -> HeldOut:
    """The histories and targets of a split, in the order of its files."""
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    if not files:
        raise FileNotFoundError(
            f"{', '.join(patterns)}: no file of transformed Examples matches. Give the output of "
            "Transform."
        )
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_USERS_PER_BATCH)
    batches = list(dataset.map(_parse).as_numpy_iterator())
    if not batches:
        return HeldOut(Histories.from_lists([]), np.zeros(0, np.int32))
    items, lengths, targets = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return HeldOut(Histories.from_lengths(items, lengths), targets)


def _order(histories: Histories, next_items: np.ndarray) -> np.ndarray:
    """The permutation that sorts users by the bytes of their histories, then by the next item."""
    ends = pa.py_buffer(histories.row_splits * histories.items.itemsize)
    items = pa.py_buffer(np.ascontiguousarray(histories.items))
    keys = pa.Array.from_buffers(pa.large_binary(), len(histories), [None, ends, items])
    table = pa.table({"history": keys, "next_item": next_items})
    return pc.sort_indices(table, [(name, "ascending") for name in table.column_names]).to_numpy()


def _parse(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    features = tf.io.parse_example(examples, _FEATURES)
    history = features["history_ids"]
    return (
        tf.cast(history.values, tf.int32),
        history.row_lengths(),
        tf.cast(features["target_id"], tf.int32),
    )
