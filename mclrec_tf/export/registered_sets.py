"""Item sets of an export that is written already: read, replaced, and taken along to the next."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from mclrec_tf.arguments import path_text
from mclrec_tf.export.checksums import write_checksums
from mclrec_tf.export.item_sets import MEMBERS, NAMES
from mclrec_tf.export.new_folder import check_new

SETS_FILE = "assets.extra/item_sets.json"
"""The item ids of each set by its name, also those that the catalogue does not hold."""

_VARIABLES = "variables/variables"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # where a checkpoint tells the names of variables


def read_item_sets(export: str | os.PathLike[str]) -> dict[str, list[str]]:
    """The raw item ids of each set of an export, by its name; none where it has no sets.

    Args:
        export: Folder of the SavedModel.
    """
    file = os.path.join(export, SETS_FILE)
    if not tf.io.gfile.exists(file):
        return {}
    with tf.io.gfile.GFile(file) as opened:
        return json.load(opened)


def read_catalogue(export: str | os.PathLike[str]) -> list[str]:
    """The raw item ids that an export knows, by id from 1. Bytes that are no UTF-8 are surrogates.

    Args:
        export: Folder of the SavedModel.

    Raises:
        ValueError: It is none of `export_savedmodel`.
    """
    files = tf.io.gfile.glob(os.path.join(export, "assets", "*"))
    if len(files) != 1:
        raise ValueError(
            f"{os.fspath(export)}: is not an export of `export_savedmodel`, whose one asset is the "
            f"catalogue; it has {len(files)}. Give the folder that holds its saved_model.pb."
        )
    with tf.io.gfile.GFile(files[0], "rb") as lines:
        text = lines.read().decode("utf-8", "surrogateescape")
    return text.removesuffix("\n").split("\n")


def copy_with_item_sets(
    export: str | os.PathLike[str],
    path: str | os.PathLike[str],
    item_sets: Mapping[str, Sequence[str]],
) -> None:
    """Writes a copy of an export that has other sets in place of those of the export.

    Args:
        export: Folder of the SavedModel.
        path: Folder to write, such as that of the next version; must not exist yet, or be empty.
        item_sets: Raw item ids by the name of the set. Those that the catalogue does not hold are
            kept for an export that does.

    Raises:
        FileExistsError: `path` is a file, or a folder that is not empty.
        ValueError: The export is of an earlier version, which has no sets, or a set has no name or
            no item of the catalogue.

    Example:

    After `copy_with_item_sets("models/mclrec/1", "models/mclrec/2", {"in stock": ["tea"]})` a
    server that follows `models/mclrec` answers requests that name the set "in stock".
    """
    export, path = path_text("export", export), path_text("path", path)
    check_new(path)
    try:
        for folder, _, names in tf.io.gfile.walk(export):
            copied = os.path.normpath(os.path.join(path, os.path.relpath(folder, export)))
            tf.io.gfile.makedirs(copied)
            for name in names:
                tf.io.gfile.copy(os.path.join(folder, name), os.path.join(copied, name))
        write_item_sets(path, item_sets)
        write_checksums(path)
    except BaseException:
        if tf.io.gfile.isdir(path):
            tf.io.gfile.rmtree(path)  # a server must not find what is not whole
        raise


def write_item_sets(export: str | os.PathLike[str], item_sets: Mapping[str, Sequence[str]]) -> None:
    """Gives an export other sets in place of those that it has.

    Args:
        export: Folder of the SavedModel, which nothing may be serving. Its checksums have to be
            written anew afterwards.
        item_sets: As of `copy_with_item_sets`.

    Raises:
        ValueError: As `copy_with_item_sets`.
    """
    catalogue = read_catalogue(export)
    known = set(catalogue)
    for name, items in item_sets.items():
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ValueError(f"item_sets: the name of a set must be text of a line, got {name!r}.")
        if isinstance(items, str):
            raise ValueError(f"item_sets[{name!r}] must be a list of item ids, got {items!r}.")
        if known.isdisjoint(items):
            raise ValueError(
                f"item_sets[{name!r}]: none of its {len(items):,} items is in the catalogue of "
                f"{len(catalogue):,} items. Are its ids written like those of the training data?"
            )
    _write(export, item_sets, catalogue)


def keep_item_sets(earlier: str | os.PathLike[str], export: str | os.PathLike[str]) -> None:
    """Gives an export the sets of an earlier one, if that has any, and writes its checksums anew.

    Args:
        earlier: Folder of a SavedModel. Items of its sets that it does not know itself may be in
            the catalogue of `export`.
        export: Folder of another one, which nothing may be serving. Where it is of an earlier
            version, which has no sets, it stays as it is.
    """
    item_sets = read_item_sets(earlier)
    if item_sets:
        _write(export, item_sets, read_catalogue(export))
        write_checksums(export)


def _write(
    export: str | os.PathLike[str],
    item_sets: Mapping[str, Sequence[str]],
    catalogue: Sequence[str],
) -> None:
    id_of = {name: number for number, name in enumerate(catalogue, start=1)}
    members = np.zeros((len(item_sets) + 1, len(catalogue) + 1), np.bool_)
    for row, items in enumerate(item_sets.values(), start=1):
        members[row, [id_of[item] for item in items if item in id_of]] = True
    names = [b"", *(name.encode("utf-8", "surrogateescape") for name in item_sets)]
    _replace_variables(export, {NAMES: np.array(names, dtype=object), MEMBERS: members})
    file = os.path.join(export, SETS_FILE)
    tf.io.gfile.makedirs(os.path.dirname(file))
    with tf.io.gfile.GFile(file, "w") as opened:
        json.dump({name: list(items) for name, items in item_sets.items()}, opened)


def _replace_variables(export: str | os.PathLike[str], values: Mapping[str, np.ndarray]) -> None:
    """Writes the variables of an export anew, some, by their names, with other values."""
    prefix = os.path.join(export, _VARIABLES)
    try:
        reader = tf.train.load_checkpoint(prefix)
        keys = sorted(reader.get_variable_to_shape_map())
        tensors = {key: reader.get_tensor(key) for key in keys}
    except tf.errors.OpError as error:
        raise ValueError(f"The files under variables/ cannot be read: {error.message}") from error
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(tensors[_OBJECT_GRAPH])
    key_of = {part.full_name: part.checkpoint_key for n in graph.nodes for part in n.attributes}
    if not values.keys() <= key_of.keys():
        raise ValueError(
            "The export is of an earlier version, which has no item sets. Export the model again."
        )
    tensors |= {key_of[name]: value for name, value in values.items()}
    folder = os.path.dirname(prefix)
    with tempfile.TemporaryDirectory() as local:
        written = os.path.join(local, os.path.basename(prefix))
        tf.raw_ops.SaveV2(
            prefix=written,
            tensor_names=keys,
            shape_and_slices=[""] * len(keys),
            tensors=[tf.constant(tensors[key]) for key in keys],
        )
        for name in tf.io.gfile.listdir(folder):
            tf.io.gfile.remove(os.path.join(folder, name))
        for name in os.listdir(local):
            tf.io.gfile.copy(os.path.join(local, name), os.path.join(folder, name))
