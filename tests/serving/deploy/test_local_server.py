"""This project's server, started as the files start TF Serving, does what the runbook says."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pipeline.local_server import free_port, local_server
from serving.client import RecommendationClient
from serving.errors import ServingError
from tests.serving.conftest import ITEMS
from tests.serving.deploy import files
from tests.serving.deploy.readers import metrics_of
from tests.serving.wait_until import wait_until

pytestmark = pytest.mark.integration

_STABLE, _CANARY = 1760000000, 1760086400  # in rollout.config
_PATIENCE = 120.0


class _Server(NamedTuple):
    grpc: str
    rest: str
    config: Path

    def edit(self, source: Path, *changes: tuple[str, str]) -> None:
        """Makes models.config a changed copy of a file, in one step."""
        text = source.read_text().replace("/models/", f"{self.config.parent}/models/")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        new_file = self.config / "models.config.new"
        new_file.write_text(text)
        new_file.rename(self.config / "models.config")

    def version(self, label: str | None = None) -> int | None:
        """The version that answers, None for none."""
        with RecommendationClient(self.grpc, version_label=label) as client:
            try:
                client.recommend(ITEMS[:3])
                return client.model_metadata().version
            except ServingError:
                return None

    def states(self) -> dict[int, str]:
        with RecommendationClient(self.grpc) as client:
            return {version.version: version.state for version in client.model_status()}


@pytest.fixture
def server(base_path: Path, tmp_path: Path) -> Iterator[_Server]:
    for version in (_STABLE, _CANARY):
        shutil.copytree(base_path / "1", tmp_path / "models" / "mclrec" / str(version))
    config = shutil.copytree(files.DEPLOY / "tf_serving", tmp_path / "config")
    ports = free_port(), free_port()
    server = _Server(*(f"127.0.0.1:{port}" for port in ports), config)
    server.edit(files.MODELS_CONFIG)
    here = {
        "--port=8500": f"--port={ports[0]}",
        "--rest_api_port=8501": f"--rest_api_port={ports[1]}",
        "--model_config_file_poll_wait_seconds=10": "--model_config_file_poll_wait_seconds=0.1",
    }
    arguments = [
        here.get(argument, argument).replace("/etc/tf_serving", str(config))
        for argument in files.local_arguments()
    ]
    assert set(here.values()) < set(arguments)
    with local_server([sys.executable, "-m", "serving.devserver", *arguments]) as running:
        yield server
    assert running.process.returncode == 0


def test_it_starts_with_the_files_and_rolls_a_version_out_and_back(server: _Server) -> None:
    # models.config: the newest version.
    assert server.version() == _CANARY
    assert server.states() == {_CANARY: "AVAILABLE"}
    _check_probes(server)
    _check_metrics(server)

    # rollout.config, first with the old version alone, as before the roll-out.
    alone = [
        (f"        versions: {_CANARY}\n", ""),
        (f'    version_labels {{ key: "canary" value: {_CANARY} }}\n', ""),
    ]
    server.edit(files.ROLLOUT_CONFIG, *alone)
    wait_until(lambda: server.states().get(_CANARY) == "END", "the canary is unloaded")
    assert server.version() == server.version("stable") == _STABLE
    assert server.version("canary") is None

    # The new version and its label, in one edit.
    server.edit(files.ROLLOUT_CONFIG)
    wait_until(lambda: server.version("canary") == _CANARY, "the canary answers")
    assert server.version("stable") == _STABLE
    assert server.version() == _CANARY  # a client without a label gets it at once

    promotion = (f'"stable" value: {_STABLE}', f'"stable" value: {_CANARY}')
    server.edit(files.ROLLOUT_CONFIG, promotion)
    wait_until(lambda: server.version("stable") == _CANARY, "the label is promoted")

    # Back in one edit, because the old version is still loaded.
    server.edit(files.ROLLOUT_CONFIG)
    wait_until(lambda: server.version("stable") == _STABLE, "the label is back")
    assert server.states() == {_STABLE: "AVAILABLE", _CANARY: "AVAILABLE"}


def _check_probes(server: _Server) -> None:
    def healthy(address: str, model: str = "mclrec") -> bool:
        [compose] = files.load(files.COMPOSE)["services"].values()
        _, *command = compose["healthcheck"]["test"]
        command[-1] = command[-1].replace("127.0.0.1/8501", address.replace(":", "/"))
        command[-1] = command[-1].replace("/mclrec/", f"/{model}/")
        return subprocess.run(command, capture_output=True).returncode == 0

    assert healthy(server.rest)
    assert not healthy(server.rest, model="not_loaded")
    assert not healthy(f"127.0.0.1:{free_port()}")
    for probe in ("startupProbe", "readinessProbe"):
        path = files.container()[probe]["httpGet"]["path"]
        assert httpx.get(f"http://{server.rest}{path}", timeout=_PATIENCE).status_code == 200
        path = path.replace("mclrec", "not_loaded")
        assert httpx.get(f"http://{server.rest}{path}", timeout=_PATIENCE).status_code == 404
    with grpc.insecure_channel(server.grpc) as channel:
        health = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=_PATIENCE
        )
    assert health.status == health_pb2.HealthCheckResponse.SERVING


def _check_metrics(server: _Server) -> None:
    annotations: Any = files.kubernetes("Deployment")["spec"]["template"]["metadata"]["annotations"]
    url = f"http://{server.rest}{annotations['prometheus.io/path']}"
    page = httpx.get(url, timeout=_PATIENCE).text
    shown = set(re.findall(r"^([\w:]+)[ {]", page, re.MULTILINE))
    for rule in files.alerting_rules():
        used = metrics_of(rule["expr"])
        of_watch = {name for name in used if name.startswith("mclrec_watch_")}  # of a file
        if rule["alert"] != "MclrecBrokenVersion":  # this server counts no loads
            assert used - of_watch <= shown | {"up"}
