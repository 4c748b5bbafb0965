"""The recommendations of the exported model for a few test users of each slice."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pipeline.components.evaluator.slices import (
    SLICE_FEATURES,
    TARGET_EVENTS,
    judged_policy,
    slice_name,
)
from pipeline.components.example_gen.histories.user_history import from_example
from pipeline.model_handler import Recommender

USERS, HISTORY_SHOWN = 2, 8
ITEMS_SHOWN = 10  # as many as the metrics of the decision look at
_BATCH_SIZE = 1024
_BUCKETS = 2**62


@dataclass(frozen=True)
class Recommended:
    """A user, and the recommendations for the user's history.

    Attributes:
        user: The raw id.
        history: The last `HISTORY_SHOWN` items, oldest first.
        events: The number of items in the whole history.
        target: The item that came next, which the model was not given.
        items: The best items with their scores, best first.
    """

    user: str
    history: list[str]
    events: int
    target: str
    items: Sequence[tuple[str, float]]

    @property
    def place(self) -> int | None:
        """The place of the target among the items, from 1. None if it is not there."""
        return next((n for n, (item, _) in enumerate(self.items, 1) if item == self.target), None)


@dataclass(frozen=True)
class SliceOfUsers:
    """Some users of a slice.

    Attributes:
        name: The name of the slice.
        policy: Under which the slice is judged; under `all_items`, items of the history may be
            recommended.
        users: How many users the slice has.
        recommended: Some of them.
    """

    name: str
    policy: str
    users: int
    recommended: list[Recommended]

    @property
    def hits(self) -> int:
        """How many of the users that are shown got what came next."""
        return sum(user.place is not None for user in self.recommended)


class _User(NamedTuple):
    """A test user, in an order that has nothing to do with that of the files or with the model."""

    drawn: int
    user_id: bytes
    example: bytes


def recommend_to_slices(saved_model: str, test_folder: str) -> list[SliceOfUsers]:
    """Asks the model for recommendations for some users of each slice.

    The users of a slice are those whose ids have the smallest hash together with its name, so that
    they are the same in every run on the same log, whatever the model is.

    Args:
        saved_model: The folder of the SavedModel.
        test_folder: The folder of the test Examples with the features of the slices. All are read,
            in batches.

    Returns:
        The slices by name. Each has at most `USERS` users.
    """
    chosen, sizes = _choose(test_folder)
    if not chosen:
        return []
    model = Recommender(saved_model, ITEMS_SHOWN).load_model()
    slices = []
    for name in sorted(chosen):
        policy = judged_policy(name)
        recommender = Recommender(saved_model, ITEMS_SHOWN, keep_seen=policy == "all_items")
        histories = [from_example(user.example) for user in chosen[name]]
        recommended = [
            Recommended(
                user=history.user_id.decode(),
                history=[item.decode() for item in history.items[-HISTORY_SHOWN:]],
                events=len(history.items),
                target=_target(user.example),
                items=answer,
            )
            for user, history, answer in zip(
                chosen[name], histories, recommender.run_inference(histories, model), strict=True
            )
        ]
        slices.append(SliceOfUsers(name, policy, sizes[name], recommended))
    return slices


def _choose(test_folder: str) -> tuple[dict[str, list[_User]], Counter[str]]:
    """Some users of each slice, and the sizes of the slices."""
    files = sorted(tf.io.gfile.glob(os.path.join(test_folder, "*")))
    chosen: dict[str, list[_User]] = {}
    sizes: Counter[str] = Counter()
    for examples in tf.data.TFRecordDataset(files, "GZIP").batch(_BATCH_SIZE):
        for name, size, users in _of_batch(examples):
            sizes[name] += size
            chosen[name] = sorted([*chosen.get(name, ()), *users])[:USERS]
    return chosen, sizes


def _of_batch(examples: tf.Tensor) -> Iterator[tuple[str, int, list[_User]]]:
    """The name of each slice, and how many users it has in a batch and the first of them."""
    sliced_by = (*SLICE_FEATURES, TARGET_EVENTS)
    names = ("user_id", *sliced_by)
    # An earlier version wrote fewer features, and so does a run without item features.
    features = {name: tf.io.FixedLenFeature([], tf.string, "") for name in names}
    parsed = tf.io.parse_example(examples, features)
    users, records = parsed["user_id"].numpy(), examples.numpy()
    for feature in sliced_by:
        values = parsed[feature].numpy()
        texts = tf.strings.join([feature, parsed[feature], parsed["user_id"]], "\0")
        drawn = tf.strings.to_hash_bucket_fast(texts, _BUCKETS).numpy()
        for value in {*values.tolist()} - {b""}:
            members = np.flatnonzero(values == value)
            first = members[np.argsort(drawn[members])[:USERS]]
            yield (
                slice_name(feature, value.decode()),
                len(members),
                [_User(int(drawn[n]), users[n], records[n]) for n in first],
            )


def _target(example: bytes) -> str:
    feature = tf.train.Example.FromString(example).features.feature
    return feature["target"].bytes_list.value[0].decode()
