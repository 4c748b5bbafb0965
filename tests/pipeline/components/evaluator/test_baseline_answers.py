"""Test Examples get what the baselines recommend, and the ranks by the counted transitions."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types.standard_artifacts import Examples

from mclrec_tf.data.histories import Histories
from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from mclrec_tf.evaluation.offline import rank_targets
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from mclrec_tf.evaluation.recommended_lists import recommend_lists
from pipeline.components.evaluation_features.baseline_answers import BaselineAnswers
from pipeline.components.evaluator.list_features import LIST_FEATURES, items_name, repeats_names
from pipeline.components.evaluator.tfma_metrics import BASELINES, RANK_FEATURES
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
    ranks = BaselineAnswers(graph.uri, str(tmp_path / "table"))
    users = [(list(rng.choice(ODD_IDS, length)), str(rng.choice(ODD_IDS))) for length in (70, 0, 3)]
    expected = library_ranks(transitions, ODD_IDS, users)
    for batch in (slice(0, 3), slice(1, 2)):
        found = ranks([example(*user) for user in users[batch]])
        assert [tuple(row[name][0] for name in RANK_FEATURES) for row in found] == expected[batch]
        for row in found:
            assert set(row) == {*RANK_FEATURES, *LIST_FEATURES}
    scorers = (Popularity(len(ODD_IDS)), Recency(len(ODD_IDS)), transitions)
    histories = Histories.from_lists([[ODD_IDS.index(i) + 1 for i in items] for items, _ in users])
    found = ranks([example(*user) for user in users])
    for baseline, scorer in zip(BASELINES, scorers, strict=True):
        lists = recommend_lists(scorer, histories)
        for user, row in enumerate(found):
            names = [item.decode() for item in row[items_name(baseline)]]
            unseen = lists.unseen_items[user]
            assert names == [ODD_IDS[item - 1] if item else "" for item in unseen]
            for cutoff, name in zip(CUTOFFS, repeats_names(baseline), strict=True):
                seen = set(histories[user]) & set(lists.all_items[user, :cutoff])
                assert row[name] == [len(seen)]


@pytest.mark.parametrize("user", [(["h", "unheard of"], "h"), (["h"], "unheard of")])
def test_items_that_the_vocabulary_lacks_are_refused(tmp_path: Path, user: tuple[list[str], str]):
    graph = write_vocabulary(tmp_path / "graph", VOCABULARY)
    write_transitions(str(tmp_path / "table"), TRANSITIONS)
    ranks = BaselineAnswers(graph.uri, str(tmp_path / "table"))
    with pytest.raises(ValueError, match="graph: its vocabulary lacks items of the test Examples"):
        ranks([example(["h"], "m"), example(*user)])


def test_transitions_of_another_vocabulary_are_refused(tmp_path: Path):
    graph = write_vocabulary(tmp_path / "graph", VOCABULARY[1:])
    write_transitions(str(tmp_path / "table"), TRANSITIONS)
    with pytest.raises(ValueError, match="transitions of 6 items, but the vocabulary has 5"):
        BaselineAnswers(graph.uri, str(tmp_path / "table"))
