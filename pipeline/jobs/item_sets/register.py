"""A version of a model with other item sets, beside the version that it was made of."""

import os
import uuid
from collections.abc import Collection, Mapping, Sequence

from mclrec_tf.export.registered_sets import copy_with_item_sets, read_item_sets
from pipeline.components.pusher.served_folder import UNFINISHED, alone_in
from pipeline.components.pusher.version_folders import version_folders
from pipeline.jobs.pushed_version import find_model
from pipeline.whole_folder import whole_folder


class ItemSetsError(ValueError):
    """Sets that cannot be registered, with what to do about it."""


def register(
    model: str | os.PathLike[str], given: Mapping[str, Sequence[str]], removed: Collection[str]
) -> str:
    """Writes a copy of the newest version with other sets as the next one, whole or not at all.

    The number is that of the newest version plus one: versions of new models are times in seconds,
    and the next model has to have a greater number than any copy of this one.

    Args:
        model: The folder of versions, or that of the newest one.
        given: Item ids by the name of a set, which replaces one of that name.
        removed: The names of sets to remove.

    Returns:
        The folder of the new version.

    Raises:
        PushedModelError: There is no model, or it is damaged.
        ItemSetsError: The folder is not that of the newest version, the export has no place for
            sets, a set to remove is not there, or a new one has no item of the catalogue.
    """
    versions = os.path.dirname(find_model(model).path) or "."
    with alone_in(versions):
        # What is newest is known for certain only now.
        newest = find_model(model).path
        _check_newest(model, newest)
        sets = _changed(newest, given, removed)
        folder = os.path.join(versions, str(int(os.path.basename(newest)) + 1))
        try:
            with whole_folder(folder, f"{UNFINISHED}{uuid.uuid4().hex}") as unfinished:
                copy_with_item_sets(newest, unfinished, sets)
                _check_newest(model, newest)
        except ValueError as error:
            if isinstance(error, ItemSetsError):
                raise
            raise ItemSetsError(f"--model {newest}: {error}") from error
    return folder


def _check_newest(model: str | os.PathLike[str], newest: str) -> None:
    versions, version = os.path.split(newest)
    there = version_folders(versions or ".")
    if there[-1:] == [version]:
        return
    if version in there and os.path.basename(os.fspath(model).rstrip("/")) != version:
        raise ItemSetsError(
            f"--model {os.fspath(model)}: version {there[-1]} has come meanwhile. Run the same "
            "command again."
        )
    raise ItemSetsError(
        f"--model {newest}: is not the newest of the versions in a folder, which a server serves. "
        "Give the folder of versions."
    )


def _changed(
    export: str, given: Mapping[str, Sequence[str]], removed: Collection[str]
) -> dict[str, list[str]]:
    there = read_item_sets(export)
    if missing := [name for name in removed if name not in there]:
        raise ItemSetsError(
            f"--remove {missing[0]!r}: {export} has no such set; it has {_listed(there)}."
        )
    kept = {name: items for name, items in there.items() if name not in removed}
    return {**kept, **{name: list(items) for name, items in given.items()}}


def _listed(names: Collection[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
