"""The items that each version knows, as far as its export is still there."""

import os
from collections.abc import Collection

import tensorflow as tf

from pipeline.components.pusher.version_folders import version_folders
from pipeline.components.transform.vocabulary import item_ids
from pipeline.jobs.request_log.requests import ModelVersion
from serving.export_contract import GRAPH_FILE

_ITEMS = os.path.join("assets", "items")


class CataloguesError(ValueError):
    """There is no model in a folder. The message names the option and says what to do."""


def catalogues(
    folder: str | os.PathLike[str], models: Collection[str]
) -> dict[ModelVersion, set[str]]:
    """The raw ids of the items of each version; bytes that are no UTF-8 are surrogates.

    Args:
        folder: The folder of all versions, or of one.
        models: The names of the models that have answered. Of several, the folder is that of the
            model whose name it has.

    Returns:
        By version. Versions whose export has no list of items are left out.

    Raises:
        CataloguesError: There is no version.
    """
    folder = os.fspath(folder).rstrip("/")
    if tf.io.gfile.exists(os.path.join(folder, GRAPH_FILE)):
        folder, name = os.path.split(folder)
        names = [name] if name.isdecimal() else []
    else:
        names = version_folders(folder)
    if not names:
        raise CataloguesError(
            f"--model {folder}: contains no version of a model. Give the folder that a server has "
            "as --model_base_path."
        )
    model = next(iter(models)) if len(models) == 1 else os.path.basename(folder)
    found = {}
    for name in names:
        try:
            found[ModelVersion(model, int(name))] = set(
                item_ids(os.path.join(folder, name, _ITEMS))
            )
        except tf.errors.NotFoundError:
            continue
    return found
