"""Reads what Transform wrote into the arrays that `mclrec_tf` trains on."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from mclrec_tf.data.histories import Histories

_FEATURES = {
    "history_ids": tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
    "target_id": tf.io.FixedLenFeature([], tf.int64),
}
_USERS_A_BATCH = 4096


def read_split(patterns: Sequence[str]) -> tuple[Histories, np.ndarray]:
    """Reads one split of transformed Examples.

    Args:
        patterns: globs of gzip-compressed TFRecord files with the features `history_ids`
            `int64[*]` and `target_id` `int64[1]`.

    Returns:
        The histories and the targets, int32 `[users]`, in an order that depends on them alone:
        Beam's workers write users in an order of their own in each run, and training would differ.

    Raises:
        FileNotFoundError: no file matches.
    """
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    if not files:
        raise FileNotFoundError(f"no transformed Examples at {', '.join(patterns)}")
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_USERS_A_BATCH)
    batches = list(dataset.map(_parse).as_numpy_iterator())
    if not batches:
        return Histories.from_lists([]), np.zeros(0, np.int32)
    items, lengths, targets = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    histories = Histories.from_lengths(items, lengths)
    order = sorted(range(len(targets)), key=lambda user: (histories[user].tobytes(), targets[user]))
    sorted_items = np.concatenate([histories[user] for user in order])
    return Histories.from_lengths(sorted_items, lengths[order]), targets[order]


def _parse(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    features = tf.io.parse_example(examples, _FEATURES)
    history = features["history_ids"]
    return (
        tf.cast(history.values, tf.int32),
        history.row_lengths(),
        tf.cast(features["target_id"], tf.int32),
    )


def append_targets(histories: Histories, targets: np.ndarray) -> Histories:
    """Puts each target at the end of its history: the whole sequence a user is trained on."""
    ends = histories.row_splits[1:]
    items = np.insert(histories.items, ends, targets).astype(np.int32)
    return Histories(items, histories.row_splits + np.arange(len(targets) + 1))
