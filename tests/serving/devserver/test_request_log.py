"""The log of requests: what both protocols write, what is kept, and that no request notices it."""

import contextlib
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    prediction_log_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

from pipeline.jobs.request_log.record_files import log_files
from serving.client import RecommendationClient
from serving.devserver import metrics
from serving.devserver.models.repository import single_model
from serving.devserver.request_log.log_files import LogFiles, LogLimits
from serving.devserver.request_log.logging_configs import ModelLog, model_logs
from serving.devserver.request_log.request_log import RequestLog
from serving.errors import ServingError
from tests.pipeline.small_disk import fill, small_disk
from tests.serving.conftest import ITEMS, K
from tests.serving.devserver.patient import history, predict_request
from tests.serving.running_server import Addresses, running_server
from tests.serving.wait_until import wait_until

_SMALL = LogLimits(max_bytes=8_000)  # files of 1,000 bytes


def records(folder: Path) -> list[prediction_log_pb2.PredictionLog]:
    """What the files hold, without the record that is being written."""
    found = []
    for file in sorted(map(str, folder.rglob("*.tfrecord"))):
        with contextlib.suppress(tf.errors.DataLossError):
            for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
                found.append(prediction_log_pb2.PredictionLog.FromString(record))
    return found


def count(name: str) -> float:
    lines = [line for line in metrics.page().decode().splitlines() if line.startswith(name + " ")]
    return float(lines[0].split()[-1]) if lines else 0


def config(text: str) -> dict[str, model_server_config_pb2.ModelConfig]:
    return {"m": text_format.Parse(text, model_server_config_pb2.ModelConfig(name="m"))}


# ---------------------------------------------------------------------------- the server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served") / "log"


@pytest.fixture(scope="module")
def server(base_path: Path, folder: Path) -> Iterator[Addresses]:
    log = RequestLog(str(folder))
    with running_server(single_model("mclrec", str(base_path)), request_log=log) as addresses:
        yield addresses


@pytest.mark.integration
def test_both_protocols_log_the_same_request_and_answer(server: Addresses, folder: Path) -> None:
    asked = [[ITEMS[3], "unknown"], [], [ITEMS[30], ITEMS[5]]]
    started = int(time.time())
    before = len(records(folder))
    for address, protocol in ((server.grpc, "grpc"), (server.rest, "rest")):
        with RecommendationClient(address, protocol=protocol) as client:
            answers = client.recommend_batch(asked, k=K, keep_seen=True)
    wait_until(lambda: len(records(folder)) == before + 2, "a record")
    over_grpc, over_rest = records(folder)[before:]
    for log in (over_grpc, over_rest):
        metadata = log.log_metadata
        assert metadata.model_spec == model_pb2.ModelSpec(
            name="mclrec", version={"value": 1}, signature_name="recommend"
        )
        assert metadata.sampling_config.sampling_rate == 1
        assert list(metadata.saved_model_tags) == ["serve"]
        assert started <= metadata.timestamp_secs <= time.time()
        request, response = log.predict_log.request, log.predict_log.response
        assert request.model_spec.name == "mclrec"
        assert request.model_spec.signature_name == "recommend"
        rows = tf.make_ndarray(request.inputs["history"])
        found = [[item.decode() for item in row if item] for row in rows]
        assert found == asked
        items = tf.make_ndarray(response.outputs["item_ids"])
        assert [[i.decode() for i in row] for row in items] == [[i for i, _ in a] for a in answers]
        assert tf.make_ndarray(response.outputs["known_items"]).tolist() == [1, 0, 2]
    a, b = over_grpc.predict_log, over_rest.predict_log
    assert set(a.request.inputs) == set(b.request.inputs)
    assert (
        set(a.response.outputs) == set(b.response.outputs) == {"item_ids", "scores", "known_items"}
    )
    first, second = (tf.make_ndarray(log.response.outputs["scores"]) for log in (a, b))
    np.testing.assert_array_equal(first, second)


@pytest.mark.integration
def test_what_fails_and_the_warm_up_are_not_logged(
    server: Addresses, folder: Path, rest: httpx.Client, stub
) -> None:
    before = len(records(folder))
    assert rest.post("/v1/models/mclrec:predict", content="{").status_code == 400
    wrong = predict_request("mclrec", history())
    wrong.model_spec.signature_name = "none"
    with pytest.raises(grpc.RpcError):
        stub.Predict(wrong, timeout=60)
    stub.Predict(predict_request("mclrec", history(ITEMS[0])), timeout=60)
    wait_until(lambda: len(records(folder)) > before, "a record")
    [last] = records(folder)[before:]
    assert tf.make_ndarray(last.predict_log.request.inputs["history"])[0, 0].decode() == ITEMS[0]


