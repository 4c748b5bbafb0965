"""What the exported model recommends to a few test users."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from pipeline.components.example_gen.histories.user_history import from_example
from pipeline.model_handler import Recommender

USERS, HISTORY_SHOWN, ITEMS_SHOWN = 4, 8, 5
_USERS_LOOKED_AT = 500


@dataclass(frozen=True)
class Recommended:
    """A user, and the answer of the model to the history.

    Attributes:
        user: Raw id.
        history: The last items, oldest first.
        events: How many items the history has.
        target: The item that came next, which the model has not seen.
        items: The best items that are not in the history, as a server answers.
    """

    user: str
    history: list[str]
    events: int
    target: str
    items: Sequence[tuple[str, float]]


def recommend_to_some(saved_model: str, test_folder: str) -> list[Recommended]:
    """Asks an export for users from the shortest to the longest history of the first users.

    Args:
        saved_model: Folder of the SavedModel.
        test_folder: Folder of the raw test Examples.
    """
    files = sorted(tf.io.gfile.glob(os.path.join(test_folder, "*")))
    records = tf.data.TFRecordDataset(files, "GZIP").take(_USERS_LOOKED_AT).as_numpy_iterator()
    users = sorted(
        ((from_example(record), record) for record in records),
        key=lambda user: (len(user[0].items), user),
    )
    shown = min(USERS, len(users))
    chosen = [users[place * (len(users) - 1) // max(shown - 1, 1)] for place in range(shown)]
    if not chosen:
        return []
    recommender = Recommender(saved_model, ITEMS_SHOWN)
    histories = [history for history, _ in chosen]
    answers = recommender.run_inference(histories, recommender.load_model())
    return [
        Recommended(
            user=history.user_id.decode(),
            history=[item.decode() for item in history.items[-HISTORY_SHOWN:]],
            events=len(history.items),
            target=_target(record),
            items=answer,
        )
        for (history, record), answer in zip(chosen, answers, strict=True)
    ]


def _target(example: bytes) -> str:
    feature = tf.train.Example.FromString(example).features.feature
    return feature["target"].bytes_list.value[0].decode()
