"""Test Examples get the features that slice the evaluation, from what is trained on."""

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
from tfx.types.standard_artifacts import Examples

from pipeline.beam_args import complete_beam_args
from pipeline.components.evaluation_features.slice_features import AddSliceFeatures
from tests.pipeline.components.evaluator.known_models import GROUPS, TARGETS, example


def test_every_user_is_in_a_slice_of_each_feature(sliced: Examples):
    files = tf.io.gfile.glob(f"{sliced.uri}/Split-test/*")
    records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    assert len(records) == len(TARGETS)
    for record in records:
        feature = tf.train.Example.FromString(record).features.feature
        value = {name: feature[name].bytes_list.value for name in feature}
        (target,), (group,) = value["target"], value["target_popularity"]
        assert group.decode() == GROUPS[target.decode()]
        repeated = target in value["history"]
        assert "target_events" not in value  # without a table of the catalogue
        assert value["target_novelty"] == [b"repeated" if repeated else b"new"]


def test_with_item_features_users_are_sliced_by_the_events_of_their_target():
    train = [example(["few", "few", "many"], "many"), example(["few"] * 3 + ["many"] * 5, "many")]
    test = [example(["few"], target) for target in ("few", "many", "new")]
    with beam.Pipeline(options=PipelineOptions(complete_beam_args())) as pipeline:
        trained_on = pipeline | "Train" >> beam.Create(train)
        sliced = (
            pipeline | "Test" >> beam.Create(test) | AddSliceFeatures(trained_on, with_events=True)
        )
        expected = [(b"few", b"1-5"), (b"many", b"warm"), (b"new", b"cold")]
        assert_that(sliced | "Slices" >> beam.Map(target_and_slice), equal_to(expected))


def target_and_slice(record: bytes) -> tuple[bytes, bytes]:
    feature = tf.train.Example.FromString(record).features.feature
    (target,), (found,) = (feature[n].bytes_list.value for n in ("target", "target_events"))
    return target, found
