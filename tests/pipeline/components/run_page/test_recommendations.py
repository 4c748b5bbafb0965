"""Which users the page shows follows from the log, and what it says of them from the model."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import tensorflow as tf

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.export.saved_model import export_savedmodel
from pipeline.components.evaluator.slices import SLICE_FEATURES
from pipeline.components.run_page.recommendations import (
    HISTORY_SHOWN,
    ITEMS_SHOWN,
    USERS,
    Recommended,
    SliceOfUsers,
    recommend_to_slices,
)

ITEMS = [f"item {number}" for number in range(30)]


@pytest.fixture(scope="module")
def model() -> NextItemModel:
    return NextItemModel(SASRec(num_items=len(ITEMS), dim=4, num_layers=1, max_length=10))


@pytest.fixture(scope="module")
def saved_model(model: NextItemModel, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("export") / "1"
    export_savedmodel(model, path, ITEMS)
    return str(path)


def example(user: int, features: Sequence[str] = SLICE_FEATURES) -> bytes:
    """Half of the users come back to an item, and all have one of three lengths."""
    draw = random.Random(user)
    history = draw.sample(ITEMS, 3 + user % 3 * 4)
    is_repeated = user % 2
    values = {
        "user_id": [f"user {user}"],
        "history": history,
        "target": [history[0] if is_repeated else draw.choice(sorted({*ITEMS} - {*history}))],
        "length_group": [("<5", "6-8", ">8")[user % 3]],
        "target_popularity": ["head"],
        "target_novelty": ["repeated" if is_repeated else "new"],
    }
    left = {name: texts for name, texts in values.items() if name not in {*SLICE_FEATURES}}
    kept = left | {name: values[name] for name in features}
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[t.encode() for t in texts]))
        for name, texts in kept.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write(folder: Path, examples: Sequence[bytes], files: int = 1) -> str:
    folder.mkdir()
    for number in range(files):
        with tf.io.TFRecordWriter(str(folder / f"examples-{number}.gz"), "GZIP") as file:
            for record in examples[number::files]:
                file.write(record)
    return str(folder)


@pytest.fixture(scope="module")
def slices(saved_model: str, tmp_path_factory: pytest.TempPathFactory) -> list[SliceOfUsers]:
    folder = tmp_path_factory.mktemp("examples") / "test"
    return recommend_to_slices(saved_model, write(folder, [*map(example, range(60))]))


def shown(slices: list[SliceOfUsers]) -> dict[str, list[Recommended]]:
    return {one.name: one.recommended for one in slices}


def test_every_slice_is_there_with_its_size_and_some_users_of_it(slices: list[SliceOfUsers]):
    assert {one.name: one.users for one in slices} == {
        "length_group 6-8": 20,
        "length_group <5": 20,
        "length_group >8": 20,
        "target_novelty new": 30,
        "target_novelty repeated": 30,
        "target_popularity head": 60,
    }
    for one in slices:
        assert len({user.user for user in one.recommended}) == USERS
        for user in one.recommended:
            number = int(user.user.removeprefix("user "))
            assert one.name != "target_novelty new" or number % 2 == 0
            assert one.name != "length_group >8" or number % 3 == 2


def test_the_order_of_the_files_chooses_nobody(
    saved_model: str, slices: list[SliceOfUsers], tmp_path: Path
):
    mixed = random.Random(0).sample([*map(example, range(60))], 60)
    again = recommend_to_slices(saved_model, write(tmp_path / "test", mixed, files=3))
    assert {name: [user.user for user in users] for name, users in shown(again).items()} == {
        name: [user.user for user in users] for name, users in shown(slices).items()
    }


def test_not_every_slice_shows_the_same_users(slices: list[SliceOfUsers]):
    assert len({user.user for one in slices for user in one.recommended}) > 2 * USERS


def test_histories_and_targets_are_those_of_the_examples(slices: list[SliceOfUsers]):
    for user in (user for one in slices for user in one.recommended):
        record = tf.train.Example.FromString(example(int(user.user.removeprefix("user "))))
        feature = record.features.feature
        history = [item.decode() for item in feature["history"].bytes_list.value]
        assert user.history == history[-HISTORY_SHOWN:] and user.events == len(history)
        assert [user.target.encode()] == feature["target"].bytes_list.value


def test_seen_items_come_only_where_they_count(slices: list[SliceOfUsers], model: NextItemModel):
    for one in slices:
        keep_seen = one.name == "target_novelty repeated"
        assert one.policy == ("all_items" if keep_seen else "unseen_items")
        for user in one.recommended:
            record = tf.train.Example.FromString(example(int(user.user.removeprefix("user "))))
            history = record.features.feature["history"].bytes_list.value
            ids = [ITEMS.index(item.decode()) + 1 for item in history]
            expected = model.recommend([ids], ITEMS_SHOWN, keep_seen)
            assert [item for item, _ in user.items] == [
                ITEMS[item - 1] for item in expected.item_ids[0]
            ]
            scores = [score for _, score in user.items]
            assert scores == pytest.approx(expected.scores[0].tolist(), rel=1e-4)


def test_a_hit_is_where_the_target_is():
    user = Recommended("u", ["a"], 1, "c", [("b", 2.0), ("c", 1.0)])
    miss = Recommended("u", ["a"], 1, "d", [("b", 2.0), ("c", 1.0)])
    assert (user.place, miss.place) == (2, None)
    assert SliceOfUsers("s", "unseen_items", 9, [user, miss]).hits == 1


def test_examples_of_an_earlier_version_have_fewer_slices(saved_model: str, tmp_path: Path):
    examples = [example(user, ["length_group"]) for user in range(9)]
    found = recommend_to_slices(saved_model, write(tmp_path / "test", examples))
    assert [one.name for one in found] == ["length_group 6-8", "length_group <5", "length_group >8"]


def test_no_examples_no_slices(saved_model: str, tmp_path: Path):
    assert recommend_to_slices(saved_model, write(tmp_path / "test", [], files=0)) == []
