"""Transform: raw item ids become numbers. 0 is padding, 1 to |I| are items."""

import tensorflow as tf
import tensorflow_transform as tft

VOCABULARY = "items"


def preprocessing_fn(
    inputs: dict[str, tf.Tensor | tf.SparseTensor],
) -> dict[str, tf.Tensor | tf.SparseTensor]:
    """Learns the vocabulary and looks the items up in it.

    The vocabulary lists every item of the catalogue by falling frequency in the train split;
    items of equal frequency stand in falling order of their bytes. A held-out event weighs
    nothing: that its item exists is all that is learned from it.

    Args:
        inputs: Raw features, as in `schema/schema.pbtxt`.

    Returns:
        History_ids: int64 SparseTensor, [batch, longest history].
        target_id: int64, [batch, 1].
    """
    history, target = inputs["history"], inputs["target"][:, 0]
    is_training = tf.cast(inputs["is_training"][:, 0], tf.float32)
    items = tf.concat([history.values, target], axis=0)
    # In training the target is the last of the history, and counted there.
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