@pytest.mark.integration
def test_only_the_owner_reads_what_is_logged(server: Addresses, folder: Path, stub) -> None:
    stub.Predict(predict_request("mclrec", history()), timeout=60)
    wait_until(lambda: len(records(folder)) > 0, "a record")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


@pytest.mark.integration
def test_a_reloaded_configuration_samples_anew_and_writes_nowhere_else(
    server: Addresses, folder: Path, channel: grpc.Channel, base_path: Path, stub
) -> None:
    management = model_service_pb2_grpc.ModelServiceStub(channel)

    def reload(logging_config: str) -> None:
        request = model_management_pb2.ReloadConfigRequest()
        request.config.CopyFrom(single_model("mclrec", str(base_path)))
        [model] = request.config.model_config_list.config
        text_format.Parse(logging_config, model.logging_config)
        management.HandleReloadConfigRequest(request, timeout=60)

    collector = 'log_collector_config {{ type: "tfrecord" filename_prefix: "{}" }}'.format
    with pytest.raises(grpc.RpcError, match="filename_prefix of model mclrec"):
        reload(collector("../elsewhere"))
    assert not (folder.parent / "elsewhere").exists()
    reload(collector("all/m") + "sampling_config { sampling_rate: 1 }")
    stub.Predict(predict_request("mclrec", history()), timeout=60)
    wait_until(lambda: len(records(folder / "all")) == 1, "a record")
    reload(collector("none/m"))  # the rate 0
    stub.Predict(predict_request("mclrec", history()), timeout=60)
    management.HandleReloadConfigRequest(
        model_management_pb2.ReloadConfigRequest(config=single_model("mclrec", str(base_path))),
        timeout=60,
    )
    before = len(records(folder))
    stub.Predict(predict_request("mclrec", history()), timeout=60)
    wait_until(lambda: len(records(folder)) == before + 1, "a record")
    assert not (folder / "none").exists()


# ------------------------------------------------------------------------ which models


def test_without_a_folder_a_logging_config_is_refused_as_by_tf_serving() -> None:
    assert model_logs(config(""), "", 1) == {}
    with pytest.raises(ServingError, match="No request-logger-creator provided") as refused:
        model_logs(config("logging_config {}"), "", 1)
    assert refused.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_a_model_without_a_logging_config_is_logged_as_the_flags_say() -> None:
    assert model_logs(config(""), "/log", 0.25) == {"m": ModelLog(0.25, "/log/m")}
    strange = {"a/../b": model_server_config_pb2.ModelConfig()}
    assert model_logs(strange, "/log", 1)["a/../b"].prefix == "/log/a%2F..%2Fb"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("logging_config {}", "Cannot find LogCollector::Factory for type: "),
        ('logging_config { log_collector_config { type: "x" } }', "for type: x. Model m can be"),
        *(
            (
                f'logging_config {{ log_collector_config {{ type: "tfrecord" '
                f'filename_prefix: "{prefix}" }} }}',
                "must name files in the folder of --request_log",
            )
            for prefix in ("", ".", "..", "../log2/m", "/etc/m", "a/../../m")
        ),
        *(
            (
                'logging_config { log_collector_config { type: "tfrecord" filename_prefix: "m" } '
                f"sampling_config {{ sampling_rate: {rate} }} }}",
                f"sampling_rate of model m must be from 0 to 1, got {rate}",
            )
            for rate in ("-0.1", "1.5", "nan")
        ),
        *(
            (
                f'logging_config {{ log_collector_config {{ type: "tfrecord" '
                f'filename_prefix: "{prefix}" }} }}',
                said,
            )
            for prefix, said in (
                ("a/.m", "must not make hidden files"),
                ("m\\000", "nor hold a null character"),
                ("x" * 300, "must have at most 140 bytes"),
                ("x" * 300 + "/m", "must have at most 140 bytes"),
            )
        ),
    ],
)
def test_a_logging_config_that_cannot_be_followed_is_refused(text: str, said: str) -> None:
    with pytest.raises(ServingError) as refused:
        model_logs(config(text), "/log", 1)
    assert said in refused.value.message


# --------------------------------------------------------------------------- the files


def test_files_end_by_size_and_the_oldest_are_deleted(tmp_path: Path) -> None:
    files = LogFiles(str(tmp_path / "m"), _SMALL)
    other = tmp_path / "m-notes.txt"
    other.write_text("not a log")
    for number in range(60):
        files.write(f"{number:0400d}".encode(), time.time())  # two in a file
    files.close()
    logs = sorted(tmp_path.glob("*.tfrecord"))
    assert all(file.stat().st_size <= _SMALL.file_bytes for file in logs)
    assert 5_000 < sum(file.stat().st_size for file in logs) <= _SMALL.max_bytes
    kept = [int(r) for r in tf.data.TFRecordDataset([*map(str, logs)]).as_numpy_iterator()]
    assert kept == list(range(60 - len(kept), 60)) and len(kept) >= 12
    assert other.exists()


