"""The recommendations of the exported model for a few test users."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from pipeline.components.example_gen.histories.user_history import from_example
from pipeline.model_handler import Recommender

USERS, HISTORY_SHOWN, ITEMS_SHOWN = 4, 8, 5
_USERS_READ = 500


@dataclass(frozen=True)
class Recommended:
    """A user, and the recommendations for the user's history.

    Attributes:
        user: The raw id.
        history: The last `HISTORY_SHOWN` items, oldest first.
        events: The number of items in the whole history.
        target: The item that came next, which the model was not given.
        items: The best items that are not in the history, with their scores, best first.
    """

    user: str
    history: list[str]
    events: int
    target: str
    items: Sequence[tuple[str, float]]


def recommend_to_some(saved_model: str, test_folder: str) -> list[Recommended]:
    """Asks the model for recommendations for users with short to long histories.

    Args:
        saved_model: The folder of the SavedModel.
        test_folder: The folder of the raw test Examples. Only the first `_USERS_READ` are read.

    Returns:
        At most `USERS` users, ordered by the length of their histories.
    """
    files = sorted(tf.io.gfile.glob(os.path.join(test_folder, "*")))
    records = tf.data.TFRecordDataset(files, "GZIP").take(_USERS_READ).as_numpy_iterator()
    users = sorted(
        ((from_example(record), record) for record in records),
        key=lambda user: (len(user[0].items), user),
    )
    shown = min(USERS, len(users))
    chosen = [users[number * (len(users) - 1) // max(shown - 1, 1)] for number in range(shown)]
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
