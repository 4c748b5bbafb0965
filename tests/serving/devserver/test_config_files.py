"""Configuration files in text format, and the one that is followed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.config_files import follow_model_config, read_config
from serving.errors import ServingError

_ONE = 'model_config_list { config { name: "one" base_path: "/one" } }'
_TWO = 'model_config_list { config { name: "two" base_path: "/two" } }'


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
