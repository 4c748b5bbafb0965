"""What is read of request logs: rows as they were asked, of every file that a server may leave."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.components.transform.vocabulary import item_ids
from pipeline.jobs.request_log.record_files import RequestLogError, is_request_log, log_files
from pipeline.jobs.request_log.requests import BEST, Asked, ModelVersion, Requests, read_requests
from tests.pipeline.jobs.request_logs import prediction_log, write_log


def rows(requests: Requests) -> list[tuple]:
    """Each row with names of items, without the places of the answer that are empty."""
    return [
        (
            requests.versions[requests.version[row]].version,
            int(requests.time[row]),
            [requests.item_ids[item] for item in requests.histories[row]],
            int(requests.known_items[row]),
            [requests.item_ids[item] for item in requests.best[row] if item >= 0],
        )
        for row in range(len(requests.time))
    ]


def test_rows_are_those_that_were_asked(tmp_path: Path) -> None:
    many = [f"i{n}" for n in range(30)]
    one = write_log(
        tmp_path / "a.tfrecord",
        [
            prediction_log([["tea", "rum"], []], [["x", "y"], ["x", ""]], [2, 0], time=5),
            prediction_log([["tea"]], [many], time=6, version=3, signature="recommend"),
        ],
    )
    two = write_log(tmp_path / "b.tfrecord", [prediction_log([["x"]], None, [0], time=7)])
    found = read_requests([str(one), str(two)])
    assert rows(found) == [
        (7, 5, ["tea", "rum"], 2, ["x", "y"]),
        (7, 5, [], 0, ["x"]),
        (3, 6, ["tea"], -1, many[:BEST]),
        (7, 7, ["x"], 0, []),
    ]
    three, seven = ModelVersion("mclrec", 3), ModelVersion("mclrec", 7)
    assert found.versions == [three, seven]
    assert found.asked == {
        three: {"recommend": Asked(1, 1)},
        seven: {"serving_default": Asked(2, 3)},
    }
    assert found.notes == []
    later = read_requests([str(one), str(two)], since=6)
    assert later.asked[seven] == {"serving_default": Asked(1, 1)} and len(later.time) == 4


def test_many_parts_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    words = [f"w{n}" for n in range(40)]
    logs = [
        prediction_log(
            [list(random.choice(words, random.integers(0, 9))) for _ in range(3)],
            [list(random.choice(words, 4)) for _ in range(3)],
            version=number % 5,
        )
        for number in range(3000)
    ]
    file = str(write_log(tmp_path / "a.tfrecord", logs))
    whole = rows(read_requests([file]))
    monkeypatch.setattr("pipeline.jobs.request_log.row_builder._LARGE", 10_000)
    assert rows(read_requests([file])) == whole
    assert len(whole) == 9000 and len({str(row) for row in whole}) > 5000


def test_other_signatures_and_kinds_are_counted(tmp_path: Path) -> None:
    among = prediction_log([["tea"]], [["x"]], [1], signature="recommend_among")
    similar = prediction_log([["tea"]], [["x"]], signature="similar_items")
    similar.predict_log.request.inputs["item"].CopyFrom(tf.make_tensor_proto([b"tea"]))
    del similar.predict_log.request.inputs["history"]
    classified = prediction_log([["tea"]])
    classified.classify_log.SetInParent()  # which takes the place of predict_log
    found = read_requests([str(write_log(tmp_path / "a", [among, similar, classified]))])
    assert found.asked[ModelVersion("mclrec", 7)] == {
        "recommend_among": Asked(1, 1),
        "similar_items": Asked(1, 0),
        "classify_log": Asked(1, 0),
    }
    assert rows(found) == [(7, 0, ["tea"], 1, [])]  # among candidates: not the best of all


def test_a_tensor_that_repeats_its_last_value_is_read_by_tensorflows_rules(tmp_path: Path) -> None:
    log = prediction_log([["tea"]], [["x"]], [1])
    tensor = log.predict_log.request.inputs["history"]
    del tensor.string_val[2:]  # "tea", "" stand for "tea" and 49 times ""
    known = log.predict_log.response.outputs["known_items"]
    known.Clear()
    known.dtype = tf.int32.as_datatype_enum
    known.tensor_shape.dim.add(size=1)
    known.int_val.append(1)  # as TF Serving writes it
    assert rows(read_requests([str(write_log(tmp_path / "a", [log]))]))[0][2:4] == (["tea"], 1)


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_file_that_is_being_written_is_read_to_its_last_whole_record(
    tmp_path: Path, is_packed: bool
) -> None:
    file = write_log(tmp_path / "a.tfrecord", [prediction_log([["tea"]])] * 2000)
    whole = file.read_bytes()
    for cut in (1, 5, 13, 100):
        shorter = whole[:-cut]
        file.write_bytes(gzip.compress(shorter) if is_packed else shorter)
        found = read_requests([str(file)])
        assert len(found.time) == 1999
        [note] = found.notes
        assert "the record after number 1,999 is incomplete" in note


def test_packed_files_are_told_by_what_they_hold(tmp_path: Path) -> None:
    file = write_log(tmp_path / "a.tfrecord", [prediction_log([["tea"]])] * 3, "GZIP")
    assert len(read_requests([str(file)]).time) == 3


def test_empty_files_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    found = read_requests([str(tmp_path / "a")])
    assert (found.versions, len(found.time), found.notes) == ([], 0, [])
    assert read_requests([]).best.shape == (0, BEST)
    (tmp_path / "a").write_bytes(b"hello\n")
    [note] = read_requests([str(tmp_path / "a")]).notes
    assert note.endswith(
        "a: holds no whole record and was left out. A server has just begun it, or "
        "it is no TFRecord file."
    )


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = write_log(tmp_path / "a", [prediction_log([["tea"]])] * 9)
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(RequestLogError, match="a: cannot be read after record 4: it") as told:
        read_requests([str(file)])
    assert "function_node" not in str(told.value)
    (tmp_path / "packed").write_bytes(gzip.compress(b"x" * 100_000)[:-4] + b"abcd")
    with pytest.raises(RequestLogError, match="packed: cannot be read") as told:
        read_requests([str(tmp_path / "packed")])
    assert "function_node" not in str(told.value) and "[Op:" not in str(told.value)


def test_what_is_no_request_log_is_named_with_its_record(tmp_path: Path) -> None:
    with pytest.raises(RequestLogError, match="no file matches"):
        log_files(tmp_path / "none-*")
    text = tmp_path / "log.csv"
    text.write_text("user_id,item_id,timestamp\n" * 9)
    with pytest.raises(RequestLogError, match=r"log\.csv: cannot be read after record 0"):
        read_requests([str(text)])
    example = tf.train.Example()
    example.features.feature["history"].bytes_list.value.append(b"tea")
    examples = tmp_path / "examples"
    with tf.io.TFRecordWriter(str(examples)) as writer:
        writer.write(prediction_log([["tea"]]).SerializeToString())
        writer.write(example.SerializeToString())
    with pytest.raises(RequestLogError, match="examples: record 2 is no PredictionLog"):
        read_requests([str(examples)])


def _history(shape: tuple[int, int]) -> tf.make_tensor_proto:
    """A tensor that says a shape which it does not have."""
    tensor = tf.make_tensor_proto([[b"tea"]] if shape[1] else [[]], tf.string)
    for dim, size in zip(tensor.tensor_shape.dim, shape, strict=True):
        dim.size = size
    return tensor


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda log: log.response.outputs["item_ids"].tensor_shape.dim.add(size=1), "of the shape"),
        (
            lambda log: log.request.inputs["history"].CopyFrom(tf.make_tensor_proto([[1, 2]])),
            "history that holds no strings",
        ),
        (
            lambda log: log.response.outputs["known_items"].CopyFrom(tf.make_tensor_proto([1, 2])),
            "has 1 histories and known_items of 2",
        ),
        (
            lambda log: log.response.outputs["item_ids"].CopyFrom(
                tf.make_tensor_proto([["x"], ["y"]])
            ),
            "has 1 histories and an answer of 2 rows",
        ),
        *(
            (
                lambda log, known=known: log.response.outputs["known_items"].CopyFrom(
                    tf.make_tensor_proto(known)
                ),
                said,
            )
            for known, said in (
                (1, "known_items of DT_INT32 and the shape .., not integers"),
                (["z"], "known_items of DT_STRING and the shape .1., not integers"),
                ([0.5], "known_items of DT_FLOAT and the shape"),
                ([[1]], "known_items of DT_INT32 and the shape .1, 1."),
                ([99], "has known_items of 99 for a history of 1 items"),
                ([2], "has known_items of 2 for a history of 1 items"),
                ([-5], "has known_items of -5 for a history of 1 items"),
                (np.array([2**40]), "has known_items of 1099511627776"),
            )
        ),
        *(
            (
                lambda log, shape=shape: log.request.inputs["history"].CopyFrom(_history(shape)),
                "history of the shape",
            )
            for shape in ((-1, -1), (10**9, 0))
        ),
    ],
)
def test_a_record_that_contradicts_itself_is_named(tmp_path: Path, change, said: str) -> None:
    log = prediction_log([["tea"]], [["x"]], [1])
    change(log.predict_log)
    file = write_log(tmp_path / "a", [prediction_log([["tea"]]), log])
    with pytest.raises(RequestLogError, match=f"a: record 2 .*{said}"):
        read_requests([str(file)])


@pytest.mark.parametrize("time", [-5, 1_750_000_000_000, 1_750_000_000 * 10**9, 2**63 - 1])
def test_a_time_that_is_none_in_seconds_is_named(tmp_path: Path, time: int) -> None:
    similar = prediction_log([["tea"]], signature="similar_items", time=time)
    del similar.predict_log.request.inputs["history"]
    for log in (prediction_log([["tea"]], time=time), similar):
        file = write_log(tmp_path / "a", [log])
        with pytest.raises(RequestLogError, match=f"a: record 1 has timestamp_secs of {time}, "):
            read_requests([str(file)])
    write_log(file, [prediction_log([["tea"]], time=253_402_300_799)])
    assert read_requests([str(file)]).time.tolist() == [253_402_300_799]


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -0.5, 2])
def test_a_rate_that_is_no_share_is_named(tmp_path: Path, rate: float) -> None:
    file = write_log(tmp_path / "a", [prediction_log([["tea"]], rate=rate)])
    with pytest.raises(RequestLogError, match="a: record 1 has a sampling_rate of "):
        read_requests([str(file)])


def test_the_first_and_the_last_answer_are_of_all_signatures(tmp_path: Path) -> None:
    similar = [prediction_log([["x"]], signature="similar_items", time=t) for t in (0, 9, 3)]
    for log in similar:
        del log.predict_log.request.inputs["history"]
    file = write_log(tmp_path / "a", [*similar, prediction_log([["x"]], time=5, version=8)])
    seven, eight = ModelVersion("mclrec", 7), ModelVersion("mclrec", 8)
    assert read_requests([str(file)]).answered == {seven: (3, 9), eight: (5, 5)}
    assert read_requests([str(file)], since=6).answered == {seven: (9, 9)}


def test_ids_are_those_of_a_vocabulary_bytes_that_are_no_text_too(tmp_path: Path) -> None:
    log = prediction_log([["a", "b", "c"]])
    ids = [b"caf\xe9", b"caf\xe8", "one\u2028line".encode()]
    log.predict_log.request.inputs["history"].string_val[:3] = ids
    (tmp_path / "items").write_bytes(b"\n".join(ids) + b"\n")
    found = read_requests([str(write_log(tmp_path / "a", [log]))])
    assert [found.item_ids[n] for n in found.histories[0]] == item_ids(str(tmp_path / "items"))


def test_names_with_the_brackets_of_a_pattern_are_found(tmp_path: Path) -> None:
    file = write_log(tmp_path / "x[1]" / "b[2].tfrecord", [prediction_log([["tea"]])])
    (file.parent / "below").mkdir()
    (file.parent / ".hidden").write_text("")
    assert log_files(file.parent) == log_files(file) == [str(file)]
    assert log_files(tmp_path / "?*" / "*.tfrecord") == [str(file)]


def test_logs_of_requests_are_told_from_examples(tmp_path: Path) -> None:
    example = tf.train.Example()
    for name in ("user_id", "history"):
        example.features.feature[name].bytes_list.value.append(b"tea")
    with tf.io.TFRecordWriter(str(tmp_path / "examples")) as writer:
        writer.write(example.SerializeToString())
    log = write_log(tmp_path / "log", [prediction_log([["tea"]])])
    assert is_request_log(log)
    assert is_request_log(tmp_path)  # whose first file is none
    for other in (tmp_path / "examples", tmp_path / "none", __file__):
        assert not is_request_log(other)
