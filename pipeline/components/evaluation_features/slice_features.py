"""Adds the features by which the evaluation is sliced."""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf

from pipeline.components.evaluator.slices import (
    TARGET_NOVELTY,
    TARGET_POPULARITY,
    novelty,
    popularity_borders,
    popularity_group,
)


class AddSliceFeatures(beam.PTransform):
    """Adds the features of `pipeline.components.evaluator.slices` to serialized test Examples.

    It joins Examples and counts on the target, so that no worker needs a table of the catalogue.

    Args:
        train: The serialized Examples of the train split.
    """

    def __init__(self, train: beam.PCollection[bytes]) -> None:
        super().__init__()
        self._train = train

    def expand(self, test: beam.PCollection[bytes]) -> beam.PCollection[bytes]:
        counts = (
            self._train
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
        by_target = test | "ByTarget" >> beam.Map(_by_target)
        return (
            {"counts": counts, "examples": by_target}
            | beam.CoGroupByKey()
            | "AddFeatures" >> beam.FlatMap(_add_features, beam.pvalue.AsSingleton(borders))
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
