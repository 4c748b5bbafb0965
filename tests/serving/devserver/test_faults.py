"""What a server does when its process, its disk or its models fail: it goes on answering right."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from pipeline.local_server import local_server, server_command
from serving.devserver.models.repository import single_model
from serving.export_contract import CHECKSUM_FILE
from tests.serving.conftest import ITEMS
from tests.serving.devserver.patient import history, predict_request
from tests.serving.running_server import Addresses, running_server
from tests.serving.stand_in import write_export
from tests.serving.wait_until import wait_until

pytestmark = pytest.mark.integration

_TIMEOUT = 300
_REQUEST = predict_request("m", history(ITEMS[0]))
_GRAPH = "saved_model.pb"
_INDEX = "variables/variables.index"
_DATA = "variables/variables.data-00000-of-00001"
_WARM_UP = "assets.extra/tf_serving_warmup_requests"
_VOCABULARY = "assets/items"


class Asked:
    """A server, asked over gRPC.

    Args:
        channel: To it.
    """

    def __init__(self, channel: grpc.Channel):
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)

    def answer(self) -> tuple[int, list[bytes]]:
        """The version that answers, and its answer."""
        response = self.prediction.Predict(_REQUEST, timeout=_TIMEOUT)
        return response.model_spec.version.value, list(response.outputs["item_ids"].string_val)

    def statuses(self) -> dict[int, ModelVersionStatus]:
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "m"
        response = self.models.GetModelStatus(request, timeout=_TIMEOUT)
        return {status.version: status for status in response.model_version_status}

    def is_broken(self, version: int) -> bool:
        status = self.statuses().get(version)
        return status is not None and bool(status.status.error_code)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models that answer differently."""
    folder = tmp_path_factory.mktemp("exports")
    return [write_export(folder / str(seed), ITEMS[:20], seed=seed) for seed in range(2)]


@pytest.fixture
def base(tmp_path: Path, exports: list[Path]) -> Path:
    shutil.copytree(exports[0], tmp_path / "models" / "m" / "1")
    return tmp_path / "models" / "m"


@pytest.fixture
def server(base: Path) -> Iterator[Addresses]:
    with running_server(single_model("m", str(base)), poll_seconds=0.1) as addresses:
        yield addresses


@pytest.fixture
def asked(server: Addresses) -> Iterator[Asked]:
    with grpc.insecure_channel(server.grpc) as channel:
        yield Asked(channel)


