"""The curated schema: no objection to good Examples, an anomaly for each kind of bad one."""

import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from pipeline.components.data_gate.schema_text import BUILT_IN
from pipeline.components.example_gen.histories.user_history import UserHistory
from pipeline.components.example_gen.splits.leave_one_out import LeaveOneOut
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS


def examples(split: str) -> list[tf.train.Example]:
    return [
        tf.train.Example.FromString(output.value)
        for user, length in enumerate((3, 4, 5, 6, 8, 9, 300))
        for output in LeaveOneOut().process(
            UserHistory(b"u%d" % user, [b"i%d" % n for n in range(length)], [*range(length)])
        )
        if output.tag == split
    ]


def anomalies(of: list[tf.train.Example]) -> dict[str, str]:
    # As StatisticsGen does it: without the schema.
    batch = ExamplesToRecordBatchDecoder().DecodeBatch([one.SerializeToString() for one in of])
    statistics = generate_statistics_in_memory(batch, tfdv.StatsOptions())
    schema = tfdv.load_schema_text(BUILT_IN)
    found = tfdv.validate_statistics(statistics, schema).anomaly_info
    return {feature: info.description for feature, info in found.items()}


@pytest.mark.parametrize("split", EXAMPLE_SPLITS)
def test_good_examples(split: str):
    assert anomalies(examples(split)) == {}


def test_a_train_split_of_single_events_only():
    short = LeaveOneOut().process(UserHistory(b"u", [b"a", b"b", b"c"], [1, 2, 3]))
    train = [tf.train.Example.FromString(one.value) for one in short if one.tag == "train"]
    assert anomalies(train) == {}


def set_feature(name: str, **value):
    def change(example: tf.train.Example) -> None:
        example.features.feature[name].CopyFrom(tf.train.Feature(**value))

    return change


def remove(name: str):
    def change(example: tf.train.Example) -> None:
        del example.features.feature[name]

    return change


ints, words = tf.train.Int64List, tf.train.BytesList


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        *((name, remove(name)) for name in ("user_id", "history", "timestamps", "target")),
        ("length_group", remove("length_group")),
        ("is_training", remove("is_training")),
        ("length_group", set_feature("length_group", bytes_list=words(value=[b"many"]))),
        ("is_training", set_feature("is_training", int64_list=ints(value=[2]))),
        ("target", set_feature("target", bytes_list=words(value=[b"a", b"b"]))),
        ("target", set_feature("target", bytes_list=words(value=[]))),
        ("user_id", set_feature("user_id", bytes_list=words(value=[b"a", b"b"]))),
        ("new", set_feature("new", int64_list=ints(value=[2]))),
    ],
)
def test_one_bad_example_is_an_anomaly(feature: str, change):
    bad = examples("test")
    change(bad[3])
    assert anomalies(bad).keys() == {feature}
