"""The catalogue that later components read has every item of the table, and Transform's numbers."""

from pathlib import Path

import numpy as np
import pytest
from tfx.types.standard_artifacts import TransformGraph

from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_table_rows import ItemTableError
from pipeline import component_ids
from pipeline.components.evaluator.eval_config import eval_config
from pipeline.components.item_features.catalogue_graph import (
    has_item_features,
    read_item_features,
    read_notes,
)
from pipeline.components.item_features.component import ItemFeatures
from pipeline.components.transform.vocabulary import item_ids, vocabulary_file, vocabulary_size
from pipeline.pipeline import local_pipeline
from pipeline.settings import CatalogueSettings, DataSettings, Settings, to_json
from tests.pipeline.components.item_transitions.executing import write_vocabulary

TRAINED, HELD_OUT, NEW = ["b", "ü c"], ["a"], ["z", "y"]
TABLE = "sku,kind,v\nz,x|w,1 2.5\na,x,3 4\ny,w,\nb,w,5 6\n"


@pytest.fixture
def graph(tmp_path: Path) -> TransformGraph:
    return write_vocabulary(tmp_path / "graph", TRAINED + HELD_OUT)


def execute(graph: TransformGraph, tmp_path: Path, table: str = TABLE, **columns: str) -> str:
    (tmp_path / "items.csv").write_text(table)
    result = TransformGraph()
    result.uri = str(tmp_path / "catalogue")
    settings = CatalogueSettings(str(tmp_path / "items.csv"), **columns)
    ItemFeatures.EXECUTOR_SPEC.executor_class().Do(
        {"transform_graph": [graph]},
        {"catalogue": [result]},
        {"settings": to_json(settings), "item_column": "sku", "fingerprint": "1"},
    )
    return result.uri


def test_new_items_come_after_those_of_transform(graph: TransformGraph, tmp_path: Path) -> None:
    catalogue = execute(graph, tmp_path)
    assert item_ids(vocabulary_file(catalogue)) == TRAINED + HELD_OUT + NEW
    assert vocabulary_size(catalogue) == 5
    assert item_ids(vocabulary_file(graph.uri)) == TRAINED + HELD_OUT
    assert has_item_features(catalogue) and not has_item_features(graph.uri)
    (first, missing) = read_notes(catalogue)
    assert "2 items with events and 2 items without" in first and "'ü c'" in missing


def test_items_of_held_out_events_alone_are_cold_too(graph: TransformGraph, tmp_path: Path) -> None:
    training = Histories.from_lists([[1, 2, 1], [2]])
    features = read_item_features(execute(graph, tmp_path), training)
    assert features is not None
    assert features.num_items == 5 and features.num_cold == len(HELD_OUT + NEW)
    assert features.categories["kind"].of_item(4) == ("w", "x")
    np.testing.assert_array_equal(features.vectors["v"][1:, 0], [5, 0, 3, 1, 0])
    assert read_item_features(graph.uri, training) is None
    assert read_notes(graph.uri) == []


def test_an_attempt_that_was_killed_is_written_over(graph: TransformGraph, tmp_path: Path) -> None:
    (tmp_path / "catalogue" / "transform_fn" / "assets").mkdir(parents=True)
    (tmp_path / "catalogue" / "transform_fn" / "assets" / "items").write_text("half")
    catalogue = execute(graph, tmp_path)
    assert item_ids(vocabulary_file(catalogue)) == TRAINED + HELD_OUT + NEW


def test_named_columns_alone_are_read(graph: TransformGraph, tmp_path: Path) -> None:
    catalogue = execute(graph, tmp_path, item_vectors="v")
    features = read_item_features(catalogue, Histories.from_lists([[1]]))
    assert features is not None and not features.categories and [*features.vectors] == ["v"]


def test_a_table_of_another_shop_stops_the_run(graph: TransformGraph, tmp_path: Path) -> None:
    with pytest.raises(ItemTableError, match=r"items.csv: none of its ids, such as 'q'"):
        execute(graph, tmp_path, "sku,kind\nq,x\n")


def test_a_changed_table_is_another_key_of_the_cache(tmp_path: Path) -> None:
    table = tmp_path / "items.csv"
    settings = Settings(DataSettings(item_column="sku"), catalogue=CatalogueSettings(str(table)))
    keys = []
    for text in (TABLE, TABLE, TABLE + "x,w,\n"):
        if not table.exists() or table.read_text() != text:
            table.write_text(text)
        keys.append(node(tmp_path, settings, component_ids.ITEM_FEATURES).exec_properties)
    assert keys[0] == keys[1] != keys[2]


def node(folder: Path, settings: Settings, id: str):
    places = {"pipeline_root": folder, "data_path": folder, "model_directory": folder}
    found = local_pipeline(settings=settings, **places).components
    return next(component for component in found if component.id == id)


def test_without_a_table_nothing_is_added(tmp_path: Path) -> None:
    with pytest.raises(StopIteration):
        node(tmp_path, Settings(), component_ids.ITEM_FEATURES)
    channel = node(tmp_path, Settings(), component_ids.TRAINER).inputs["transform_graph"]
    assert channel.producer_component_id == component_ids.TRANSFORM
    assert len(eval_config().slicing_specs) + 1 == len(eval_config(True).slicing_specs)
