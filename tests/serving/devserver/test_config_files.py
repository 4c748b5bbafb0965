"""Configuration files in text format, and the one that is followed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf import wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.config_files import follow_model_config, read_config
from serving.devserver.configuration.config_protos import (
    BatchingParameters,
    MonitoringConfig,
    SSLConfig,
)
from serving.errors import ServingError

_ONE = 'model_config_list { config { name: "one" base_path: "/one" } }'
_TWO = 'model_config_list { config { name: "two" base_path: "/two" } }'


def test_files_of_tf_serving_are_read(tmp_path: Path) -> None:
    """The examples of its documentation."""
    batching, monitoring, ssl = (tmp_path / name for name in ("batching", "monitoring", "ssl"))
    batching.write_text(
        """max_batch_size { value: 128 }
        batch_timeout_micros { value: 0 }
        max_enqueued_batches { value: 1000000 }
        num_batch_threads { value: 8 }
        thread_pool_name { value: "batches" }
        allowed_batch_sizes: 64
        allowed_batch_sizes: 128
        pad_variable_length_inputs: true
        enable_large_batch_splitting { value: true }
        max_execution_batch_size { value: 64 }"""
    )
    monitoring.write_text('prometheus_config { enable: true, path: "/metrics" }')
    ssl.write_text('server_key: "key" server_cert: "cert" custom_ca: "ca" client_verify: true')
    parameters = read_config(str(batching), BatchingParameters)
    assert parameters.max_batch_size == wrappers_pb2.Int64Value(value=128)
    assert parameters.HasField("batch_timeout_micros")
    assert parameters.allowed_batch_sizes == [64, 128]
    assert parameters.enable_large_batch_splitting.value
    assert read_config(str(monitoring), MonitoringConfig).prometheus_config.path == "/metrics"
    assert read_config(str(ssl), SSLConfig).client_verify


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"model_config_list {\n  confg {}\n}", '2:3 : Message type "tensorflow.serving.Model'),
        (b"model_config_list {\n  config {\n", "2:10 : Expected"),
        (b'model_config_list {\n config { name: "\xff" } }', ""),
        (b"\xff\xfe", ""),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, content: bytes, place: str) -> None:
    file = tmp_path / "models.config"
    file.write_bytes(content)
    with pytest.raises(ValueError) as fault:
        read_config(str(file), model_server_config_pb2.ModelServerConfig)
    assert f"{file}: {place}" in str(fault.value)


async def test_a_changed_file_is_taken_over_and_a_faulty_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "models.config"
    file.write_text(_ONE)
    names: list[str] = []

    async def take(config: model_server_config_pb2.ModelServerConfig) -> None:
        names.append(config.model_config_list.config[0].name)

    async with _following(file, take):
        file.write_text(_TWO)
        await _until(lambda: names == ["two"])
        file.write_text("model_config_list {\n  confg {}\n}")
        await _until(lambda: f"{file}: 2:3" in caplog.text)
        file.write_text(_ONE)
        await _until(lambda: names == ["two", "one"])
    assert caplog.text.count("stay as they are") == 1


async def test_what_cannot_be_had_yet_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "models.config"
    file.write_text(_ONE)
    attempts: list[int] = []

    async def take(config: model_server_config_pb2.ModelServerConfig) -> None:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise ServingError(grpc.StatusCode.FAILED_PRECONDITION, "not available yet")

    async with _following(file, take):
        file.unlink()
        await _until(lambda: "No such file" in caplog.text)
        file.write_text(_TWO)
        await _until(lambda: len(attempts) == 3)
    assert caplog.text.count("not available yet") == 1


@contextlib.asynccontextmanager
async def _following(
    file: Path, take: Callable[[model_server_config_pb2.ModelServerConfig], Awaitable[None]]
) -> AsyncIterator[None]:
    taken = read_config(str(file), model_server_config_pb2.ModelServerConfig)
    following = asyncio.create_task(follow_model_config(str(file), taken, 0.01, take))
    yield
    assert not following.done()
    following.cancel()


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it has not happened")
