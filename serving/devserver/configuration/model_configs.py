"""Checks a configuration of models before it is used."""

import re

from tensorflow_serving.config import model_server_config_pb2

from serving.errors import invalid_argument

PLATFORM = "tensorflow"
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def checked_models(
    config: model_server_config_pb2.ModelServerConfig,
) -> dict[str, model_server_config_pb2.ModelConfig]:
    """The models of a configuration by name.

    Args:
        config: A configuration from a file or a request.

    Raises:
        ServingError: A model is not described as TF Serving wants it.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    models: dict[str, model_server_config_pb2.ModelConfig] = {}
    for model in config.model_config_list.config:
        if model.name in models:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        _check(model)
        models[model.name] = model
    return models


def is_uri(path: str) -> bool:
    """Whether a path names its file system, as gs://… does."""
    return _URI.match(path) is not None


def _check(model: model_server_config_pb2.ModelConfig) -> None:
    if not model.name:
        raise invalid_argument("A model in the config list has no name")
    if not model.base_path.startswith("/") and not is_uri(model.base_path):
        raise invalid_argument(
            f"Expected model {model.name} to have an absolute path or URI; "
            f"got base_path()={model.base_path}"
        )
    if model.model_platform != PLATFORM:
        raise invalid_argument(
            f'Expected model {model.name} to have the model_platform "{PLATFORM}"; '
            f'got "{model.model_platform}"'
        )
