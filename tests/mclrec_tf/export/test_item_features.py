"""An export of a model with item features is that of a plain model, cold items in it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from mclrec_tf import ItemCounts, NextItemModel, SASRec
from mclrec_tf.data.histories import Histories
from mclrec_tf.data.item_features import ItemCategories, ItemFeatures
from mclrec_tf.evaluation.offline import rank_targets
from mclrec_tf.export.saved_model import export_savedmodel

ITEMS, COLD, WIDTH = 30, 4, 50
NAMES = [f"item {i}" for i in range(1, ITEMS + 1)]
RANDOM = np.random.default_rng(4)
TRAINING = Histories.from_lists(RANDOM.integers(1, ITEMS - COLD + 1, (40, 6)).tolist())
HISTORIES = RANDOM.integers(1, ITEMS + 1, (20, 6))  # cold items among them
FEATURES = ItemFeatures(
    {"kind": ItemCategories.from_lists([[f"kind {i % 4}", f"{i % 3}"] for i in range(ITEMS)])},
    {"text": np.pad(RANDOM.normal(size=(ITEMS, 5)), [[1, 0], [0, 0]]).astype(np.float32)},
    COLD,
)


def new_model(features: ItemFeatures | None) -> NextItemModel:
    keras.utils.set_random_seed(0)
    counts = ItemCounts.from_histories(TRAINING, ITEMS, num_neighbours=5, num_cold=COLD)
    counts.feature_weights.assign([0.2, 0.3, 0.5, -1.0, 0.4, 0.7, 1.5])
    model = NextItemModel(
        SASRec(ITEMS, dim=8, max_length=6, num_layers=1), counts=counts, item_features=features
    )
    for weight in model.encoder_weights:
        weight.assign(weight + np.random.default_rng(1).normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model() -> NextItemModel:
    return new_model(FEATURES)


@pytest.fixture(scope="module")
def folders(model: NextItemModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("exports")
    for one, name in ((model, "features"), (new_model(None), "plain")):
        export_savedmodel(one, folder / name, NAMES, k=8)
    return folder / "features", folder / "plain"


def operations(folder: Path) -> dict[str, list[str]]:
    """The operations of each function of an export, in any order."""
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (meta,) = model.meta_graphs
    kinds = [node.op for node in meta.graph_def.node]
    for function in meta.graph_def.library.function:
        kinds += [node.op for node in function.node_def]
    return {"operations": sorted(kinds), "signatures": sorted(meta.signature_def)}


@pytest.mark.integration
def test_it_costs_what_a_plain_one_costs(folders: tuple[Path, Path]) -> None:
    features, plain = map(operations, folders)
    assert features == plain
    shapes = [
        sorted(
            map(
                str,
                tf.train.load_checkpoint(f / "variables/variables")
                .get_variable_to_shape_map()
                .values(),
            )
        )
        for f in folders
    ]
    assert shapes[0] == shapes[1]


def served(folder: Path, signature: str, **inputs: Any) -> dict[str, np.ndarray]:
    answer = tf.saved_model.load(str(folder)).signatures[signature](
        **{name: tf.constant(value) for name, value in inputs.items()}
    )
    return {name: value.numpy() for name, value in answer.items()}


def rows(histories: np.ndarray) -> list[list[str]]:
    return [[NAMES[i - 1] for i in row] + [""] * (WIDTH - len(row)) for row in histories]


def ids(names: np.ndarray) -> list[list[int]]:
    return [[NAMES.index(name.decode()) + 1 for name in row] for row in names]


@pytest.mark.integration
def test_served_answers_are_the_models(model: NextItemModel, folders: tuple[Path, Path]) -> None:
    answer = served(folders[0], "serving_default", history=rows(HISTORIES))
    offline = model.recommend(HISTORIES, k=8)
    assert ids(answer["item_ids"]) == offline.item_ids.tolist()
    assert {item for row in offline.item_ids for item in row} & set(range(ITEMS - COLD + 1, 31))
    np.testing.assert_allclose(answer["scores"], offline.scores, rtol=1e-5)

    cold = list(range(ITEMS - COLD + 1, ITEMS + 1))
    answer = served(folders[0], "similar_items", item=[NAMES[i - 1] for i in cold], k=[5] * COLD)
    similar = model.similar_items(cold, k=5)
    assert ids(answer["item_ids"]) == similar.item_ids.tolist()
    np.testing.assert_allclose(answer["scores"], similar.scores, rtol=1e-4, atol=1e-5)

    targets = np.array([*cold * 5]).astype(np.int32)
    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    name: tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[NAMES[i - 1].encode() for i in items])
                    )
                    for name, items in (("history", history), ("target", [target]))
                }
            )
        ).SerializeToString()
        for history, target in zip(HISTORIES, targets, strict=True)
    ]
    answer = served(folders[0], "rank_examples", examples=examples)
    ranks = rank_targets(model, Histories.from_lists(HISTORIES.tolist()), targets)
    np.testing.assert_array_equal(answer["all_items_rank"], ranks.all_items)
    np.testing.assert_array_equal(answer["unseen_items_rank"], ranks.unseen_items)
