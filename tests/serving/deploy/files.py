"""Where the deployment files are, and what the tests look up in them."""

from pathlib import Path
from typing import Any

import yaml
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.config_files import read_config

DEPLOY = Path(__file__).resolve().parents[3] / "serving" / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
KUBERNETES = sorted((DEPLOY / "kubernetes").rglob("*.yaml"))
INFERENCE_SERVICE = DEPLOY / "kserve" / "inference_service.yaml"
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
MODELS_CONFIG, ROLLOUT_CONFIG, REQUEST_LOG_CONFIG, MONITORING_CONFIG, BATCHING_CONFIG = (
    DEPLOY / "tf_serving" / f"{name}.config"
    for name in ("models", "rollout", "request_log", "monitoring", "batching")
)


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def model(file: Path) -> model_server_config_pb2.ModelConfig:
    """The one model of a `--model_config_file`."""
    config = read_config(str(file), model_server_config_pb2.ModelServerConfig)
    [model] = config.model_config_list.config
    return model


def kubernetes(kind: str) -> Any:
    """The one document of a kind."""
    [document] = [d for d in map(load, KUBERNETES) if d["kind"] == kind]
    return document


def container() -> Any:
    """TF Serving in the Deployment."""
    [only] = kubernetes("Deployment")["spec"]["template"]["spec"]["containers"]
    return only


def flags(arguments: list[str]) -> dict[str, str]:
    """The values of `--name=value`, by name."""
    pairs = [argument.removeprefix("--").split("=", 1) for argument in arguments]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def kubernetes_arguments() -> list[str]:
    """The flags in the Deployment, with its environment filled in."""
    cpus = container()["resources"]["limits"]["cpu"]
    return [argument.replace("$(CPUS)", cpus) for argument in container()["args"]]


def local_arguments() -> list[str]:
    """Those of them that this project's server has, too."""
    of_production = (
        *("enable_grpc", "enable_profiler", "tensorflow_session", "grpc_channel"),
        "monitoring_config_file",
    )
    return [
        argument
        for argument in kubernetes_arguments()
        if not argument.removeprefix("--").startswith(of_production)
    ]


def alerting_rules(file: Path = ALERTS) -> list[dict[str, Any]]:
    return [rule for group in load(file)["groups"] for rule in group["rules"]]