def test_files_end_by_time_and_old_ones_are_deleted(tmp_path: Path) -> None:
    limits = LogLimits(max_days=1, file_seconds=0.5)
    files = LogFiles(str(tmp_path / "m"), limits)
    now = time.time()
    files.write(b"a", now + 3 * 86_400)  # the clock is then set back by three days
    files.tend()
    files.write(b"b", now)
    time.sleep(0.6)
    files.tend()
    files.write(b"c", now)
    second, first = sorted(tmp_path.glob("*.tfrecord"))
    assert list(tf.data.TFRecordDataset(str(first)).as_numpy_iterator()) == [b"a", b"b"]
    os.utime(first, (now - 90_000, now - 90_000))
    os.utime(second, (now - 90_000, now - 90_000))  # is being written, so that it stays
    files.delete_old(now)
    assert list(tmp_path.glob("*.tfrecord")) == [second]
    files.close()


def test_no_server_deletes_the_file_that_another_one_writes(tmp_path: Path) -> None:
    seldom, often = (LogFiles(str(tmp_path / "m"), _SMALL) for _ in range(2))
    now = time.time()
    seldom.write(b"a", now - 60)
    seldom.tend()
    [quiet] = tmp_path.iterdir()
    os.utime(quiet, (now - 60, now - 60))
    for _ in range(60):
        often.write(b"b" * 400, now)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= _SMALL.max_bytes
    seldom.write(b"c", now)
    seldom.close()
    assert list(tf.data.TFRecordDataset(str(quiet)).as_numpy_iterator()) == [b"a", b"c"]
    os.utime(quiet, (now - 60, now - 60))
    for _ in range(60):
        often.write(b"b" * 400, now)
    assert not quiet.exists()
    often.close()


def test_servers_that_delete_the_same_files_do_not_fail(tmp_path: Path) -> None:
    now = time.time()
    names = [f"m-20260101T000000Z-h-1-{number:06d}.tfrecord" for number in range(4000)]
    old = LogFiles(str(tmp_path / "m"), LogLimits(max_days=1))
    for name in names:
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (now - 90_000, now - 90_000))
    errors = []

    def delete() -> None:
        try:
            old.delete_old(now)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x" * 300, "ü" * 100, ".hidden", ".", ".."])
def test_a_model_of_any_name_is_logged_to_files_that_a_reader_finds(
    tmp_path: Path, name: str
) -> None:
    models = dict.fromkeys((name, name + "2"), model_server_config_pb2.ModelConfig())
    for log in model_logs(models, str(tmp_path), 1).values():
        files = LogFiles(log.prefix, LogLimits())
        files.write(b"a", 0)
        files.close()
    assert len(log_files(tmp_path)) == 2  # each model has its own


def test_processes_that_share_a_folder_do_not_overwrite_each_other(tmp_path: Path) -> None:
    one, two = (LogFiles(str(tmp_path / "m"), LogLimits()) for _ in range(2))
    one.write(b"a", 0)
    with pytest.raises(FileExistsError):  # the same process, time and number: refused, not lost
        two.write(b"b", 0)
    two.write(b"b", 0)
    one.close()
    two.close()
    logs = [*map(str, tmp_path.glob("*.tfrecord"))]
    assert sorted(tf.data.TFRecordDataset(logs).as_numpy_iterator()) == [b"a", b"b"]


# --------------------------------------------------------------- what a request notices


def _log(folder: Path, **options) -> RequestLog:
    log = RequestLog(str(folder), **options)
    log.start()
    log.follow(config(""))
    return log


def _nothing() -> prediction_log_pb2.PredictLog:
    return prediction_log_pb2.PredictLog()


def test_a_full_queue_drops_and_counts_and_does_not_wait(tmp_path: Path) -> None:
    log = _log(tmp_path, max_waiting=2)
    held, writing = threading.Event(), threading.Event()

    def wait() -> prediction_log_pb2.PredictLog:
        writing.set()
        held.wait(60)
        return _nothing()

    dropped = count('mclrec_serving_requests_unlogged_total{reason="queue_full"}')
    log.offer(model_pb2.ModelSpec(name="m"), wait)
    assert writing.wait(60)
    started = time.perf_counter()
    for _ in range(100):
        log.offer(model_pb2.ModelSpec(name="m"), _nothing)
    assert time.perf_counter() - started < 1
    assert count('mclrec_serving_requests_unlogged_total{reason="queue_full"}') == dropped + 98
    held.set()
    log.close()
    assert len(records(tmp_path)) == 3


