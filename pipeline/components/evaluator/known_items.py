"""The catalogue of an evaluation, read once in each process of a worker."""

import threading
from functools import lru_cache
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

import mclrec_tf  # noqa: F401  # registers what a Keras file holds
from mclrec_tf.evaluation.catalogue import Catalogue
from mclrec_tf.evaluation.category_similarity import CategoryValues
from pipeline.components.evaluator.catalogue_files import read_catalogue, read_categories

_lock = threading.Lock()


class KnownItems(NamedTuple):
    """What is known of the items that may be recommended.

    Attributes:
        ids: The id of each raw id.
        catalogue: Who had them in training, and their vectors.
    """

    ids: dict[bytes, int]
    catalogue: Catalogue


def known_items(examples_uri: str, keras_file: str) -> KnownItems:
    """Reads the items of test Examples, and their vectors from a model.

    Args:
        examples_uri: The folder of the Examples.
        keras_file: The Keras file of a model of the same run. Without it there are no vectors.

    Raises:
        FileNotFoundError: The Examples have no catalogue.
        ValueError: The model is of another catalogue.
    """
    with _lock:
        return _read(examples_uri, keras_file)


def known_categories(examples_uri: str) -> tuple[dict[bytes, int], CategoryValues | None]:
    """The id of each raw id of the items of test Examples, and their values of all categories.

    Args:
        examples_uri: The folder of the Examples.

    Raises:
        FileNotFoundError: The Examples have no catalogue.
    """
    with _lock:
        return _read_categories(examples_uri)


@lru_cache(maxsize=1)
def _read_categories(examples_uri: str) -> tuple[dict[bytes, int], CategoryValues | None]:
    items = read_catalogue(examples_uri).items
    categories = read_categories(examples_uri)
    values = CategoryValues.of(categories) if categories else None
    return {item: number for number, item in enumerate(items, start=1)}, values


@lru_cache(maxsize=1)
def _read(examples_uri: str, keras_file: str) -> KnownItems:
    files = read_catalogue(examples_uri)
    vectors = None
    if keras_file and tf.io.gfile.exists(keras_file):
        vectors = item_vectors(keras_file)
        if len(vectors) != len(files.item_users):
            raise ValueError(
                f"{keras_file}: has {len(vectors) - 1} items, but the test Examples have "
                f"{len(files.items)}. Give the outputs of the same run."
            )
    ids = {item: number for number, item in enumerate(files.items, start=1)}
    return KnownItems(ids, Catalogue(files.item_users, files.num_users, vectors))


def item_vectors(keras_file: str) -> npt.NDArray[np.float32]:
    """The vectors by which a model scores its items, `[|I| + 1, d]`."""
    model = keras.models.load_model(keras_file, compile=False)
    return np.asarray(model.item_vectors(), np.float32)
