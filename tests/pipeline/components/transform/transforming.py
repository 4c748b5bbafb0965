"""Splits and transforms a log in memory, as ExampleGen and Transform do."""

from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_transform.beam as tft_beam
from tensorflow_transform import TFTransformOutput
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from pipeline.components.data_gate.schema_text import BUILT_IN
from pipeline.components.example_gen.histories.user_history import UserHistory
from pipeline.components.example_gen.splits.leave_one_out import LeaveOneOut
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS
from pipeline.components.transform.preprocessing import VOCABULARY, preprocessing_fn

Log = list[list[str]]
Splits = dict[str, list[dict[str, Any]]]


def transform(log: Log, folder: Path, split: beam.DoFn | None = None) -> tuple[list[str], Splits]:
    """Returns the vocabulary, and of each split the transformed Examples of all users in order."""
    split = split or LeaveOneOut()
    splits: Splits = {split: [] for split in EXAMPLE_SPLITS}
    for user, items in enumerate(log):
        history = UserHistory(b"%d" % user, [item.encode() for item in items], [*range(len(items))])
        for output in split.process(history):
            splits[output.tag].append(instance(output.value))
    metadata = DatasetMetadata(tfdv.load_schema_text(BUILT_IN))
    analyzed = [one for split in EXAMPLE_SPLITS for one in splits[split]]
    with tft_beam.Context(temp_dir=str(folder / "tmp")):
        transform_fn = (analyzed, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
        transformed = {
            split: (((splits[split], metadata), transform_fn) | tft_beam.TransformDataset())[0]
            for split in EXAMPLE_SPLITS
        }
    vocabulary = TFTransformOutput(str(folder / "graph")).vocabulary_by_name(VOCABULARY)
    return [item.decode() for item in vocabulary], transformed


def instance(example: bytes) -> dict[str, list]:
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in tf.train.Example.FromString(example).features.feature.items()
    }
