"""Features of items: they come back from a file as they were, and what does not fit is refused."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mclrec_tf.data.item_features import ItemCategories, ItemFeatures

GENRES = ItemCategories.from_lists([["drama"], [], ["comedy", "drama"]])
TEXT = np.array([[0, 0], [0.5, 1], [-1, 2], [0, 0]], np.float32)


def test_values_are_those_of_each_item() -> None:
    assert [GENRES.of_item(item) for item in range(4)] == [
        (),
        ("drama",),
        (),
        ("comedy", "drama"),
    ]
    assert GENRES.ids.dtype == np.int32 and GENRES.splits.dtype == np.int64


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (["ab"], "got 'ab' for item 1"),
        ([["a"], "ab"], "got 'ab' for item 2"),
        ([b"ab"], "values must be texts"),
        ("ab", "got 'a' for item 1"),
        ([["a", 1]], "values must be texts"),
    ],
)
def test_a_text_is_no_list_of_values(lists: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ItemCategories.from_lists(lists)


def test_a_catalogue_of_other_items_has_the_features_of_each() -> None:
    genres = ItemCategories.from_lists([["a", "b"], [], ["c"], ["b"]])
    given = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0]], np.float32)
    items = np.array([4, 1, 2, 3])
    found = ItemFeatures({"genres": genres}, {"text": given}, 1).take(items, num_cold=2)
    assert (found.num_items, found.num_cold) == (4, 2)
    for place, item in enumerate(items, start=1):
        assert found.categories["genres"].of_item(place) == genres.of_item(item)
        np.testing.assert_array_equal(found.vectors["text"][place], given[item])
    assert not found.vectors["text"][0].any()


@pytest.mark.parametrize(
    "features",
    [
        ItemFeatures({"genres": GENRES}, {"text": TEXT}, num_cold=1),
        ItemFeatures({"a/b\n.npy": GENRES, "": GENRES, "Ä\0": GENRES}, {}),
        ItemFeatures({}, {"text": TEXT, "image": TEXT[:, :1]}),
        ItemFeatures({"none": ItemCategories.from_lists([[], []])}, {}),
        ItemFeatures({"odd": ItemCategories.from_lists([["\0", "x\0", "\ud800", "", "🎬"]])}, {}),
    ],
)
def test_a_file_brings_them_back(features: ItemFeatures, tmp_path: Path) -> None:
    path = tmp_path / "features"
    features.save(path)
    again = ItemFeatures.load(str(path))
    assert again.num_cold == features.num_cold and again.num_items == features.num_items
    assert list(again.categories) == list(features.categories)
    for name, column in features.categories.items():
        assert again.categories[name].values == column.values
        np.testing.assert_array_equal(again.categories[name].ids, column.ids)
        np.testing.assert_array_equal(again.categories[name].splits, column.splits)
    assert list(again.vectors) == list(features.vectors)
    for name, vectors in features.vectors.items():
        np.testing.assert_array_equal(again.vectors[name], vectors)
        assert again.vectors[name].dtype == np.float32


def _other_archive(path: Path) -> None:
    with open(path, "wb") as file:
        np.savez(file, x=np.zeros(3))


def _saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _cut_short(path: Path) -> None:
    ItemFeatures({"genres": GENRES}, {"text": TEXT}).save(path)
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    "write",
    [
        _other_archive,
        _cut_short,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("item_id,genre\n"),
        lambda path: path.write_bytes(_saved(TEXT)),
        lambda path: path.write_bytes(_saved(np.array([{}]))),
    ],
)
def test_a_file_that_is_no_such_is_named(write: Any, tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    write(path)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} holds no item features"):
        ItemFeatures.load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ItemFeatures.load(tmp_path / "none")


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


@pytest.mark.parametrize(
    ("values", "ids", "splits", "message"),
    [
        (("a",), ints(0), ints(0, 1), "begin with 0 and 0"),
        (("a",), ints(0), ints(0, 0, 2), "end with the number of ids, 1"),
        (("a",), ints(0, 0), ints(0, 0, 2, 1, 2), "must not fall"),
        (("a",), ints(1), ints(0, 0, 1), r"ids must lie in 0\.\.0, got 1 to 1"),
        (("a",), ints(-1), ints(0, 0, 1), "got -1 to -1"),
        (("a", "a"), ints(0), ints(0, 0, 1), "distinct"),
        ((1,), ints(0), ints(0, 0, 1), "texts"),
        (("a",), [0], ints(0, 0, 1), "ids must be a NumPy array of integers"),
        (("a",), ints(0), np.zeros(3), "splits must be a NumPy array of integers"),
    ],
)
def test_parts_of_a_category_that_do_not_fit(
    values: Any, ids: Any, splits: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ItemCategories(values, ids, splits)


@pytest.mark.parametrize(
    ("categories", "vectors", "num_cold", "message"),
    [
        ({}, {}, 0, "neither a category nor a vector"),
        ({"x": GENRES}, {"x": TEXT}, 0, "x is both"),
        ({"x": [["a"]]}, {}, 0, "x must be ItemCategories, got list"),
        ({"x": GENRES}, {"y": TEXT[:3]}, 0, r"one catalogue, but have items: {'x': 3, 'y': 2}"),
        ({}, {"y": TEXT.astype(np.float64)}, 0, r"y must be float32 .* got float64 \(4, 2\)"),
        ({}, {"y": TEXT[:, 0]}, 0, "y must be float32"),
        ({}, {"y": TEXT[:, :0]}, 0, "y: its vectors have no number"),
        ({}, {"y": TEXT[:1]}, 0, "there is no item"),
        ({}, {"y": TEXT + 1}, 0, "y: row 0, the padding's, must be zeros"),
        ({}, {"y": np.array([[0], [1], [np.inf]], np.float32)}, 0, "vector of item 2 is not"),
        ({"x": GENRES}, {}, 3, "num_cold is 3 of 3 items"),
        ({"x": GENRES}, {}, -1, "num_cold must be at least 0"),
        ({"x": GENRES}, {}, 0.5, "num_cold must be a whole number"),
    ],
)
def test_features_that_do_not_fit(
    categories: Any, vectors: Any, num_cold: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ItemFeatures(categories, vectors, num_cold)
