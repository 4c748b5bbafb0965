"""The vocabulary: every item of the catalogue, ordered by the train split alone."""

import random
from collections import Counter
from pathlib import Path

import pytest

from mclrec_tf.data.time_split import CutOffs
from pipeline.components.example_gen.splits.by_time import SplitByTime
from tests.pipeline.components.transform.transforming import Log, Splits, transform

ODD_IDS = ["two words", " spaces ", 'a "quote"', "comma,", "tab\t", "ünï 🎬", "\x0b", "\u2028", "0"]

# Whole Beam pipelines of Transform.
pytestmark = pytest.mark.integration


def random_log(seed: int) -> Log:
    rng = random.Random(seed)
    items = [*ODD_IDS, *(str(item) for item in range(1, 40))]
    weights = [1 / (1 + rank) for rank in range(len(items))]
    rng.shuffle(items)
    log = [rng.choices(items, weights, k=rng.randrange(3, 30)) for _ in range(60)]
    return [*log, ["only", "once", "seen", "in training"], ["1", "held out", "items"]]


@pytest.fixture(scope="module")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Splits]:
    return transform(random_log(1), tmp_path_factory.mktemp("transform"))


def test_the_whole_catalogue_by_frequency_in_training(transformed: tuple[list[str], Splits]):
    vocabulary, _ = transformed
    log = random_log(1)
    in_training = Counter(item for items in log for item in items[:-2])
    expected = sorted(
        {item for items in log for item in items},
        key=lambda item: (in_training[item], item.encode()),
        reverse=True,
    )
    assert {*ODD_IDS, "only", "held out", "items"} <= {*vocabulary}
    assert vocabulary == expected
    # The log tests something: there are ties, and items that training never shows.
    assert len({*in_training.values()}) < len(in_training) < len(expected)


def test_ids_are_places_in_the_vocabulary_from_one(transformed: tuple[list[str], Splits]):
    vocabulary, splits = transformed
    for split, held_out in (("train", 2), ("validation", 1), ("test", 0)):
        for items, example in zip(random_log(1), splits[split], strict=True):
            ids = [*example["history_ids"], *([] if split == "train" else example["target_id"])]
            assert [vocabulary[id_ - 1] for id_ in ids] == items[: len(items) - held_out]
            assert min(ids) >= 1


def test_held_out_events_change_no_order(transformed: tuple[list[str], Splits], tmp_path: Path):
    vocabulary, _ = transformed
    log = random_log(1)
    # The rarest items become everybody's held-out events: were these counted, they would lead.
    changed = [[*items[:-2], vocabulary[-1], vocabulary[-2]] for items in log]
    kept = {item for items in changed for item in items}
    assert transform(changed, tmp_path)[0] == [item for item in vocabulary if item in kept]


def test_a_split_by_time_has_every_item_that_it_shows_by_frequency_before_the_cut_off(
    tmp_path: Path,
):
    # Times are places. This user is validated and not tested.
    only_validated = [*["1"] * 6, "only a target of validation"]
    log = [*random_log(2), only_validated]
    vocabulary, _ = transform(log, tmp_path, SplitByTime(CutOffs(6, 9)))
    in_training = Counter(item for items in log for item in items[:6])
    shown = {item for items in log for item in items[: 10 if len(items) > 9 else 7]}
    assert vocabulary == sorted(
        shown, key=lambda item: (in_training[item], item.encode()), reverse=True
    )
    assert "only a target of validation" in vocabulary
