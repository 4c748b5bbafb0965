"""Similarity by categories is summed up alike whatever way Beam combines the users."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from mclrec_tf.data.item_features import ItemCategories
from mclrec_tf.evaluation.category_similarity import CategoryValues, category_similarity
from mclrec_tf.evaluation.ranking_metrics import CUTOFFS
from pipeline.components.evaluator.catalogue_files import (
    CatalogueFiles,
    read_categories,
    write_catalogue,
    write_categories,
)
from pipeline.components.evaluator.category_similarity import METRIC, CategorySimilarityCombiner
from pipeline.components.evaluator.recommendation_metrics import name_of
from tests.pipeline.components.evaluator.test_recommendation_metrics import (
    ITEMS,
    WHOSE,
    extracts,
    users_of,
)

KINDS = ItemCategories.from_lists([[f"k{n % 4}", f"l{n % 3}"] if n % 7 else [] for n in range(60)])


def examples_in(folder: Path, categories: dict[str, ItemCategories]) -> str:
    write_catalogue(str(folder), CatalogueFiles(ITEMS, np.zeros(len(ITEMS) + 1, np.int64), 100))
    write_categories(str(folder), categories)
    return str(folder)


def combined(examples: str, count: int) -> dict[str, float]:
    items, repeated = users_of(count)
    combiner = CategorySimilarityCombiner("", WHOSE, examples)
    parts = []
    for users in (range(0, 1), range(1, count), range(0)):
        accumulator = combiner.create_accumulator()
        for user in users:
            accumulator = combiner.add_input(accumulator, extracts(items[user], repeated[user]))
        parts.append(pickle.loads(pickle.dumps(accumulator)))
    merged = combiner.merge_accumulators([parts[0], combiner.compact(parts[1])])
    merged = combiner.merge_accumulators([merged, parts[2]])
    return {key.name: value for key, value in combiner.extract_output(merged).items()}


def test_any_way_of_combining_users_gives_the_librarys_mean(tmp_path: Path) -> None:
    examples = examples_in(tmp_path, {"kind": KINDS})
    assert read_categories(examples)["kind"].values == KINDS.values
    found = combined(examples, 700)
    items, _ = users_of(700)
    for row, who in enumerate(WHOSE):
        values = category_similarity(items[:, row], CategoryValues.of({"kind": KINDS}))
        for cutoff, mean in zip(CUTOFFS, np.nanmean(values, axis=0), strict=True):
            assert found[name_of(who, METRIC, cutoff)] == pytest.approx(mean)
    assert np.isnan(values).any()  # lists of one item are in no mean


def test_a_table_of_vectors_alone_has_no_such_value(tmp_path: Path) -> None:
    assert np.isnan([*combined(examples_in(tmp_path, {}), 3).values()]).all()
