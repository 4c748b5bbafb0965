"""Versions come and go while requests are answered."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.config import model_server_config_pb2

from serving import model as model_module
from serving.errors import ServingError
from serving.predict import predict
from serving.repository import ModelRepository, single_model
from serving.servable import Servable
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
    monkeypatch.setattr(model_module, "_RETIREMENT_SECONDS", 0.2)
    repository = ModelRepository(num_threads=2)
    yield repository
    await repository.close()


async def test_the_newest_version_answers(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    for name in ("9", "10", "notes", "11.tmp"):
        shutil.copytree(exports[0], base / name)
    await repository.start(single_model("m", str(base)))
    assert await _who_answers(repository) == 10
    assert _states(repository) == {10: "AVAILABLE"}


async def test_a_new_version_takes_over_and_the_old_one_ends(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    await repository.start(single_model("m", str(base)))
    shutil.copytree(exports[1], base / "2")
    await repository.refresh()
    assert await _who_answers(repository) == 2
    assert await _who_answers(repository, version=1) == 1  # for a moment
    await _until(repository, {2: "AVAILABLE", 1: "END"})
    with pytest.raises(ServingError, match=r"Servable not found for request: Specific\(m, 1\)"):
        await _who_answers(repository, version=1)


async def test_a_call_that_runs_keeps_its_version(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    await repository.start(single_model("m", str(base)))
    go_on = threading.Event()

    def slow(servable: Servable) -> int:
        assert go_on.wait(30)
        predict(servable, "", {"history": _HISTORY})
        return servable.version

    running = asyncio.create_task(repository.call(_SPEC, slow))
    await asyncio.sleep(0)
    shutil.copytree(exports[1], base / "2")
    await repository.refresh()
    await _until(repository, {2: "AVAILABLE", 1: "UNLOADING"})
    go_on.set()
    assert await running == 1
    await _until(repository, {2: "AVAILABLE", 1: "END"})


async def test_a_caller_that_goes_away_does_not_unload_what_its_call_still_uses(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    await repository.start(single_model("m", str(base)))
    go_on, answers = threading.Event(), []

    def slow(servable: Servable) -> None:
        assert go_on.wait(30)
        answers.append(predict(servable, "", {"history": _HISTORY}))

    running = asyncio.create_task(repository.call(_SPEC, slow))
    await asyncio.sleep(0)
    running.cancel()
    shutil.copytree(exports[1], base / "2")
    await repository.refresh()
    await _until(repository, {2: "AVAILABLE", 1: "UNLOADING"})
    go_on.set()
    await _until(repository, {2: "AVAILABLE", 1: "END"})
    assert len(answers) == 1


@pytest.mark.parametrize("damage", ["no_graph", "no_variables", "bad_warmup"])
async def test_a_broken_version_never_replaces_a_good_one(
    repository: ModelRepository, base: Path, exports: list[Path], damage: str
) -> None:
    await repository.start(single_model("m", str(base)))
    shutil.copytree(exports[1], base / "2")
    file = {
        "no_graph": base / "2" / "saved_model.pb",
        "no_variables": base / "2" / "variables" / "variables.data-00000-of-00001",
        "bad_warmup": base / "2" / "assets.extra" / "tf_serving_warmup_requests",
    }[damage]
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    await repository.refresh()
    await asyncio.sleep(0.4)
    assert await _who_answers(repository) == 1
    [broken] = [s for s in repository.statuses(_SPEC) if s.version == 2]
    assert broken.state == ModelVersionStatus.END and broken.status.error_code
    assert broken.status.error_message

    file.write_bytes(whole)  # the copy of the folder has ended
    await repository.refresh()
    assert await _who_answers(repository) == 2


async def test_a_version_stays_when_its_folder_vanishes(
    repository: ModelRepository, base: Path
) -> None:
    await repository.start(single_model("m", str(base)))
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
    await repository.start(_config(base, model_version_policy=policy))
    assert list(_states(repository)) == expected


async def test_labels_name_versions_and_move(
    repository: ModelRepository, base: Path, exports: list[Path]
) -> None:
    shutil.copytree(exports[0], base / "2")
    both = {"model_version_policy": {"all": {}}}
    await repository.start(_config(base, **both, version_labels={"stable": 1, "canary": 2}))
    assert await _who_answers(repository, version_label="stable") == 1
    assert await _who_answers(repository, version_label="canary") == 2
    await repository.reload(_config(base, **both, version_labels={"stable": 2}))
    assert await _who_answers(repository, version_label="stable") == 2
    with pytest.raises(ServingError, match="Unrecognized servable version label: canary"):
        await _who_answers(repository, version_label="canary")


async def test_a_label_for_a_version_that_is_not_there_changes_nothing(
    repository: ModelRepository, base: Path
) -> None:
    await repository.start(_config(base, version_labels={"stable": 1}))
    with pytest.raises(ServingError, match="version 7") as refused:
        await repository.reload(_config(base, version_labels={"stable": 7}))
    assert refused.value.code == grpc.StatusCode.FAILED_PRECONDITION
    assert await _who_answers(repository, version_label="stable") == 1


async def test_models_come_and_go_with_the_configuration(
    repository: ModelRepository, base: Path
) -> None:
    await repository.start(single_model("m", str(base)))
    await repository.reload(single_model("other", str(base)))
    await _until(repository, {1: "END"})
    assert await repository.call(model_pb2.ModelSpec(name="other"), _version) == 1
    with pytest.raises(ServingError, match="Latest"):
        await _who_answers(repository)
    await repository.reload(single_model("m", str(base)))
    assert await _who_answers(repository) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "Only ModelConfigList"),
        ({"config": [{"name": "m", "base_path": "here"}]}, "absolute path or URI"),
        ({"config": [{"name": "m", "base_path": "/a"}] * 2}, "multiple times"),
        ({"config": [{"name": "m", "base_path": "/a", "model_platform": "x"}]}, "platform x"),
        ({"config": [{"name": "m", "base_path": "/does/not/exist"}]}, "no version to load"),
    ],
)
async def test_a_wrong_configuration_is_refused(
    repository: ModelRepository, config: dict, message: str
) -> None:
    wrong = model_server_config_pb2.ModelServerConfig(model_config_list=config or None)
    with pytest.raises(ServingError, match=message):
        await repository.start(wrong)


async def test_after_the_end_a_call_is_refused(base: Path) -> None:
    repository = ModelRepository(num_threads=1)
    await repository.start(single_model("m", str(base)))
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


async def _until(repository: ModelRepository, states: dict[int, str]) -> None:
    for _ in range(1000):
        if _states(repository) == states:
            return
        await asyncio.sleep(0.01)
    assert _states(repository) == states


def _config(base: Path, **options) -> model_server_config_pb2.ModelServerConfig:
    config = {"name": "m", "base_path": str(base), **options}
    return model_server_config_pb2.ModelServerConfig(model_config_list={"config": [config]})