def test_what_cannot_be_written_is_dropped_and_counted(tmp_path: Path) -> None:
    logged = count("mclrec_serving_requests_logged_total")
    failed = count('mclrec_serving_requests_unlogged_total{reason="write_failed"}')
    faulty = count('mclrec_serving_requests_unlogged_total{reason="no_record"}')
    large = count('mclrec_serving_requests_unlogged_total{reason="too_large"}')
    log = _log(tmp_path / "log", limits=_SMALL)
    spec = model_pb2.ModelSpec(name="m")

    def wrong() -> prediction_log_pb2.PredictLog:
        raise ValueError("no proto for this")

    def too_large() -> prediction_log_pb2.PredictLog:
        predict_log = prediction_log_pb2.PredictLog()
        predict_log.request.inputs["history"].string_val.append(b"x" * 1000)
        return predict_log

    log.offer(spec, wrong)
    log.offer(spec, too_large)
    log.offer(spec, _nothing)
    wait_until(lambda: count("mclrec_serving_requests_logged_total") == logged + 1, "a record")
    (tmp_path / "log").rename(tmp_path / "moved")
    (tmp_path / "log").write_text("a file in place of the folder")
    log.follow({"n": model_server_config_pb2.ModelConfig(name="n")})
    for _ in range(3):
        log.offer(model_pb2.ModelSpec(name="n"), _nothing)
    log.close()
    assert count('mclrec_serving_requests_unlogged_total{reason="no_record"}') == faulty + 1
    assert count('mclrec_serving_requests_unlogged_total{reason="too_large"}') == large + 1
    assert count('mclrec_serving_requests_unlogged_total{reason="write_failed"}') == failed + 3


def test_after_a_folder_has_vanished_no_record_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = _log(tmp_path / "log")
    logged = count("mclrec_serving_requests_logged_total")
    for round, remove in enumerate((shutil.rmtree, lambda f: f.rename(tmp_path / "moved"), None)):
        for _ in range(40):
            log.offer(model_pb2.ModelSpec(name="m"), _nothing)
        all_of_it = logged + 40 * (round + 1)
        wait_until(
            lambda n=all_of_it: count("mclrec_serving_requests_logged_total") == n, "40 records"
        )
        if remove:
            remove(tmp_path / "log")
    log.close()
    assert len(records(tmp_path / "log")) == len(records(tmp_path / "moved")) == 40
    assert caplog.text.count("was moved or deleted while it was written") == 2


def test_a_prefix_that_cannot_be_written_stops_no_other_model(tmp_path: Path) -> None:
    log = _log(tmp_path)
    (tmp_path / "file").write_text("")
    collector = 'logging_config {{ log_collector_config {{ type: "tfrecord" {} }} {} }}'.format
    log.follow(
        {
            "bad": config(
                collector('filename_prefix: "file/m"', "sampling_config { sampling_rate: 1 }")
            )["m"],
            "good": model_server_config_pb2.ModelConfig(),
        }
    )
    failed = count('mclrec_serving_requests_unlogged_total{reason="write_failed"}')
    for name in ("good", "bad", "good", "bad", "good"):
        log.offer(model_pb2.ModelSpec(name=name), _nothing)
    log.close()
    assert count('mclrec_serving_requests_unlogged_total{reason="write_failed"}') == failed + 2
    assert len(records(tmp_path)) == 3
    assert len([*tmp_path.glob("good-*.tfrecord")]) == 1


def test_on_a_full_disk_nothing_is_left_and_the_log_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.devserver.request_log.request_log._PAUSE_SECONDS", 0.2)
    monkeypatch.setattr("serving.devserver.request_log.request_log._TEND_SECONDS", 0.05)
    failed = 'mclrec_serving_requests_unlogged_total{reason="write_failed"}'
    with small_disk(tmp_path / "disk") as disk:
        (disk / "log").mkdir()
        ballast, before = fill(disk), count(failed)
        log = _log(disk / "log")

        def offer() -> bool:
            log.offer(model_pb2.ModelSpec(name="m"), _nothing)
            return count(failed) > before

        wait_until(offer, "a record that cannot be written")
        ballast.unlink()
        wait_until(lambda: not offer() or len(records(disk / "log")) > 0, "a record")
        log.close()
        assert all(file.stat().st_size for file in (disk / "log").iterdir())


def test_a_share_of_the_requests_is_logged_and_its_rate_with_them(tmp_path: Path) -> None:
    log = _log(tmp_path, sampling_rate=0.25, max_waiting=10_000)
    for _ in range(4_000):
        log.offer(model_pb2.ModelSpec(name="m"), _nothing)
    log.offer(model_pb2.ModelSpec(name="another"), _nothing)
    log.close()
    found = records(tmp_path)
    assert 850 < len(found) < 1150  # five standard deviations
    assert {r.log_metadata.sampling_config.sampling_rate for r in found} == {0.25}


def test_a_folder_that_cannot_be_made_stops_the_server(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        RequestLog(str(tmp_path / "file")).start()
