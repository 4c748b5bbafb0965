"""Which items batch inference may recommend."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mclrec_tf.export.registered_sets import copy_with_item_sets, read_catalogue, read_item_sets
from pipeline.jobs.batch_inference.error import BatchInferenceError
from pipeline.jobs.item_list import known_of, read_item_list
from pipeline.jobs.pushed_version import ModelVersion

_SET = "allowed"


class Asked(NamedTuple):
    """What a model is asked with.

    Attributes:
        saved_model: The folder of the SavedModel.
        candidate_set: Its item set to choose from. "" for all items.
    """

    saved_model: str
    candidate_set: str


@dataclass(frozen=True)
class AllowedItems:
    """The items of a model that may be recommended.

    Attributes:
        candidate_set: An item set of the model that has just them. "" if there is none.
        items: Them. None if all may be, or those of the set.
        notes: What the options said, in sentences.
    """

    candidate_set: str = ""
    items: Sequence[str] | None = None
    notes: Sequence[str] = ()

    def prepare(self, model: ModelVersion, folder: str) -> Asked:
        """Makes a set of the items where there is none, so that no request has to list them.

        Args:
            model: The model.
            folder: A folder that the workers can read, for a copy of the model with that set.

        Raises:
            BatchInferenceError: The model is of an earlier version, which has no sets.
        """
        if self.items is None:
            return Asked(model.path, self.candidate_set)
        copy = os.path.join(folder, "model")
        try:
            copy_with_item_sets(model.path, copy, {_SET: self.items})
        except ValueError as error:
            raise BatchInferenceError(f"--model {model.path}: {error}") from error
        return Asked(copy, _SET)


EVERY_ITEM = AllowedItems()


def allowed_items(
    model: ModelVersion, candidates: str, candidate_set: str, exclude: str
) -> AllowedItems:
    """What the options of the command allow: as for a server, candidates or items of the set.

    Args:
        model: The model.
        candidates: A file with items to recommend. "" for none.
        candidate_set: An item set of the model. "" for none; without either all are allowed.
        exclude: A file with items that are never recommended. "" for none.

    Raises:
        BatchInferenceError: No item is allowed, the model knows none of those to exclude, or it has
            no such set.
        ItemListError: A file has no list of items.
    """
    sets = read_item_sets(model.path)
    if candidate_set and candidate_set not in sets:
        there = ", ".join(map(repr, sets)) or "none"
        raise BatchInferenceError(
            f"--candidate-set {candidate_set!r}: {model.path} has no such set; it has {there}. "
            "python -m pipeline.item_sets adds one."
        )
    if not (candidates or exclude):
        return AllowedItems(candidate_set)
    catalogue = read_catalogue(model.path)
    known = set(catalogue)
    lists = {
        option: read_item_list(option, file)
        for option, file in (("--candidates", candidates), ("--exclude", exclude))
        if file
    }
    for option, items in lists.items():
        if known.isdisjoint(items):
            raise BatchInferenceError(
                f"{option}: none of its {len(items):,} items, such as {items[0][:80]!r}, is among "
                f"the {len(catalogue):,} that the model knows. Write the ids like those in the "
                "data that the model was trained on."
            )
    among = {*lists.get("--candidates", ()), *sets.get(candidate_set, ())}
    if not (candidates or candidate_set):
        among = known
    out = set(lists.get("--exclude", ()))
    allowed = [item for item in catalogue if item in among and item not in out]
    if not allowed:
        raise BatchInferenceError(f"--exclude {exclude}: excludes every item that is allowed.")
    notes = [f"{option}: {known_of(items, known)}." for option, items in lists.items()]
    return AllowedItems(items=allowed, notes=notes)
