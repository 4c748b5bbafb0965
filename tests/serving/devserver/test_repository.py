"""Versions come and go while requests are answered."""

import asyncio
import contextlib
import gc
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.config import model_server_config_pb2

from mclrec_tf.export.checksums import CHECKSUM_FILE, write_checksums
from serving.devserver.models import model as model_module
from serving.devserver.models.repository import ModelRepository, single_model
from serving.devserver.request_pool import RequestPool
from serving.devserver.servables import loading
from serving.devserver.servables.predict import predict
from serving.devserver.servables.servable import Servable
from serving.errors import ServingError
from tests.serving.conftest import ITEMS
from tests.serving.stand_in import HISTORY_LENGTH, write_export

_HISTORY = np.full((1, HISTORY_LENGTH), b"", dtype=object)
_SPEC = model_pb2.ModelSpec(name="m")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("exports")
    return [write_export(folder / str(seed), ITEMS[:5], seed=seed) for seed in range(2)]


@pytest.fixture
def base(tmp_path: Path, exports: list[Path]) -> Path:
    shutil.copytree(exports[0], tmp_path / "m" / "1")
    return tmp_path / "m"


@pytest.fixture
async def repository(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelRepository]:
    async with _new_repository(monkeypatch) as repository:
        yield repository


@contextlib.asynccontextmanager
async def _new_repository(
    monkeypatch: pytest.MonkeyPatch, **options: Any
) -> AsyncIterator[ModelRepository]:
    monkeypatch.setattr(model_module, "_RETIREMENT_SECONDS", 0.2)
    repository = ModelRepository(RequestPool(num_threads=2, max_requests=10), **options)
    yield repository
    await repository.close()


