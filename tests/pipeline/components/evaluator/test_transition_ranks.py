"""Test Examples get the ranks of their targets by the counted transitions."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types.standard_artifacts import Examples

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from mclrec_tf.evaluation.offline import rank_targets
from pipeline.components.evaluation_features.transition_ranks import TransitionRanks
from pipeline.components.evaluator.tfma_metrics import RANK_FEATURES
from pipeline.components.item_transitions.table import write_transitions
from tests.pipeline.components.evaluator.known_models import (
    TARGETS,
    TRANSITIONS,
    VOCABULARY,
    example,
)
from tests.pipeline.components.item_transitions.executing import write_vocabulary

ODD_IDS = ["two words", " spaces ", 'a "quote"', "comma,", "tab\t", "ünï 🎬", "\x0b", "\u2028", "0"]


def library_ranks(
    transitions: ItemTransitions, vocabulary: list[str], users: list[tuple[list[str], str]]
) -> list[tuple[int, int]]:
    ids = {item: number for number, item in enumerate(vocabulary, start=1)}
    histories = Histories.from_lists([[ids[item] for item in items] for items, _ in users])
    ranks = rank_targets(transitions, histories, [ids[target] for _, target in users])
    return list(zip(ranks.all_items.tolist(), ranks.unseen_items.tolist(), strict=True))


def test_every_user_has_the_ranks_of_the_library(sliced: Examples):
    files = tf.io.gfile.glob(f"{sliced.uri}/Split-test/*")
    users, found = [], []
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        history = [item.decode() for item in feature["history"].bytes_list.value]
        users.append((history, feature["target"].bytes_list.value[0].decode()))
        found.append(tuple(feature[name].int64_list.value[0] for name in RANK_FEATURES))
    assert found == library_ranks(TRANSITIONS, VOCABULARY, users)
    assert len(users) == len(TARGETS)
    # t1 came after x: the first for users whose target it is, if they had not seen it before.
    assert {ranks for (_, target), ranks in zip(users, found, strict=True) if target == "t1"} == {
        (1, 1),
        (1, 5),
    }


def test_long_and_empty_histories_and_items_of_any_name(tmp_path: Path):
    rng = np.random.default_rng(0)
    train = [rng.integers(1, len(ODD_IDS) + 1, length).tolist() for length in (5, 40, 1, 30)]
    transitions = ItemTransitions.from_histories(Histories.from_lists(train), len(ODD_IDS))
    graph = write_vocabulary(tmp_path / "graph", ODD_IDS)
    write_transitions(str(tmp_path / "table"), transitions)
    ranks = TransitionRanks(graph.uri, str(tmp_path / "table"))
    users = [(list(rng.choice(ODD_IDS, length)), str(rng.choice(ODD_IDS))) for length in (70, 0, 3)]
    expected = library_ranks(transitions, ODD_IDS, users)
    for batch in (slice(0, 3), slice(1, 2)):
        found = ranks([example(*user) for user in users[batch]])
        assert [tuple(row.values()) for row in found] == expected[batch]
        assert [tuple(row) for row in found] == [RANK_FEATURES] * len(found)


@pytest.mark.parametrize("user", [(["h", "unheard of"], "h"), (["h"], "unheard of")])
def test_items_that_the_vocabulary_lacks_are_refused(tmp_path: Path, user: tuple[list[str], str]):
    graph = write_vocabulary(tmp_path / "graph", VOCABULARY)
    write_transitions(str(tmp_path / "table"), TRANSITIONS)
    ranks = TransitionRanks(graph.uri, str(tmp_path / "table"))
    with pytest.raises(ValueError, match="graph: its vocabulary lacks items of the test Examples"):
        ranks([example(["h"], "m"), example(*user)])


def test_transitions_of_another_vocabulary_are_refused(tmp_path: Path):
    graph = write_vocabulary(tmp_path / "graph", VOCABULARY[1:])
    write_transitions(str(tmp_path / "table"), TRANSITIONS)
    with pytest.raises(ValueError, match="transitions of 6 items, but the vocabulary has 5"):
        TransitionRanks(graph.uri, str(tmp_path / "table"))
