"""Transform: maps raw item ids to integers. 0 is padding, 1 to |I| are items."""

import tensorflow as tf
import tensorflow_transform as tft

VOCABULARY = "items"


def preprocessing_fn(
    inputs: dict[str, tf.Tensor | tf.SparseTensor],
) -> dict[str, tf.Tensor | tf.SparseTensor]:
    """Computes the vocabulary and looks the items up in it.

    The vocabulary lists every item of the catalogue by descending frequency in the train split, and
    items of equal frequency in descending order of their bytes. A held-out event has the weight 0:
    all that it contributes is that its item exists.

    Args:
        inputs: The raw features of a batch, as in `schema/schema.pbtxt`.

    Returns:
        A dictionary of `history_ids`, int64 SparseTensor `[batch, longest history]`, and
        `target_id`, int64 `[batch, 1]`.
    """
    history, target = inputs["history"], inputs["target"][:, 0]
    is_training = tf.cast(inputs["is_training"][:, 0], tf.float32)
    items = tf.concat([history.values, target], axis=0)
    # In a train Example the target is the last item of the history, and is counted there.
    weights = [tf.gather(is_training, history.indices[:, 0]), tf.zeros_like(is_training)]
    vocabulary = tft.vocabulary(
        items, weights=tf.concat(weights, axis=0), vocab_filename=VOCABULARY
    )
    ids = tft.apply_vocabulary(items, vocabulary) + 1
    in_histories = tf.shape(history.values)[0]
    return {
        "history_ids": history.with_values(ids[:in_histories]),
        "target_id": ids[in_histories:, tf.newaxis],
    }
