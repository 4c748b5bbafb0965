"""What is known of the items, as files beside the test Examples, without pickle."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from pipeline.components.item_features.stored_features import read_features, write_features

_FOLDER, _ITEMS_FILE, _USERS_FILE = "catalogue", "items", "training_users.npy"
_CATEGORIES_FILE = "categories.npz"


class CatalogueFiles(NamedTuple):
    """The items of the vocabulary, and who had them in training.

    Attributes:
        items: The raw ids, by id from 1.
        item_users: int64 `[|I| + 1]`, how many training users had each; 0 for the padding.
        num_users: How many training users there are.
    """

    items: list[bytes]
    item_users: npt.NDArray[np.int64]
    num_users: int


def read_items(vocabulary: str) -> list[bytes]:
    """The raw ids of a vocabulary, a text file with one a line."""
    with tf.io.gfile.GFile(vocabulary, "rb") as file:
        return file.read().split(b"\n")[:-1]


def write_catalogue(examples_uri: str, catalogue: CatalogueFiles) -> None:
    """Writes a catalogue into the folder of test Examples."""
    folder = os.path.join(examples_uri, _FOLDER)
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(os.path.join(folder, _ITEMS_FILE), "wb") as file:
        file.write(b"".join(item + b"\n" for item in catalogue.items))
    with tf.io.gfile.GFile(os.path.join(folder, _USERS_FILE), "wb") as file:
        # In the place of the padding is the number of all users.
        np.save(file, np.append(catalogue.num_users, catalogue.item_users[1:]), allow_pickle=False)


def read_catalogue(examples_uri: str) -> CatalogueFiles:
    """Reads what `write_catalogue` has written.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is not what `write_catalogue` writes.
    """
    folder = os.path.join(examples_uri, _FOLDER)
    paths = [os.path.join(folder, name) for name in (_ITEMS_FILE, _USERS_FILE)]
    for path in paths:
        if not tf.io.gfile.exists(path):
            raise FileNotFoundError(
                f"{path}: is missing. Evaluate the output of EvaluationFeatures."
            )
    items = read_items(paths[0])
    with tf.io.gfile.GFile(paths[1], "rb") as file:
        try:
            users = np.load(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise _not_ours(paths[1], str(error)) from error
    if users.shape != (len(items) + 1,) or users.dtype != np.int64:
        raise _not_ours(
            paths[1], f"it has the shape {users.shape} of {users.dtype} for {len(items)} items"
        )
    item_users = users.copy()
    item_users[0] = 0
    return CatalogueFiles(items, item_users, int(users[0]))


def write_categories(examples_uri: str, categories: Mapping[str, ItemCategories]) -> None:
    """Writes the categories of the items beside a catalogue, if there are any."""
    if categories:
        path = os.path.join(examples_uri, _FOLDER, _CATEGORIES_FILE)
        write_features(path, ItemFeatures(categories, {}))


def read_categories(examples_uri: str) -> Mapping[str, ItemCategories]:
    """Reads what `write_categories` has written."""
    found = read_features(os.path.join(examples_uri, _FOLDER, _CATEGORIES_FILE))
    return found.categories if found else {}


def _not_ours(path: str, reason: str) -> ValueError:
    return ValueError(
        f"{path}: is not what EvaluationFeatures writes: {reason}. Remove the artifact, or give "
        "that of another run."
    )
