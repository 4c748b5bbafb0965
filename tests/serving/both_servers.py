"""The local server and TensorFlow Serving's, started alike."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import grpc
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.config_files import read_config
from tests.serving.client.front import front
from tests.serving.running_server import Addresses, running_server
from tests.serving.tensorflow_model_server import tensorflow_model_server
from tests.serving.tf_serving_configs import SSLConfig

SERVERS = ["local", "tensorflow_model_server"]


@contextlib.contextmanager
def serve(
    server: str,
    config: model_server_config_pb2.ModelServerConfig,
    folder: Path,
    ssl_config_file: Path | None = None,
) -> Iterator[Addresses]:
    """Serves a configuration until the block ends; skips the test where the server is not here.

    Args:
        server: One of SERVERS.
        config: The models.
        folder: For a file with the configuration.
        ssl_config_file: For TLS over gRPC; the local server, which has none, gets a front.
    """
    if server == "local":
        with running_server(config, labels_may_be_early=True) as plain:
            if ssl_config_file is None:
                yield plain
            else:
                with front("grpc", plain, tls=_credentials(ssl_config_file)) as address:
                    yield Addresses(address, plain.rest)
        return
    config_file = folder / "models.config"
    config_file.write_text(text_format.MessageToString(config))
    flags = [
        f"--model_config_file={config_file}",
        "--allow_version_labels_for_unavailable_models=true",
    ]
    if ssl_config_file:
        flags.append(f"--ssl_config_file={ssl_config_file}")
    with tensorflow_model_server(*flags) as addresses:
        yield addresses


def _credentials(ssl_config_file: Path) -> grpc.ServerCredentials:
    config = read_config(ssl_config_file, SSLConfig)
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        config.custom_ca.encode() or None,
        config.client_verify,
    )
