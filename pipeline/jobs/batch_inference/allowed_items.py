"""Which items batch inference may recommend."""

import os
from dataclasses import dataclass
from typing import NamedTuple

from mclrec_tf.export.registered_sets import copy_with_item_sets, read_catalogue, read_item_sets
from pipeline.jobs.batch_inference.error import BatchInferenceError
from pipeline.jobs.item_list import read_item_list
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
    """What the options say.

    Attributes:
        candidates: A file with the only items to recommend. "" for all.
        candidate_set: An item set of the model, whose items alone may be recommended. "" for all.
        exclude: A file with items that are never recommended. "" for none.
    """

    candidates: str = ""
    candidate_set: str = ""
    exclude: str = ""

    def prepare(self, model: ModelVersion, folder: str) -> Asked:
        """Makes a set of the allowed items, so that no request has to list them.

        Args:
            model: The model.
            folder: A folder that the workers can read, for a copy of the model with that set.

        Raises:
            BatchInferenceError: No item is allowed, or the model has no such set.
            ItemListError: A file has no list of items.
        """
        sets = read_item_sets(model.path)
        if self.candidate_set and self.candidate_set not in sets:
            there = ", ".join(map(repr, sets)) or "none"
            raise BatchInferenceError(
                f"--candidate-set {self.candidate_set!r}: {model.path} has no such set; it has "
                f"{there}. python -m pipeline.item_sets adds one."
            )
        if not (self.candidates or self.exclude):
            return Asked(model.path, self.candidate_set)
        allowed = set(read_catalogue(model.path))
        if self.candidate_set:
            allowed &= set(sets[self.candidate_set])
        if self.candidates:
            allowed &= set(read_item_list("--candidates", self.candidates))
        if self.exclude:
            allowed -= set(read_item_list("--exclude", self.exclude))
        if not allowed:
            raise BatchInferenceError(
                f"{self._told()}: no item of the model is left to recommend. Write the ids like "
                "those in the data that the model was trained on."
            )
        copy = os.path.join(folder, "model")
        try:
            copy_with_item_sets(model.path, copy, {_SET: sorted(allowed)})
        except ValueError as error:
            raise BatchInferenceError(f"--model {error}") from error
        return Asked(copy, _SET)

    def _told(self) -> str:
        given = {
            "--candidates": self.candidates,
            "--candidate-set": self.candidate_set,
            "--exclude": self.exclude,
        }
        return ", ".join(f"{option} {value}" for option, value in given.items() if value)


EVERY_ITEM = AllowedItems()
