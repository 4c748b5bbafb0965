"""Transform's output with a vocabulary of the whole catalogue, and the features of its items."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf
from tfx.utils import io_utils

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from pipeline.components.item_features.stored_features import read_features, write_features
from pipeline.components.transform.vocabulary import vocabulary_file

_FEATURES_FILE, _NOTES_FILE = "item_features.npz", "item_table.json"


def write_catalogue_graph(
    folder: str,
    transform_graph: str,
    features: ItemFeatures,
    items: Sequence[str],
    notes: Sequence[str],
) -> None:
    """Writes a copy of Transform's output in which the vocabulary has more items.

    Args:
        folder: The folder to write.
        transform_graph: The folder of Transform's output.
        features: The features of all items.
        items: The raw ids of all items: those of the vocabulary, and then the others.
        notes: Sentences about the table.
    """
    if tf.io.gfile.exists(folder):  # An attempt that was killed may have left it.
        tf.io.gfile.rmtree(folder)
    io_utils.copy_dir(transform_graph, folder)
    with tf.io.gfile.GFile(vocabulary_file(folder), "wb") as file:
        file.write(b"".join(item.encode("utf-8", "surrogateescape") + b"\n" for item in items))
    write_features(os.path.join(folder, _FEATURES_FILE), features)
    with tf.io.gfile.GFile(os.path.join(folder, _NOTES_FILE), "w") as file:
        json.dump(list(notes), file)


def has_item_features(transform_graph: str) -> bool:
    """Whether a Transform's output is one of `write_catalogue_graph`."""
    return tf.io.gfile.exists(os.path.join(transform_graph, _FEATURES_FILE))


def read_item_features(transform_graph: str, training: Histories) -> ItemFeatures | None:
    """The features of the items of a catalogue. None for Transform's own output.

    Args:
        transform_graph: The folder.
        training: The training histories, which tell the cold items from the others. The vocabulary
            has them last: those that occur in held-out events alone, then those of the table.
    """
    features = stored_item_features(transform_graph)
    if features is None:
        return None
    num_trained = int(training.items.max(initial=0))
    return dataclasses.replace(features, num_cold=features.num_items - num_trained)


def stored_item_features(transform_graph: str) -> ItemFeatures | None:
    """The features without what is cold, which depends on the histories. None as above."""
    return read_features(os.path.join(transform_graph, _FEATURES_FILE))


def read_categories(transform_graph: str) -> Mapping[str, ItemCategories]:
    """The categories of the items of a catalogue. None for Transform's own output."""
    features = stored_item_features(transform_graph)
    return features.categories if features else {}


def read_notes(transform_graph: str) -> list[str]:
    """What a person should know of the table, in sentences. None for Transform's own output."""
    path = os.path.join(transform_graph, _NOTES_FILE)
    if not tf.io.gfile.exists(path):
        return []
    with tf.io.gfile.GFile(path) as file:
        return json.load(file)
