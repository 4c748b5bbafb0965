"""What the features of items add to their vectors."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.arguments import check_whole

_VALUES_FILE = "values.json"


@keras.saving.register_keras_serializable("mclrec_tf")
class ItemFeatureEmbedding(keras.layers.Layer):
    """Learned vectors of the features of items, added up for each item.

    f(i) = Σ_c mean of the vectors of the values that item i has of category c + Σ_v x_v(i)·W_v

    over the categories c and the given vectors x_v. What is learned, a vector a value and a matrix
    W_v, starts at zero, so that a feature says nothing before it has learned something. A mean, not
    a sum, so that an item with five genres is not five times as long as one with a single genre.
    Given vectors are scaled to a mean length of 1 first, so that one learning rate does for all.

    The features themselves are weights that are not trained: their sizes stand in the
    configuration, and they are saved with the model.
    `mclrec_tf.models.item_features.feature_embedding` makes the layer of `ItemFeatures`.

    Args:
        num_items: Size of the catalogue, |I|.
        dim: Size of the vectors, d.
        categories: By name, the number of values of a category, and how many values all items
            have of it together.
        vectors: By name, the width of given vectors.
        num_cold: How many of the items, the last ones, have no training event.

    Call arguments:
        ids: int tensor of any shape, values in `0..num_items + 1`; the padding and the mask token,
            0 and `num_items + 1`, have no features.

    Returns:
        Float tensor of shape `ids.shape + (dim,)`.

    Example:

    ```python
    import numpy as np
    import tensorflow as tf
    from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
    from mclrec_tf.models.item_features import feature_embedding

    genres = ItemCategories.from_lists([["drama"], ["comedy", "drama"], []])
    embedding = feature_embedding(ItemFeatures({"genres": genres}, {}), dim=8)
    embedding(tf.constant([[2, 3, 0]])).shape  # (1, 3, 8)
    ```
    """

    def __init__(
        self,
        num_items: int,
        dim: int,
        categories: Mapping[str, Sequence[int]],
        vectors: Mapping[str, int],
        num_cold: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_whole(1, num_items=num_items, dim=dim)
        check_whole(0, num_cold=num_cold)
        self.num_items = num_items
        self.dim = dim
        self.categories = {name: tuple(sizes) for name, sizes in categories.items()}
        self.vectors = dict(vectors)
        self.num_cold = num_cold
        # Ids are no numbers to be cast to the dtype of the weights.
        self.autocast = False
        self._values: dict[str, tuple[str, ...]] = {}
        self.build()

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """The values of each category by their ids, which tell them apart in another model."""
        return dict(self._values)

    def build(self, input_shape: Any = None) -> None:
        self.value_vectors, self._ids, self._splits = {}, {}, {}
        # Names of weights have the number of the column: its own may hold what they may not.
        for number, (name, (num_values, num_ids)) in enumerate(self.categories.items()):
            # Not without a row, which no optimizer could train, where no item has a value.
            self.value_vectors[name] = self.add_weight(
                shape=(max(num_values, 1), self.dim), initializer="zeros", name=f"values_{number}"
            )
            self._ids[name] = self._kept(f"ids_{number}", (max(num_ids, 1),), "int32")
            self._splits[name] = self._kept(f"splits_{number}", (self.num_items + 3,), "int64")
        self.projections, self._given, self.scales = {}, {}, {}
        for number, (name, width) in enumerate(self.vectors.items()):
            self.projections[name] = self.add_weight(
                shape=(width, self.dim), initializer="zeros", name=f"projection_{number}"
            )
            shape = (self.num_items + 2, width)
            self._given[name] = self._kept(f"vectors_{number}", shape, "float32")
            self.scales[name] = self._kept(f"scale_{number}", (), "float32")

    def _kept(self, name: str, shape: tuple[int, ...], dtype: str) -> keras.Variable:
        return self.add_weight(
            shape=shape, dtype=dtype, initializer="zeros", trainable=False, name=name
        )

    def assign(
        self,
        categories: Mapping[str, tuple[Sequence[str], npt.NDArray[Any], npt.NDArray[Any]]],
        vectors: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        """Takes the features over.

        Args:
            categories: By name, the values, the ids of the values of all items, and where those
                of each item begin and end, as `ItemCategories` holds them.
            vectors: By name, float `[num_items + 1, width]`.
        """
        for name, (values, ids, splits) in categories.items():
            self._values[name] = tuple(values)
            if len(ids):
                self._ids[name].assign(ids)
            self._splits[name].assign([*splits, splits[-1]])  # the mask token has none
        for name, given in vectors.items():
            lengths = np.linalg.norm(given.astype(np.float64), axis=1)
            self._given[name].assign(np.pad(given, [[0, 1], [0, 0]]))
            self.scales[name].assign(1 / lengths[lengths > 0].mean() if lengths.any() else 1.0)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(ids, [-1])
        parts = [self.of_category(name, flat) for name in self.categories]
        parts += [self.of_vectors(name, flat) for name in self.vectors]
        return tf.reshape(tf.add_n(parts), tf.concat([tf.shape(ids), [self.dim]], axis=0))

    def of_category(self, name: str, ids: tf.Tensor) -> tf.Tensor:
        """What a category adds to the vectors of items, `[B, d]`; ids int `[B]`."""
        splits = tf.convert_to_tensor(self._splits[name])
        places = tf.ragged.range(tf.gather(splits, ids), tf.gather(splits, ids + 1))
        values = tf.gather(tf.convert_to_tensor(self._ids[name]), places.flat_values)
        return tf.math.unsorted_segment_mean(
            tf.gather(tf.convert_to_tensor(self.value_vectors[name]), values),
            places.value_rowids(),
            tf.shape(ids)[0],
        )

    def of_vectors(self, name: str, ids: tf.Tensor) -> tf.Tensor:
        """What given vectors add to those of items, `[B, d]`; ids int `[B]`."""
        given = tf.gather(tf.convert_to_tensor(self._given[name]), ids)
        scaled = given * tf.convert_to_tensor(self.scales[name])
        projection = tf.convert_to_tensor(self.projections[name])
        return tf.matmul(tf.cast(scaled, projection.dtype), projection)

    def given(self, name: str) -> npt.NDArray[np.float32]:
        """The vectors that were given, `[num_items + 2, width]`."""
        return keras.ops.convert_to_numpy(self._given[name])

    def save_assets(self, dir_path: str) -> None:
        """Texts are no weights, and too many for the configuration."""
        with open(os.path.join(dir_path, _VALUES_FILE), "w", encoding="utf-8") as file:
            json.dump(self._values, file)

    def load_assets(self, dir_path: str) -> None:
        with open(os.path.join(dir_path, _VALUES_FILE), encoding="utf-8") as file:
            self._values = {name: tuple(values) for name, values in json.load(file).items()}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "dim": self.dim,
            "categories": {name: list(sizes) for name, sizes in self.categories.items()},
            "vectors": self.vectors,
            "num_cold": self.num_cold,
        }