async def test_the_newest_version_answers(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    for name in ("9", "10", "notes", "11.tmp"):
        shutil.copytree(exports[0], base / name)
    await repository.reload(single_model("m", str(base)))
    assert await _who_answers(repository) == 10
    assert _states(repository) == {10: "AVAILABLE"}


async def test_a_new_version_takes_over_and_the_old_one_ends(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    await repository.reload(single_model("m", str(base)))
    shutil.copytree(exports[1], base / "2")
    await repository.refresh()
    assert await _who_answers(repository) == 2
    assert await _who_answers(repository, version=1) == 1  # for a moment
    await _refresh_until(repository, {2: "AVAILABLE", 1: "END"})
    with pytest.raises(ServingError, match=r"Servable not found for request: Specific\(m, 1\)"):
        await _who_answers(repository, version=1)


async def test_a_call_that_runs_keeps_its_version(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    await repository.reload(single_model("m", str(base)))
    go_on = threading.Event()

    def slow(servable: Servable) -> int:
        assert go_on.wait(30)
        predict(servable, "", {"history": _HISTORY})
        return servable.version

    running = asyncio.create_task(repository.call(_SPEC, slow))
    await asyncio.sleep(0)
    shutil.copytree(exports[1], base / "2")
    await repository.refresh()
    await _refresh_until(repository, {2: "AVAILABLE", 1: "UNLOADING"})
    go_on.set()
    assert await running == 1
    await _until(repository, {2: "AVAILABLE", 1: "END"})


async def test_a_caller_that_goes_away_does_not_unload_what_its_call_still_uses(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    await repository.reload(single_model("m", str(base)))
    runs, go_on, answers = threading.Event(), threading.Event(), []

    def slow(servable: Servable) -> None:
        runs.set()
        assert go_on.wait(30)
        answers.append(predict(servable, "", {"history": _HISTORY}))

    running = asyncio.create_task(repository.call(_SPEC, slow))
    await asyncio.to_thread(runs.wait)
    running.cancel()
    shutil.copytree(exports[1], base / "2")
    await repository.refresh()
    await _refresh_until(repository, {2: "AVAILABLE", 1: "UNLOADING"})
    go_on.set()
    await _until(repository, {2: "AVAILABLE", 1: "END"})
    assert len(answers) == 1


@pytest.mark.parametrize("damage", ["no_graph", "no_variables", "bad_warmup", "no_checksums"])
async def test_a_broken_version_never_replaces_a_good_one(
    repository: ModelRepository, base: Path, exports: list[Path], damage: str
) -> None:
    await repository.reload(single_model("m", str(base)))
    shutil.copytree(exports[1], base / "2")
    file = {
        "no_graph": base / "2" / "saved_model.pb",
        "no_variables": base / "2" / "variables" / "variables.data-00000-of-00001",
        "bad_warmup": base / "2" / "assets.extra" / "tf_serving_warmup_requests",
        "no_checksums": base / "2" / CHECKSUM_FILE,
    }[damage]
    whole, checksums = file.read_bytes(), (base / "2" / CHECKSUM_FILE).read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    if damage == "bad_warmup":  # which only the replay finds
        write_checksums(str(base / "2"))
    await repository.refresh()
    await asyncio.sleep(0.4)
    assert await _who_answers(repository) == 1
    [broken] = [s for s in repository.statuses(_SPEC) if s.version == 2]
    assert broken.state == ModelVersionStatus.END and broken.status.error_code
    assert broken.status.error_message

    file.write_bytes(whole)
    (base / "2" / CHECKSUM_FILE).write_bytes(checksums)
    await _refresh_until(repository, {2: "AVAILABLE", 1: "END"})
    assert await _who_answers(repository) == 2


async def test_a_version_stays_when_its_folder_vanishes(
    repository: ModelRepository, base: Path
) -> None:
    await repository.reload(single_model("m", str(base)))
    shutil.rmtree(base)
    await repository.refresh()
    await asyncio.sleep(0.4)
    assert await _who_answers(repository) == 1


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [3]),
        ({"latest": {"num_versions": 2}}, [3, 2]),
        ({"all": {}}, [3, 2, 1]),
        ({"specific": {"versions": [1, 3, 7]}}, [3, 1]),
    ],
)
async def test_the_policy_picks_the_versions(
    repository: ModelRepository, base: Path, exports: list[Path], policy: dict, expected: list[int]
) -> None:
    shutil.copytree(exports[0], base / "2")
    shutil.copytree(exports[0], base / "3")
    await repository.reload(_config(base, model_version_policy=policy))
    assert list(_states(repository)) == expected


async def test_a_folder_that_changes_is_left_alone_until_it_is_at_rest(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    await repository.reload(single_model("m", str(base)))
    shutil.copytree(exports[1], base / "2")

    async def grow() -> None:
        while True:
            with (base / "2" / "assets.extra" / "more").open("ab") as file:
                file.write(b"x")
            await asyncio.sleep(0.01)

    growing = asyncio.create_task(grow())
    for _ in range(3):
        await repository.refresh()
        assert _states(repository) == {1: "AVAILABLE"}
    growing.cancel()
    await repository.refresh()
    assert await _who_answers(repository) == 2


async def test_a_version_that_changes_while_it_is_loaded_is_loaded_again(
    repository: ModelRepository,
    base: Path,
    exports: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await repository.reload(single_model("m", str(base)))

    def warm_up_and_damage(servable: Servable) -> None:
        monkeypatch.undo()
        (base / "2" / "assets.extra" / "late").write_text("more")

    monkeypatch.setattr(loading, "warm_up", warm_up_and_damage)
    shutil.copytree(exports[1], base / "2")
    await repository.refresh()
    [late] = [status for status in repository.statuses(_SPEC) if status.version == 2]
    assert "changed while it was loaded" in late.status.error_message
    assert await _who_answers(repository) == 1
    await _refresh_until(repository, {2: "AVAILABLE", 1: "END"})


async def test_what_serves_goes_on_while_the_newest_version_is_broken(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    shutil.copytree(exports[0], base / "2")
    await repository.reload(single_model("m", str(base)))
    shutil.rmtree(base / "2")
    shutil.copytree(exports[1], base / "3")
    (base / "3" / "saved_model.pb").write_bytes(b"broken")
    await repository.refresh()
    await asyncio.sleep(0.4)
    assert _states(repository) == {3: "END", 2: "AVAILABLE"}
    shutil.rmtree(base / "3")  # a step back on purpose
    await _refresh_until(repository, {3: "END", 2: "END", 1: "AVAILABLE"})


async def test_a_failed_load_is_tried_again_only_when_the_files_change(
    repository: ModelRepository,
    base: Path,
    exports: list[Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failures() -> int:
        return sum("version 2 of model m" in message for message in caplog.messages)

    await repository.reload(single_model("m", str(base)))
    shutil.copytree(exports[1], base / "2")
    (base / "2" / "saved_model.pb").write_bytes(b"broken")
    for _ in range(5):
        await repository.refresh()
    assert failures() == 1
    (base / "2" / "saved_model.pb").write_bytes(b"broken again")
    for _ in range(100):
        await repository.refresh()
        if failures() == 2:
            break
        await asyncio.sleep(0.01)
    assert failures() == 2


def test_a_closed_servable_has_freed_its_session(base: Path) -> None:
    with _without_garbage_collection():
        before = _live_sessions()
        servable = Servable("m", 1, base / "1")
        predict(servable, "", {"history": _HISTORY})
        assert _live_sessions() == before + 1
        servable.close()
        assert _live_sessions() == before


async def test_unloaded_versions_leave_no_session(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    await repository.reload(single_model("m", str(base)))
    with _without_garbage_collection():
        before = _live_sessions()
        for number in range(2, 5):
            shutil.copytree(exports[number % 2], base / str(number))
            if number == 3:
                _break_warm_up(base / str(number))
            await repository.refresh()
            await repository.call(_SPEC, predict, "", {"history": _HISTORY})
        await _until_available(repository, [4])
        assert _live_sessions() == before


async def test_labels_name_versions_and_move(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    shutil.copytree(exports[0], base / "2")
    both = {"model_version_policy": {"all": {}}}
    await repository.reload(_config(base, **both))
    await repository.reload(_config(base, **both, version_labels={"stable": 1, "canary": 2}))
    assert await _who_answers(repository, version_label="stable") == 1
    assert await _who_answers(repository, version_label="canary") == 2
    await repository.reload(_config(base, **both, version_labels={"stable": 2}))
    assert await _who_answers(repository, version_label="stable") == 2
    with pytest.raises(ServingError, match="Unrecognized servable version label: canary"):
        await _who_answers(repository, version_label="canary")


async def test_a_label_for_a_version_that_is_not_there_changes_nothing(
    repository: ModelRepository, base: Path
) -> None:
    await repository.reload(_config(base))
    await repository.reload(_config(base, version_labels={"stable": 1}))
    with pytest.raises(ServingError, match="label stable to version 7") as refused:
        await repository.reload(_config(base, version_labels={"stable": 7}))
    assert refused.value.code == grpc.StatusCode.FAILED_PRECONDITION
    assert await _who_answers(repository, version_label="stable") == 1


async def test_labels_in_the_first_configuration_need_permission(
    repository: ModelRepository, base: Path
) -> None:
    with pytest.raises(ServingError, match="--allow_version_labels_for_unavailable_models"):
        await repository.reload(_config(base, version_labels={"stable": 1}))


async def test_with_permission_a_new_label_may_be_early_but_none_may_move_early(
    base: Path, exports: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    permission = {"labels_may_be_early": True}
    async with _new_repository(monkeypatch, **permission) as repository:
        await repository.reload(_config(base, version_labels={"stable": 1, "next": 2}))
        assert await _who_answers(repository, version_label="stable") == 1
        with pytest.raises(ServingError, match=r"not found for request: Specific\(m, 2\)"):
            await _who_answers(repository, version_label="next")
        with pytest.raises(ServingError, match="label stable to version 2"):
            await repository.reload(_config(base, version_labels={"stable": 2, "next": 2}))
        assert await _who_answers(repository, version_label="stable") == 1
        shutil.copytree(exports[1], base / "2")
        await repository.refresh()
        assert await _who_answers(repository, version_label="next") == 2
        await repository.reload(_config(base, version_labels={"stable": 2, "next": 2}))
        assert await _who_answers(repository, version_label="stable") == 2


async def test_models_come_and_go_with_the_configuration(
    repository: ModelRepository, base: Path
) -> None:
    await repository.reload(single_model("m", str(base)))
    await repository.reload(single_model("other", str(base)))
    assert await repository.call(model_pb2.ModelSpec(name="other"), _version) == 1
    with pytest.raises(ServingError, match="Latest"):
        await _who_answers(repository)
    await repository.reload(single_model("m", str(base)))
    assert await _who_answers(repository) == 1


async def test_a_configuration_with_a_model_that_cannot_be_loaded_changes_nothing(
    repository: ModelRepository, base: Path, tmp_path: Path
) -> None:
    await repository.reload(_config(base))
    both = _config(base, version_labels={"stable": 1})
    both.model_config_list.config.add(
        name="other", base_path=str(tmp_path / "none"), model_platform="tensorflow"
    )
    with pytest.raises(ServingError, match="model other has no version to load"):
        await repository.reload(both)
    with pytest.raises(ServingError, match="Unrecognized servable version label: stable"):
        await _who_answers(repository, version_label="stable")
    assert not repository.known_name("other")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_path": "here"}, "absolute path or URI"),
        ({"base_path": "/does/not/exist"}, "no version to load"),
        ({"name": ""}, "no name"),
        ({"model_platform": "x"}, 'got "x"'),
        ({"model_platform": ""}, 'have the model_platform "tensorflow"'),
    ],
)
async def test_a_wrong_configuration_is_refused(
    repository: ModelRepository, base: Path, changes: dict, message: str
) -> None:
    with pytest.raises(ServingError, match=message):
        await repository.reload(_config(base, **changes))


async def test_a_configuration_of_no_models_or_of_one_twice_is_refused(
    repository: ModelRepository, base: Path
) -> None:
    with pytest.raises(ServingError, match="Only ModelConfigList"):
        await repository.reload(model_server_config_pb2.ModelServerConfig())
    twice = _config(base)
    twice.MergeFrom(_config(base))
    with pytest.raises(ServingError, match="multiple times"):
        await repository.reload(twice)


async def test_after_the_end_a_call_is_refused(base: Path) -> None:
    repository = ModelRepository(RequestPool(num_threads=1, max_requests=10))
    await repository.reload(single_model("m", str(base)))
    await repository.close()
    with pytest.raises(ServingError):
        await _who_answers(repository)


def _version(servable: Servable) -> int:
    return servable.version


async def _who_answers(
    repository: ModelRepository, version: int = 0, version_label: str = ""
) -> int:
    spec = model_pb2.ModelSpec(name="m")
    if version:
        spec.version.value = version
    elif version_label:
        spec.version_label = version_label
    return await repository.call(spec, _version)


def _states(repository: ModelRepository) -> dict[int, str]:
    return {
        status.version: ModelVersionStatus.State.Name(status.state)
        for status in repository.statuses(_SPEC)
    }


def _break_warm_up(version: Path) -> None:
    """As an exporter would that writes nonsense."""
    (version / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"broken")
    write_checksums(str(version))


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Memory is to be freed at once, not when Python next looks for cycles."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _live_sessions() -> int:
    return sum(isinstance(thing, tf.compat.v1.Session) for thing in gc.get_objects())


async def _refresh_until(repository: ModelRepository, states: dict[int, str]) -> None:
    for _ in range(1000):
        await repository.refresh()
        if _states(repository) == states:
            return
        await asyncio.sleep(0.01)
    assert _states(repository) == states


async def _until_available(repository: ModelRepository, versions: list[int]) -> None:
    for _ in range(1000):
        await repository.refresh()
        available = [n for n, state in _states(repository).items() if state != "END"]
        if available == versions:
            return
        await asyncio.sleep(0.01)
    assert available == versions


async def _until(repository: ModelRepository, states: dict[int, str]) -> None:
    for _ in range(1000):
        if _states(repository) == states:
            return
        await asyncio.sleep(0.01)
    assert _states(repository) == states


def _config(base: Path, **options) -> model_server_config_pb2.ModelServerConfig:
    config = {"name": "m", "base_path": str(base), "model_platform": "tensorflow", **options}
    return model_server_config_pb2.ModelServerConfig(model_config_list={"config": [config]})
