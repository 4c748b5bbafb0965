"""Reads each deployment file as strictly as what it is for, or more so."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import promql_parser
from check_jsonschema.cli import main as check_jsonschema
from click.testing import CliRunner
from google.protobuf.message import Message
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.config_files import read_config
from tests.serving.deploy import files
from tests.serving.tf_serving_configs import BatchingParameters, MonitoringConfig

# The first with the `sleep` of preStop, and the newest that the validator knows.
KUBERNETES_VERSIONS = ("1.30", kubernetes_validate.latest_version())


def _compose(file: Path) -> None:
    checked = CliRunner().invoke(
        check_jsonschema, ["--builtin-schema", "vendor.compose-spec", str(file)]
    )
    if checked.exit_code:
        raise ValueError(checked.output)


def _kubernetes(file: Path) -> None:
    for version in KUBERNETES_VERSIONS:
        kubernetes_validate.validate(files.load(file), version, strict=True)


def _custom_resource(schema_name: str, file: Path) -> None:
    schema = json.loads((Path(__file__).parent / "schemas" / schema_name).read_text())
    jsonschema.validate(files.load(file), _strict(schema), jsonschema.Draft7Validator)


def _strict(schema: Any) -> Any:
    """The schema that refuses unknown fields, as `kubectl apply` does."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict):
        strict.setdefault("additionalProperties", False)
    return strict


def _alerts(file: Path) -> None:
    _custom_resource("prometheus_rule.json", file)
    for rule in files.alerting_rules(file):
        metrics_of(rule["expr"])


def metrics_of(expression: str) -> set[str]:
    """The names of the metrics in a PromQL expression; ValueError if it is none."""
    names = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            names.add(node.name)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return names


def _config(message_type: type[Message], file: Path) -> None:
    read_config(str(file), message_type)


_models = functools.partial(_config, model_server_config_pb2.ModelServerConfig)

# A reader raises one of ERRORS when a file is not as it should be.
ERRORS = (ValueError, jsonschema.ValidationError, kubernetes_validate.SchemaNotFoundError)
READERS: dict[Path, Callable[[Path], None]] = {
    files.COMPOSE: _compose,
    **dict.fromkeys(files.KUBERNETES, _kubernetes),
    files.INFERENCE_SERVICE: functools.partial(_custom_resource, "inference_service.json"),
    files.ALERTS: _alerts,
    files.MODELS_CONFIG: _models,
    files.ROLLOUT_CONFIG: _models,
    files.REQUEST_LOG_CONFIG: _models,
    files.MONITORING_CONFIG: functools.partial(_config, MonitoringConfig),
    files.BATCHING_CONFIG: functools.partial(_config, BatchingParameters),
}
