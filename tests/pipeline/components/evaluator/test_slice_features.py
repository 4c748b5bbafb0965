"""Test Examples get the features that slice the evaluation, from what is trained on."""

import tensorflow as tf
from tfx.types.standard_artifacts import Examples

from tests.pipeline.components.evaluator.known_models import GROUPS, TARGETS


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
        assert value["target_novelty"] == [b"repeated" if repeated else b"new"]
