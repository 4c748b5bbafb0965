"""Writes what the component reads, and runs it as TFX does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from tfx.types import artifact_utils
from tfx.types.experimental.simple_artifacts import File
from tfx.types.standard_artifacts import Examples, TransformGraph

from pipeline.beam_args import complete_beam_args
from pipeline.components.item_transitions.component import ItemTransitions

Users = Sequence[tuple[list[int], int]]  # history and target


def write_transformed(folder: Path, splits: Mapping[str, Sequence[Users]]) -> Examples:
    """Transformed Examples, a file for each group of users of a split."""
    for split, files in splits.items():
        path = folder / f"Split-{split}"
        path.mkdir(parents=True)
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        for number, users in enumerate(files):
            with tf.io.TFRecordWriter(str(path / f"part-{number}.gz"), options) as writer:
                for history, target in users:
                    example = tf.train.Example()
                    feature = example.features.feature
                    feature["history_ids"].int64_list.value.extend(history)
                    feature["target_id"].int64_list.value.append(target)
                    writer.write(example.SerializeToString())
    examples = Examples()
    examples.uri = str(folder)
    examples.split_names = artifact_utils.encode_split_names(sorted(splits))
    return examples


def write_vocabulary(folder: Path, items: Sequence[str]) -> TransformGraph:
    """What Transform writes, as far as the vocabulary goes."""
    assets = folder / "transform_fn" / "assets"
    assets.mkdir(parents=True)
    (assets / "items").write_text("".join(f"{item}\n" for item in items))
    graph = TransformGraph()
    graph.uri = str(folder)
    return graph


def run_item_transitions(examples: Examples, graph: TransformGraph, folder: Path) -> str:
    """Runs the component; returns the folder of its output."""
    result = File()
    result.uri = str(folder)
    kind = ItemTransitions.EXECUTOR_SPEC.executor_class
    context = kind.Context(beam_pipeline_args=complete_beam_args(None), tmp_dir="", unique_id="1")
    kind(context).Do(
        {"transformed_examples": [examples], "transform_graph": [graph]},
        {"transitions": [result]},
        {},
    )
    return result.uri