def _cut(name: str) -> Callable[[Path], None]:
    def damage(version: Path) -> None:
        content = (version / name).read_bytes()
        (version / name).write_bytes(content[: len(content) // 2])

    return damage


def _flip_a_bit(name: str) -> Callable[[Path], None]:
    def damage(version: Path) -> None:
        content = bytearray((version / name).read_bytes())
        content[len(content) // 3] ^= 1
        (version / name).write_bytes(content)

    return damage


def _lose(name: str) -> Callable[[Path], None]:
    return lambda version: (version / name).unlink()


def _without_checksums(damage: Callable[[Path], None]) -> Callable[[Path], None]:
    def lose_both(version: Path) -> None:
        damage(version)
        _lose(CHECKSUM_FILE)(version)

    return lose_both


def _lose_all(version: Path) -> None:
    shutil.rmtree(version)
    version.mkdir()


_DAMAGES: dict[int, tuple[Callable[[Path], None], str]] = {
    2: (_cut(_GRAPH), _GRAPH),
    3: (_flip_a_bit(_GRAPH), _GRAPH),
    4: (_lose(_GRAPH), _GRAPH),
    5: (_cut(_DATA), _DATA),
    6: (_flip_a_bit(_DATA), _DATA),
    7: (_lose(_INDEX), _INDEX),
    8: (_flip_a_bit(_VOCABULARY), _VOCABULARY),
    9: (_lose(_VOCABULARY), _VOCABULARY),
    10: (_cut(_WARM_UP), _WARM_UP),
    11: (_cut(CHECKSUM_FILE), "is damaged"),
    12: (_lose_all, "does not exist"),
    # What TensorFlow notices by itself, in an export that has no checksums.
    13: (_without_checksums(_cut(_GRAPH)), "not a SavedModel"),
    14: (_without_checksums(_cut(_DATA)), "/m/14: "),
    15: (_without_checksums(_flip_a_bit(_DATA)), "Checksum does not match"),
    16: (_without_checksums(_cut(_INDEX)), "/m/16: "),
    17: (_without_checksums(_lose(_VOCABULARY)), _VOCABULARY),
    18: (_without_checksums(_cut(_WARM_UP)), "tf_serving_warmup_requests"),
}


def test_damaged_versions_never_replace_a_good_one(
    asked: Asked, base: Path, exports: list[Path]
) -> None:
    right = asked.answer()
    assert right[0] == 1
    for number, (damage, message) in _DAMAGES.items():
        version = shutil.copytree(exports[1], base.parent / "incoming")
        damage(version)
        version.rename(base / str(number))
        wait_until(lambda n=number: asked.is_broken(n), f"version {number} is found broken")
        status = asked.statuses()[number]
        assert status.state == ModelVersionStatus.END
        assert re.search(message, status.status.error_message)
        assert asked.answer() == right
    shutil.copytree(exports[1], base / "19")
    wait_until(lambda: asked.answer()[0] == 19, "a good version takes over")
    assert asked.answer()[1] != right[1]


_CUT_SHORT = """
import resource, shutil, sys
source, copy, size = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
shutil.copytree(source, copy)
"""


def test_a_version_that_a_full_disk_cut_short_waits_for_the_rest(
    asked: Asked, base: Path, exports: list[Path]
) -> None:
    """The copying process may not write more than half of the graph, as if no room was left."""
    half = (exports[1] / _GRAPH).stat().st_size // 2
    copying = subprocess.run([sys.executable, "-c", _CUT_SHORT, exports[1], base / "2", str(half)])
    assert copying.returncode and (base / "2" / _GRAPH).stat().st_size == half
    wait_until(lambda: asked.is_broken(2), "the half is found broken")
    assert asked.answer()[0] == 1
    shutil.copytree(exports[1], base / "2", dirs_exist_ok=True)
    wait_until(lambda: asked.answer()[0] == 2, "the whole takes over")


def test_a_served_version_whose_folder_goes_answers_until_another_comes(
    asked: Asked, base: Path, exports: list[Path]
) -> None:
    right = asked.answer()
    shutil.rmtree(base / "1")
    (base / "1").write_text("a file where the folder was")
    (base / "2").write_text("a file where a folder is expected")
    shutil.copytree(exports[1], base / "3.tmp")
    for _ in range(5):
        time.sleep(0.2)  # for another look or two
        assert asked.answer() == right
    (base / "3.tmp").rename(base / "3")
    wait_until(lambda: asked.answer()[0] == 3, "another version takes over")


def test_damage_to_the_files_of_a_served_version_changes_no_answer(
    asked: Asked, base: Path
) -> None:
    right = asked.answer()
    for name in (_GRAPH, _DATA, _INDEX, _WARM_UP, _VOCABULARY, CHECKSUM_FILE):
        _cut(name)(base / "1")
    for _ in range(5):
        time.sleep(0.2)  # for another look or two
        assert asked.answer() == right


def test_what_may_not_be_read_is_told_and_read_once_it_may(exports: list[Path]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "m"
        shutil.copytree(exports[0], base / "1")
        incoming = shutil.copytree(exports[1], base / "incoming")
        with (
            _unprivileged(folder),
            running_server(single_model("m", str(base)), poll_seconds=0.1) as addresses,
            grpc.insecure_channel(addresses.grpc) as channel,
        ):
            asked = Asked(channel)
            right = asked.answer()
            (incoming / _GRAPH).chmod(0)
            incoming.rename(base / "2")
            wait_until(lambda: asked.is_broken(2), "the version is found broken")
            assert "ermission" in asked.statuses()[2].status.error_message
            base.chmod(0)
            for _ in range(3):
                assert asked.answer() == right
                time.sleep(0.2)  # for another look or two
            base.chmod(0o700)
            (base / "2" / _GRAPH).chmod(0o600)
            os.utime(base / "2" / _GRAPH)
            wait_until(lambda: asked.answer()[0] == 2, "the readable version takes over")


def test_a_new_version_answers_within_two_seconds_of_its_rename(
    base: Path, exports: list[Path], record_property: Callable[[str, object], None]
) -> None:
    with (
        running_server(single_model("m", str(base))) as addresses,
        grpc.insecure_channel(addresses.grpc) as channel,
    ):
        asked = Asked(channel)
        times = []
        for number in (2, 3):
            incoming = shutil.copytree(exports[number % 2], base / "incoming")
            incoming.rename(base / str(number))
            times.append(wait_until(lambda n=number: asked.answer()[0] == n, "the version answers"))
    print("seconds until a new version answered:", [round(seconds, 2) for seconds in times])
    record_property("seconds", times)
    assert min(times) < _TIMEOUT / 10  # on a quiet machine all are below 2


@pytest.fixture(scope="module")
def beside_a_secret(
    exports: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    """A server of a model `m`, in whose base path's parent another model lies."""
    folder = tmp_path_factory.mktemp("beside")
    for name in ("m", "secret"):
        shutil.copytree(exports[0], folder / name / "1")
    with running_server(single_model("m", str(folder / "m")), poll_seconds=0) as addresses:
        yield addresses


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "..%2fsecret",
        "%2e%2e%2fsecret",
        "%2e%2e/secret",
        "..\\secret",
        "..%5csecret",
        "%2fetc",
        "m%00",
        "m%00/../secret",
        "m/../secret",
        "m/versions/../../secret",
        "m/versions/1/../../../secret",
        "m/versions/%2e%2e",
        "m/versions/1%00",
        "m/versions/-1",
        "m/labels/..%2f..%2fsecret",
        "m/labels/%00",
    ],
)
def test_no_path_in_a_rest_request_leads_out_of_the_models(
    beside_a_secret: Addresses, path: str
) -> None:
    address = beside_a_secret.rest
    with contextlib.closing(http.client.HTTPConnection(address, timeout=_TIMEOUT)) as rest:
        for method, ending, body in (
            ("GET", "", None),
            ("GET", "/metadata", None),
            ("POST", ":predict", json.dumps({"instances": history()})),
        ):
            if "/labels/" in path and not ending:
                continue  # like TF Serving, a status disregards the label
            rest.request(method, f"/v1/models/{path}{ending}", body)  # sent as it is
            answer = rest.getresponse()
            assert answer.status in (400, 404)
            assert list(json.loads(answer.read())) == ["error"]


@pytest.mark.parametrize("name", ["../secret", "m/../secret", "/etc", "..\\secret", "m\0", ".."])
def test_no_name_in_a_grpc_request_leads_out_of_the_models(
    beside_a_secret: Addresses, name: str
) -> None:
    question = predict_request(name, history())
    label = predict_request("m", history())
    label.model_spec.version_label = name
    status = get_model_status_pb2.GetModelStatusRequest(model_spec=question.model_spec)
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=question.model_spec, metadata_field=["signature_def"]
    )
    with grpc.insecure_channel(beside_a_secret.grpc) as channel:
        asked = Asked(channel)
        for method, request, code in (
            (asked.prediction.Predict, question, grpc.StatusCode.NOT_FOUND),
            (asked.prediction.Predict, label, grpc.StatusCode.INVALID_ARGUMENT),
            (asked.prediction.GetModelMetadata, metadata, grpc.StatusCode.NOT_FOUND),
            (asked.models.GetModelStatus, status, grpc.StatusCode.NOT_FOUND),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                method(request, timeout=_TIMEOUT)
            assert refused.value.code() == code and refused.value.details()


@pytest.mark.slow
def test_a_killed_server_comes_back_and_clients_see_nothing_but_unavailable(base: Path) -> None:
    command = [*server_command(base), "--model_name=m"]
    answers: list[tuple[int, list[bytes]]] = []
    codes: list[grpc.StatusCode] = []
    enough = threading.Event()

    def ask_on(address: str) -> None:
        options = [("grpc.max_reconnect_backoff_ms", 500), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(address, options) as channel:
            asked = Asked(channel)
            while not enough.is_set():
                try:
                    answers.append(asked.answer())
                except grpc.RpcError as error:
                    codes.append(error.code())
                    enough.wait(0.01)

    with ThreadPoolExecutor() as threads, contextlib.ExitStack() as stack:
        stack.callback(enough.set)
        first = stack.enter_context(local_server(command))
        asking = [threads.submit(ask_on, first.grpc) for _ in range(4)]
        wait_until(lambda: len(answers) > 100, "a hundred answers")
        first.process.send_signal(signal.SIGKILL)
        assert first.process.wait() == -signal.SIGKILL
        before = len(answers)
        stack.enter_context(local_server(command))
        wait_until(lambda: len(answers) > before + 100, "a hundred answers more")
        enough.set()
        for ended in asking:
            ended.result()
    assert set(codes) == {grpc.StatusCode.UNAVAILABLE}
    assert all(answer == answers[0] for answer in answers) and answers[0][0] == 1


@contextlib.contextmanager
def _unprivileged(folder: str) -> Iterator[None]:
    """Goes on as a user for whom permissions count, and to whom a folder is given."""
    if os.geteuid():
        yield
        return
    nobody = 65534
    for path in (Path(folder), *Path(folder).rglob("*")):
        os.chown(path, nobody, nobody)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)
