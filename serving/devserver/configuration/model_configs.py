"""Checks a configuration of models before anything is done with it."""

import re

from tensorflow_serving.config import model_server_config_pb2

from serving.errors import invalid_argument

PLATFORM = "tensorflow"
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def checked_models(
    config: model_server_config_pb2.ModelServerConfig,
) -> dict[str, model_server_config_pb2.ModelConfig]:
    """The models of a configuration by name.

    Raises:
        ServingError: A model is not described as TF Serving wants it, or its base path leads
            somewhere else than it seems to.
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
    if not model.name or _CONTROL.search(model.name):
        raise invalid_argument(f"A model needs a name of printable characters; got {model.name!r}")
    if not model.base_path.startswith("/") and not is_uri(model.base_path):
        raise invalid_argument(
            f"Expected model {model.name} to have an absolute path or URI; "
            f"got base_path()={model.base_path}"
        )
    # At a NUL the operating system would take the path to have ended.
    if _CONTROL.search(model.base_path) or ".." in re.split(r"[/\\]", model.base_path):
        raise invalid_argument(
            f"Expected the base_path of model {model.name} to have neither .. nor control "
            f"characters; got {model.base_path!r}"
        )
    if model.model_type not in (
        model_server_config_pb2.MODEL_TYPE_UNSPECIFIED,
        model_server_config_pb2.TENSORFLOW,
    ):
        raise invalid_argument(f"Model {model.name} has an unsupported model_type")
    if bool(model.model_type) == bool(model.model_platform):
        raise invalid_argument(
            f"Expected model {model.name} to have either a model_platform, which is "
            f'"{PLATFORM}", or the deprecated model_type'
        )
    if model.model_platform not in ("", PLATFORM):
        raise invalid_argument(
            f"Model {model.name} requests unsupported platform {model.model_platform}"
        )
    if model.HasField("logging_config"):
        raise invalid_argument(
            f"Model {model.name} has a logging_config, but this server logs no requests"
        )
