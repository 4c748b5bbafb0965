"""A version of a model with other item sets, beside the version that it was made of."""

import os
from collections.abc import Collection, Mapping, Sequence

from mclrec_tf.export.registered_sets import copy_with_item_sets, read_item_sets
from pipeline.components.pusher.version_folders import version_folders
from pipeline.whole_folder import whole_folder


class ItemSetsError(ValueError):
    """Sets that cannot be registered, with what to do about it."""


def changed_sets(
    export: str, given: Mapping[str, Sequence[str]], removed: Collection[str]
) -> dict[str, list[str]]:
    """The sets of an export with some replaced or added, and some removed.

    Args:
        export: The folder of the SavedModel.
        given: Item ids by the name of the set.
        removed: The names of sets to remove.

    Raises:
        ItemSetsError: A set to remove is not there.
    """
    there = read_item_sets(export)
    if missing := [name for name in removed if name not in there]:
        raise ItemSetsError(
            f"--remove {missing[0]!r}: {export} has no such set; it has {_listed(there)}."
        )
    kept = {name: items for name, items in there.items() if name not in removed}
    return {**kept, **{name: list(items) for name, items in given.items()}}


def add_version(export: str, item_sets: Mapping[str, Sequence[str]]) -> str:
    """Writes a copy of an export with other sets as the next version, whole or not at all.

    The number is that of the version plus one: versions of new models are times in seconds, and
    the next model has to have a greater number than any copy of this one.

    Args:
        export: The folder of the newest version.
        item_sets: The sets that the new version has.

    Returns:
        The folder of the new version.

    Raises:
        ItemSetsError: There is a newer version, or the folder is none; the export has no place for
            sets, or no item of a set.
    """
    parent, version = os.path.split(export)
    if [version] != version_folders(parent or ".")[-1:]:
        raise ItemSetsError(
            f"--model {export}: is not the newest of the versions in a folder, which a server "
            "serves. Give the folder of versions."
        )
    folder = os.path.join(parent, str(int(version) + 1))
    try:
        # The name is not a number, so that a server does not take the folder for a version.
        with whole_folder(folder, f".item-sets-{version}") as unfinished:
            copy_with_item_sets(export, unfinished, item_sets)
    except ValueError as error:
        raise ItemSetsError(f"--model {export}: {error}") from error
    return folder


def _listed(names: Collection[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
