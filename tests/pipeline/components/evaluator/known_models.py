"""Models whose ranks are known by construction, and the users they rank."""

import numpy as np
import tensorflow as tf

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.ranks import POLICIES
from pipeline.components.evaluator.tfma_metrics import BASELINES, COUNTED

# Item -> how often it is trained on. A third of all 30 events each: tail, torso, head.
TRAINING = {"t1": 5, "t2": 6, "m": 9, "h": 10}
GROUPS = {"t1": "tail", "t2": "tail", "m": "torso", "h": "head", "new": "cold"}
TARGETS = list(GROUPS) * 40
VOCABULARY = [*sorted(TRAINING, key=TRAINING.__getitem__, reverse=True), "new", "x"]
REPEATERS = {user for user in range(200) if user % 3 == 0}
# After x came t1, after h x; nobody's history ends otherwise than with x.
TRANSITIONS = ItemTransitions.from_histories(
    Histories.from_lists(
        [[VOCABULARY.index(item) + 1 for item in row] for row in (["x", "t1"], ["h", "x", "t1"])]
    ),
    len(VOCABULARY),
    decay=0.5,
)
EXPORTED = POLICIES + tuple(
    f"{baseline}_{policy}" for baseline in BASELINES if baseline != COUNTED for policy in POLICIES
)


# What the models recommend, to users with an odd or an even number of items in their history. Only
# the export of `good` tells repeats, and `bad`, of an earlier run, knows an item that is gone.
RECOMMENDED = {
    "good": (["h", "m", "new"], ["m", "t1"]),
    "bad": (["h", "gone"], ["h", "m"]),
    "no_tail": (["h", "m"], ["h", "m"]),
}
REPEATED = ([1, 2, 3], [0, 1, 1])


class KnownRanks(tf.Module):
    """Ranks are features of the Examples: those that start with the model's name."""

    def __init__(self, name: str):
        super().__init__()
        self._feature = f"{name}_rank"
        self._name = name

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def rank_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = {
            self._feature: tf.io.FixedLenFeature([], tf.int64),
            "history": tf.io.RaggedFeature(tf.string),
        }
        found = tf.io.parse_example(examples, features)
        ranks = found[self._feature]
        own = {"all_items_rank": ranks, "unseen_items_rank": ranks}
        kind = tf.cast(found["history"].row_lengths() % 2 == 0, tf.int32)
        odd, even = ([*items, ""][:3] for items in RECOMMENDED[self._name])
        own["item_ids"] = tf.gather(tf.constant([odd, even]), kind)
        if self._name == "good":
            repeated = tf.gather(tf.constant(REPEATED), kind)
            own |= {f"repeats_at_{k}": repeated[:, at] for at, k in enumerate(CUTOFFS)}
        return {f"{name}_rank": tf.fill(tf.shape(ranks), tf.int64.max) for name in EXPORTED} | own


def example(history: list[str], target: str, **ranks: int) -> bytes:
    record = tf.train.Example()
    feature = record.features.feature
    feature["user_id"].bytes_list.value.append(b"u")
    feature["length_group"].bytes_list.value.append(b"5")
    feature["history"].bytes_list.value.extend(item.encode() for item in history)
    feature["target"].bytes_list.value.append(target.encode())
    for name, rank in ranks.items():
        feature[name].int64_list.value.append(rank)
    return record.SerializeToString()


def ranks_of(model: str) -> np.ndarray:
    """`good` hits everybody, `bad` nobody, `no_tail` all but the users whose target is rare."""
    if model == "no_tail":
        return np.array([60 if GROUPS[target] == "tail" else 1 for target in TARGETS])
    return np.full(len(TARGETS), 1 if model == "good" else 60)


MODELS = ("good", "bad", "no_tail")
