"""Adds the features by which the evaluation is sliced."""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf

from pipeline.components.evaluator.slices import (
    TARGET_EVENTS,
    TARGET_NOVELTY,
    TARGET_POPULARITY,
    events_group,
    novelty,
    popularity_borders,
    popularity_group,
)


class AddSliceFeatures(beam.PTransform):
    """Adds the features of `pipeline.components.evaluator.slices` to serialized test Examples.

    It joins Examples and counts on the target, so that no worker needs a table of the catalogue.

    Args:
        train: The serialized Examples of the train split.
        with_events: Whether `TARGET_EVENTS` is among the features.
    """

    def __init__(self, train: beam.PCollection[bytes], with_events: bool = False) -> None:
        super().__init__()
        self._train = train
        self._with_events = with_events

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
            | "AddFeatures"
            >> beam.FlatMap(_add_features, beam.pvalue.AsSingleton(borders), self._with_events)
        )


def _items(record: bytes) -> Iterator[bytes]:
    feature = tf.train.Example.FromString(record).features.feature
    yield from feature["history"].bytes_list.value


def _by_target(record: bytes) -> tuple[bytes, bytes]:
    feature = tf.train.Example.FromString(record).features.feature
    return feature["target"].bytes_list.value[0], record


def _add_features(
    joined: tuple[bytes, dict[str, Iterable[Any]]], borders: tuple[int, int], with_events: bool
) -> Iterator[bytes]:
    target, found = joined
    count = sum(found["counts"])
    of_target = {TARGET_POPULARITY: popularity_group(count, borders)}
    if with_events:
        of_target[TARGET_EVENTS] = events_group(count)
    for record in found["examples"]:
        example = tf.train.Example.FromString(record)
        feature = example.features.feature
        history = feature["history"].bytes_list.value
        values = {**of_target, TARGET_NOVELTY: novelty(target, history)}
        for name, value in values.items():
            feature[name].bytes_list.value.append(value.encode())
        yield example.SerializeToString()
