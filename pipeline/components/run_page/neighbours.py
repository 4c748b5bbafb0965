"""The items whose vectors are nearest to those of some items."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

import mclrec_tf  # noqa: F401  (Keras finds the model's class by its name)
from pipeline.components.trainer.run_fn import keras_path

NEIGHBOURS = 5
# Where the shown items stand in the catalogue by popularity: the most popular item, one in the
# middle, and a rare one, but not the very last, which may have no event in training.
_PLACES = (0.0, 0.5, 0.95)


@dataclass(frozen=True)
class Neighbours:
    """An item and those nearest to it.

    Attributes:
        item: The raw id.
        rank: Its place by the number of its training events, from 1 for the most popular item. None
            for a cold item, which has none.
        items: The nearest items with their cosines, nearest first.
    """

    item: str
    rank: int | None
    items: list[tuple[str, float]]


def neighbours_of_some(saved_model: str, catalogue: Sequence[str]) -> list[Neighbours]:
    """Finds the neighbours of a popular, a middling and a rare item, and of a cold one.

    Args:
        saved_model: The folder of the SavedModel, beside which the Keras file is.
        catalogue: The raw ids of the items of the model, the most popular first, cold ones last.

    Returns:
        The items, the most popular first, and the last cold one, which is the newest of a table
        that grows; none if there is no Keras file.
    """
    path = keras_path(saved_model)
    if not tf.io.gfile.exists(path):
        return []
    model = keras.saving.load_model(path, compile=False)
    trained = model.encoder.item_embedding.num_trained
    ids = sorted({int(place * (trained - 1)) + 1 for place in _PLACES})
    if trained < len(catalogue):
        ids.append(len(catalogue))
    nearest = model.similar_items(ids, NEIGHBOURS)
    return [
        Neighbours(
            catalogue[item - 1],
            item if item <= trained else None,
            [(catalogue[i - 1], float(c)) for i, c in zip(others, cosines, strict=True) if i],
        )
        for item, others, cosines in zip(ids, *nearest, strict=True)
    ]
