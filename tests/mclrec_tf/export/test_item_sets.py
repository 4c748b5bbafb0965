"""An export gets other item sets without its model, and is otherwise what it was."""

import filecmp
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.export.registered_sets import (
    copy_with_item_sets,
    keep_item_sets,
    read_catalogue,
    read_item_sets,
)
from mclrec_tf.export.saved_model import export_savedmodel
from serving.export_check.checksums import damage

NAMES = [*(f"item {number}" for number in range(1, 30)), 'käse "5"']


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exports") / "1"
    model = NextItemModel(SASRec(len(NAMES), dim=8, num_layers=1))
    export_savedmodel(model, path, NAMES)
    return path


def members(export: Path, name: str) -> set[str]:
    """The items that the export recommends from a set."""
    function = tf.saved_model.load(str(export)).signatures["recommend_among"]
    answer = function(
        history=tf.fill([1, 50], ""),
        candidates=tf.constant([[""]]),
        candidate_set=tf.constant([name]),
        exclude=tf.constant([[""]]),
        k=tf.constant([len(NAMES)]),
        keep_seen=tf.constant([True]),
    )
    return {item.decode() for item in answer["item_ids"].numpy()[0] if item}


def test_sets_are_replaced_and_all_else_stays(export: Path, tmp_path: Path) -> None:
    first = {"in stock": [NAMES[4], NAMES[-1], "not yet there"], "new": NAMES[2:4]}
    copy_with_item_sets(export, tmp_path / "2", first)
    copy_with_item_sets(tmp_path / "2", tmp_path / "3", {"in stock": NAMES[:1]})
    copy_with_item_sets(tmp_path / "3", tmp_path / "4", {})

    assert members(tmp_path / "2", "in stock") == {NAMES[4], NAMES[-1]}
    assert members(tmp_path / "2", "new") == set(NAMES[2:4])
    assert members(tmp_path / "3", "in stock") == set(NAMES[:1])
    assert read_item_sets(export) == read_item_sets(tmp_path / "4") == {}
    assert read_item_sets(tmp_path / "2") == first
    for number in (3, 4):
        with pytest.raises(tf.errors.InvalidArgumentError, match="new"):
            members(tmp_path / str(number), "new")
    user_vector = [
        tf.saved_model.load(str(path)).signatures["user_vector"](
            history=tf.constant([NAMES[:3] + [""] * 47])
        )["vector"]
        for path in (export, tmp_path / "2", tmp_path / "4")
    ]
    np.testing.assert_array_equal(user_vector[0], user_vector[1])
    np.testing.assert_array_equal(user_vector[0], user_vector[2])
    for path in (tmp_path / "2", tmp_path / "4"):
        assert not list(damage(path))


def test_the_same_sets_make_the_same_files(export: Path, tmp_path: Path) -> None:
    sets = {"in stock": NAMES[3:6]}
    for name in ("a", "b"):
        copy_with_item_sets(export, tmp_path / name, sets)
    copy_with_item_sets(tmp_path / "a", tmp_path / "c", sets)
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*")]
    files = [str(file) for file in files if (tmp_path / "a" / file).is_file()]
    assert "variables/variables.index" in files
    for name in ("b", "c"):
        assert filecmp.cmpfiles(tmp_path / "a", tmp_path / name, files, shallow=False)[0] == files


def test_a_set_may_be_as_large_as_the_catalogue(export: Path, tmp_path: Path) -> None:
    copy_with_item_sets(export, tmp_path / "2", {str(number): NAMES for number in range(70)})
    assert members(tmp_path / "2", "69") == set(NAMES)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"": NAMES[:1]}, "item_sets: the name of a set must be text of a line, got ''"),
        ({" ": NAMES[:1]}, "item_sets: the name of a set must be text of a line, got ' '"),
        ({"a\nb": NAMES[:1]}, "item_sets: the name of a set must be text of a line"),
        ({"sold": NAMES[0]}, r"item_sets\['sold'\] must be a list of item ids, got 'item 1'"),
        ({"sold": []}, r"item_sets\['sold'\]: none of its 0 items is in the catalogue of 30 items"),
        ({"sold": ["x", "y"]}, r"item_sets\['sold'\]: none of its 2 items"),
    ],
)
def test_a_set_that_no_request_could_want_is_refused(
    export: Path, tmp_path: Path, sets: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        copy_with_item_sets(export, tmp_path / "2", sets)
    assert not (tmp_path / "2").exists()


def test_the_next_model_takes_the_sets_along(export: Path, tmp_path: Path) -> None:
    copy_with_item_sets(export, tmp_path / "2", {"in stock": [NAMES[4], "an item of tomorrow"]})
    catalogue = ["an item of tomorrow", *NAMES[10:]]
    model = NextItemModel(SASRec(len(catalogue), dim=8, num_layers=1))
    export_savedmodel(model, tmp_path / "next", catalogue, item_sets={"other": NAMES[12:13]})
    assert read_catalogue(tmp_path / "next") == catalogue

    keep_item_sets(export, tmp_path / "next")  # which has none
    assert set(read_item_sets(tmp_path / "next")) == {"other"}
    keep_item_sets(tmp_path / "2", tmp_path / "next")
    assert members(tmp_path / "next", "in stock") == {"an item of tomorrow"}
    assert read_item_sets(tmp_path / "next") == read_item_sets(tmp_path / "2")
    assert not list(damage(tmp_path / "next"))


def test_nothing_is_written_over(export: Path, tmp_path: Path) -> None:
    shutil.copytree(export, tmp_path / "2")
    with pytest.raises(FileExistsError, match="exists already"):
        copy_with_item_sets(export, tmp_path / "2", {})


def test_an_export_of_an_earlier_version_is_told(tmp_path: Path) -> None:
    written = Path(__file__).parents[1] / "earlier_set" / "written"
    (earlier,) = [path.parent for path in written.rglob("saved_model.pb")]
    with pytest.raises(ValueError, match="^The export is of an earlier version"):
        copy_with_item_sets(earlier, tmp_path / "2", {})
    with pytest.raises(ValueError, match="is not an export of `export_savedmodel`"):
        copy_with_item_sets(tmp_path, tmp_path / "2", {})
