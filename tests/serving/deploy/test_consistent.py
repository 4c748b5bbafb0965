"""All deployment files speak of the same model, ports, paths and versions, those of the code."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import run_local
from pipeline.jobs.watch.metrics_file import write_metrics
from pipeline.jobs.watch.report import Reference
from pipeline.jobs.watch.watching import Watched
from serving.client import RecommendationClient
from serving.devserver.configuration.config_files import read_config
from serving.devserver.configuration.flags import parse_flags
from tests.serving.deploy import files
from tests.serving.deploy.readers import READERS, metrics_of
from tests.serving.tf_serving_configs import BatchingParameters, MonitoringConfig

_MODEL = "mclrec"
_GRPC, _REST = 8500, 8501
_IMAGE = "tensorflow/serving:2.20.0"
_METRICS_PATH = "/monitoring/prometheus/metrics"

# What TF Serving 2.20 exports, as its Prometheus page names it.
_TF_SERVING_METRICS = {
    ":tensorflow:serving:request_count",
    ":tensorflow:serving:request_latency",
    ":tensorflow:serving:runtime_latency",
    ":tensorflow:serving:model_warmup_latency",
    ":tensorflow:serving:batching_session:queuing_latency",
    ":tensorflow:cc:saved_model:load_attempt_count",
    ":tensorflow:cc:saved_model:load_latency",
}


@pytest.fixture(scope="module")
def compose() -> Any:
    [service] = files.load(files.COMPOSE)["services"].values()
    return service


@pytest.fixture(scope="module")
def predictor() -> Any:
    return files.load(files.INFERENCE_SERVICE)["spec"]["predictor"]


def _values(document: Any, key: str) -> Iterator[Any]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key:
                yield value
            yield from _values(value, key)
    elif isinstance(document, list):
        for part in document:
            yield from _values(part, key)


def test_the_model_has_one_name(compose: Any) -> None:
    client = inspect.signature(RecommendationClient).parameters["model_name"].default
    assert client == run_local.parser().get_default("model_name") == _MODEL
    for config in (files.MODELS_CONFIG, files.ROLLOUT_CONFIG, files.REQUEST_LOG_CONFIG):
        assert files.model(config).name == _MODEL
        assert files.model(config).base_path == f"/models/{_MODEL}"
    assert files.load(files.INFERENCE_SERVICE)["metadata"]["name"] == _MODEL
    container = files.container()
    probed = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe")}
    assert probed == {f"/v1/models/{_MODEL}/metadata"}
    assert probed.pop() in compose["healthcheck"]["test"][-1]
    for rule in files.alerting_rules():
        models = re.findall(
            r'(?:model_name|model|job)="(.*?)"|model_path=~"\.\*/(.*?)/', rule["expr"]
        )
        assert {name for match in models for name in match if name} == {_MODEL}


def test_images_are_pinned_and_the_same(compose: Any, predictor: Any) -> None:
    assert compose["image"] == files.container()["image"] == _IMAGE
    assert f"tensorflow/serving:{predictor['model']['runtimeVersion']}" == _IMAGE
    for file in READERS:
        if file.suffix == ".yaml":
            for image in _values(files.load(file), "image"):
                assert re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+", image)


def test_the_ports_are_the_same_everywhere(compose: Any) -> None:
    flags = files.flags(compose["command"])
    assert (int(flags["port"]), int(flags["rest_api_port"])) == (_GRPC, _REST)
    ports = {port["name"]: port["containerPort"] for port in files.container()["ports"]}
    assert ports == {"grpc": _GRPC, "rest": _REST}
    service = files.kubernetes("Service")["spec"]["ports"]
    assert {port["name"]: port["port"] for port in service} == ports
    assert all(port["targetPort"] == port["name"] for port in service)
    clients, prometheus = files.kubernetes("NetworkPolicy")["spec"]["ingress"]
    assert [port["port"] for port in clients["ports"]] == [_GRPC, _REST]
    assert [port["port"] for port in prometheus["ports"]] == [_REST]
    assert files.container()["livenessProbe"]["grpc"]["port"] == _GRPC
    assert f"/dev/tcp/127.0.0.1/{_REST} " in compose["healthcheck"]["test"][-1]


def test_compose_publishes_to_this_machine_alone_unless_told_otherwise(compose: Any) -> None:
    assert compose["ports"] == [
        f"${{BIND_ADDRESS:-127.0.0.1}}:{port}:{port}" for port in (_GRPC, _REST)
    ]


def test_prometheus_finds_the_metrics() -> None:
    config = read_config(str(files.MONITORING_CONFIG), MonitoringConfig).prometheus_config
    assert config.enable and config.path == _METRICS_PATH
    annotations = files.kubernetes("Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(_REST),
        "prometheus.io/path": _METRICS_PATH,
    }


def test_alerts_ask_for_metrics_that_are_there(tmp_path: Path) -> None:
    used = {name for rule in files.alerting_rules() for name in metrics_of(rule["expr"])}
    reference = Reference(np.zeros(0, np.int64), np.zeros(0, np.int32), "")
    write_metrics(tmp_path / "m.prom", Watched([], reference, True, []))
    watched = set(re.findall(r"^# TYPE (\S+) gauge$", (tmp_path / "m.prom").read_text(), re.M))
    assert used & watched
    for name in used - {"up"} - watched:
        histogram = re.sub("_(bucket|count|sum)$", "", name)
        assert {name, histogram} & _TF_SERVING_METRICS, name


def test_compose_and_kubernetes_start_tf_serving_alike(compose: Any) -> None:
    assert files.kubernetes_arguments() == compose["command"]
    assert files.container()["command"] == compose["entrypoint"]


def test_the_configuration_is_where_the_flags_look_for_it(compose: Any) -> None:
    named = {value for value in files.flags(compose["command"]).values() if value.startswith("/")}
    assert {Path(path).parent for path in named} == {Path("/etc/tf_serving")}
    assert all((files.DEPLOY / "tf_serving" / Path(path).name).is_file() for path in named)
    mounted = {volume["target"]: volume for volume in compose["volumes"]}
    assert mounted["/etc/tf_serving"]["source"] == "./tf_serving"
    mounts = {mount["name"]: mount for mount in files.container()["volumeMounts"]}
    assert mounts["config"]["mountPath"] == "/etc/tf_serving"
    for models in (
        mounted["/models"],
        mounts["models"] | {"target": mounts["models"]["mountPath"]},
    ):
        assert models.get("read_only") or models.get("readOnly")
        assert files.model(files.MODELS_CONFIG).base_path.startswith(models["target"] + "/")
    volumes = files.kubernetes("Deployment")["spec"]["template"]["spec"]["volumes"]
    [claim] = _values(volumes, "claimName")
    assert claim == files.kubernetes("PersistentVolumeClaim")["metadata"]["name"]
    assert list(_values(files.kubernetes("Pod"), "claimName")) == [claim]


def test_tensorflow_has_as_many_threads_as_cpus(compose: Any, predictor: Any) -> None:
    flag = "tensorflow_session_parallelism"
    limits = files.container()["resources"]["limits"]
    assert files.flags(files.kubernetes_arguments())[flag] == limits["cpu"]
    assert files.flags(compose["command"])[flag] == str(compose["cpus"])
    model = predictor["model"]
    assert files.flags(model["args"])[flag] == model["resources"]["limits"]["cpu"]
    batching = read_config(str(files.BATCHING_CONFIG), BatchingParameters)
    assert str(batching.num_batch_threads.value) == limits["cpu"]


def test_this_projects_server_takes_the_flags_that_the_runbook_says() -> None:
    parse_flags(files.local_arguments(), "")
    others = set(files.kubernetes_arguments()) - set(files.local_arguments())
    runbook = (files.DEPLOY / "README.md").read_text()
    told = runbook.partition("takes the same files and flags but for")[2].partition(", to try")[0]
    assert set(re.findall("`--(.*?)`", told)) == set(files.flags(list(others)))


def test_everything_in_kubernetes_selects_the_pods_of_the_deployment() -> None:
    deployment = files.kubernetes("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    pods = {"matchLabels": labels}
    assert deployment["spec"]["selector"] == pods
    assert files.kubernetes("Service")["spec"]["selector"] == labels
    assert files.kubernetes("PodDisruptionBudget")["spec"]["selector"] == pods
    assert files.kubernetes("NetworkPolicy")["spec"]["podSelector"] == pods
    assert list(_values(deployment, "labelSelector")) == [pods, pods]
    target = files.kubernetes("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]
    assert files.kubernetes("Pod")["metadata"]["labels"] != labels


def test_a_pod_ends_after_its_last_connection() -> None:
    channel = files.flags(files.kubernetes_arguments())["grpc_channel_arguments"]
    arguments = dict(argument.split("=") for argument in channel.split(","))
    age = int(arguments["grpc.max_connection_age_ms"]) / 1000
    grace = int(arguments["grpc.max_connection_age_grace_ms"]) / 1000
    wait = files.container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    spec = files.kubernetes("Deployment")["spec"]["template"]["spec"]
    # gRPC makes the age up to a tenth longer, so that not all connections end together.
    assert 1.1 * age + grace < wait < spec["terminationGracePeriodSeconds"]


def test_a_revision_of_kserve_loads_one_version(predictor: Any) -> None:
    assert re.fullmatch(r"gs://BUCKET/mclrec/\d+", predictor["model"]["storageUri"])


def test_the_runbook_names_every_file_and_every_alert() -> None:
    runbook = (files.DEPLOY / "README.md").read_text()
    missing = [file.name for file in READERS if str(file.relative_to(files.DEPLOY)) not in runbook]
    assert not missing
    assert not [rule["alert"] for rule in files.alerting_rules() if rule["alert"] not in runbook]
