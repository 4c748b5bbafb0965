"""What the exported model recommends to a few test users."""

import os
from dataclasses import dataclass

import tensorflow as tf

USERS, HISTORY_SHOWN, ITEMS_SHOWN = 4, 8, 5
_USERS_LOOKED_AT = 500


@dataclass(frozen=True)
class Recommended:
    """A user, and the answer of the model to the history.

    Attributes:
        user: raw id.
        history: the last items, oldest first.
        events: how many items the history has.
        target: the item that came next, which the model has not seen.
        items: the best items and their scores.
    """

    user: str
    history: list[str]
    events: int
    target: str
    items: list[tuple[str, float]]


def recommend_to_some(saved_model: str, test_folder: str) -> list[Recommended]:
    """Asks an export for users from the shortest to the longest history of the first users.

    Args:
        saved_model: folder of the SavedModel.
        test_folder: folder of the raw test Examples.
    """
    files = sorted(tf.io.gfile.glob(os.path.join(test_folder, "*")))
    records = tf.data.TFRecordDataset(files, "GZIP").take(_USERS_LOOKED_AT).as_numpy_iterator()
    features = [tf.train.Example.FromString(record).features.feature for record in records]
    users = sorted(
        (
            [
                [value.decode() for value in feature[name].bytes_list.value]
                for name in ("user_id", "history", "target")
            ]
            for feature in features
        ),
        key=lambda user: (len(user[1]), user),
    )
    shown = min(USERS, len(users))
    chosen = [users[place * (len(users) - 1) // max(shown - 1, 1)] for place in range(shown)]
    if not chosen:
        return []
    serve = tf.saved_model.load(saved_model).signatures["serving_default"]
    width = serve.structured_input_signature[1]["history"].shape[1]
    padded = [history[-width:] + [""] * (width - len(history)) for _, history, _ in chosen]
    answer = serve(history=tf.constant(padded))
    found = []
    for place, ((user,), history, (target,)) in enumerate(chosen):
        names = [name.decode() for name in answer["item_ids"][place, :ITEMS_SHOWN].numpy()]
        scores = answer["scores"][place, :ITEMS_SHOWN].numpy().tolist()
        items = [(name, score) for name, score in zip(names, scores, strict=True) if name]
        found.append(Recommended(user, history[-HISTORY_SHOWN:], len(history), target, items))
    return found
