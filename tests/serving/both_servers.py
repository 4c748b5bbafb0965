"""The local server and TensorFlow Serving's, started alike."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.tls import server_credentials
from tests.serving.running_server import Addresses, running_server
from tests.serving.tensorflow_model_server import tensorflow_model_server

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
        ssl_config_file: For TLS over gRPC.
    """
    if server == "local":
        credentials = server_credentials(str(ssl_config_file)) if ssl_config_file else None
        with running_server(
            config,
            grpc_credentials=credentials,
            allow_version_labels_for_unavailable_models=True,
        ) as addresses:
            yield addresses
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
