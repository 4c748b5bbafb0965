"""Adds the slice features to the test Examples that depend on the whole training split."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples

from pipeline.components.evaluator.slices import (
    TARGET_NOVELTY,
    TARGET_POPULARITY,
    novelty,
    popularity_borders,
    popularity_group,
)
from pipeline.components.example_gen.splits.split_example import TEST, TRAIN


@component(use_beam=True)
def SliceFeatures(
    examples: InputArtifact[Examples],
    sliced_examples: OutputArtifact[Examples],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes a copy of the test split with the features of `pipeline.components.evaluator.slices`.

    It joins Examples and counts on the target, so that no worker needs a table of the catalogue.

    Args:
        examples: ExampleGen's output.
        sliced_examples: The output: the test split with the additional features.
        beam_pipeline: An empty Beam pipeline.
    """
    sliced_examples.split_names = artifact_utils.encode_split_names([TEST])
    train, test = (
        os.path.join(artifact_utils.get_split_uri([examples], split), "*")
        for split in (TRAIN, TEST)
    )
    output = os.path.join(artifact_utils.get_split_uri([sliced_examples], TEST), "examples")
    with beam_pipeline as pipeline:
        counts = (
            pipeline
            | "ReadTrain" >> beam.io.ReadFromTFRecord(train)
            | "Items" >> beam.FlatMap(_items)
            | "Counts" >> beam.combiners.Count.PerElement()
        )
        borders = (
            counts
            | beam.Values()
            | "ItemsByCount" >> beam.combiners.Count.PerElement()
            | beam.combiners.ToDict()
            | "Borders" >> beam.Map(popularity_borders)
        )
        by_target = (
            pipeline
            | "ReadTest" >> beam.io.ReadFromTFRecord(test)
            | "ByTarget" >> beam.Map(_by_target)
        )
        _ = (
            {"counts": counts, "examples": by_target}
            | beam.CoGroupByKey()
            | "AddFeatures" >> beam.FlatMap(_add_features, beam.pvalue.AsSingleton(borders))
            | beam.io.WriteToTFRecord(output, file_name_suffix=".gz")
        )


def _items(record: bytes) -> Iterator[bytes]:
    feature = tf.train.Example.FromString(record).features.feature
    yield from feature["history"].bytes_list.value


def _by_target(record: bytes) -> tuple[bytes, bytes]:
    feature = tf.train.Example.FromString(record).features.feature
    return feature["target"].bytes_list.value[0], record


def _add_features(
    joined: tuple[bytes, dict[str, Iterable[Any]]], borders: tuple[int, int]
) -> Iterator[bytes]:
    target, found = joined
    group = popularity_group(sum(found["counts"]), borders)
    for record in found["examples"]:
        example = tf.train.Example.FromString(record)
        feature = example.features.feature
        history = feature["history"].bytes_list.value
        for name, value in (
            (TARGET_POPULARITY, group),
            (TARGET_NOVELTY, novelty(target, history)),
        ):
            feature[name].bytes_list.value.append(value.encode())
        yield example.SerializeToString()
