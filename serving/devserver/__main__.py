"""A local server that answers as TF Serving's tensorflow_model_server does.

    python -m serving.devserver --rest_api_port=8501 --model_base_path=models/mclrec

It serves the newest version under the base path and looks for newer ones. On purpose it differs
from TF Serving in four things: it is reachable from this machine alone unless --host says
otherwise; it stops at once when there is no version to load; as long as the newest version cannot
be loaded it serves the one before; and it goes on serving a version whose folder has vanished as
long as no other takes its place.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from serving.devserver.configuration.flags import parse_flags
from serving.errors import ServingError
from serving.tensorflow_log import load_tensorflow_quietly

if TYPE_CHECKING:
    from tensorflow_serving.config import model_server_config_pb2

    from serving.devserver.configuration.config_protos import BatchingParameters
    from serving.devserver.model_server import ModelServer

_MIB = 2**20


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit status of the process."""
    options = parse_flags(arguments, description=__doc__)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("serving").setLevel(logging.INFO)
    load_tensorflow_quietly()
    try:
        uvloop.run(_serve(options))
    except (OSError, ServingError, ValueError) as error:
        print(f"Failed to start server. Error: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    from serving.devserver.configuration.config_files import follow_model_config

    config = _models(options)
    server = _server(options, config)
    # Of what is imported by now nothing becomes garbage: a look for that takes 20 ms, not 200.
    gc.freeze()
    stopping = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    await server.start()
    following = None
    if options.model_config_file_poll_wait_seconds:
        following = asyncio.create_task(
            follow_model_config(
                options.model_config_file,
                config,
                options.model_config_file_poll_wait_seconds,
                server.reload,
            )
        )
    names = ", ".join(model.name for model in config.model_config_list.config)
    addresses = []
    if options.port:
        addresses.append(f"gRPC at {options.host}:{options.port}")
    if options.rest_api_port:
        addresses.append(f"REST at http://{options.host}:{options.rest_api_port}/v1/models/")
    print(f"Serving {names}: {', '.join(addresses)}", flush=True)
    await stopping.wait()
    if following:
        following.cancel()
    await server.drain()
    # A gRPC server that is stopped answers CANCELLED to what waits for it; one that goes away
    # leaves UNAVAILABLE, after which a client may ask again.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _server(
    options: argparse.Namespace, config: model_server_config_pb2.ModelServerConfig
) -> ModelServer:
    from serving.devserver.limits import Limits
    from serving.devserver.model_server import ModelServer
    from serving.devserver.servables.loading import LoadOptions
    from serving.devserver.servables.servable import session_config

    credentials = None
    if options.ssl_config_file:
        from serving.devserver.configuration.tls import server_credentials

        credentials = server_credentials(options.ssl_config_file)
    rounds = max(options.num_request_iterations_for_warmup, 1)
    both = options.tensorflow_session_parallelism
    return ModelServer(
        config,
        host=options.host,
        grpc_port=options.port,
        rest_port=options.rest_api_port,
        max_request_bytes=options.max_request_mebibytes * _MIB,
        poll_seconds=options.file_system_poll_wait_seconds,
        grpc_credentials=credentials,
        grpc_options=options.grpc_channel_arguments,
        rest_timeout_seconds=options.rest_api_timeout_in_ms / 1000,
        loading=LoadOptions(
            num_threads=max(options.num_load_threads, 1),
            max_retries=options.max_num_load_retries,
            retry_seconds=options.load_retry_interval_micros / 1e6,
            warmup_rounds=rounds if options.enable_model_warmup else 0,
            session=session_config(
                options.tensorflow_intra_op_parallelism or both,
                options.tensorflow_inter_op_parallelism or both,
            ),
        ),
        allow_version_labels_for_unavailable_models=(
            options.allow_version_labels_for_unavailable_models
        ),
        batching=_batching(options),
        prometheus_path=_prometheus_path(options),
        limits=Limits(
            max_concurrent_requests=options.max_concurrent_requests,
            max_items_per_request=options.max_items_per_request,
            max_connections=options.max_connections,
            slow_client_seconds=options.slow_client_timeout_in_ms / 1000,
        ),
    )


def _models(options: argparse.Namespace) -> model_server_config_pb2.ModelServerConfig:
    from tensorflow_serving.config import model_server_config_pb2

    from serving.devserver.configuration.config_files import read_config
    from serving.devserver.configuration.model_configs import is_uri
    from serving.devserver.models.repository import single_model

    if options.model_config_file:
        return read_config(options.model_config_file, model_server_config_pb2.ModelServerConfig)
    base_path = options.model_base_path
    if not is_uri(base_path):
        # link/.. is the folder that holds what the link leads to.
        above = ".." in Path(base_path).parts
        base_path = str(Path(os.path.realpath(base_path) if above else base_path).absolute())
    return single_model(options.model_name, base_path)


def _batching(options: argparse.Namespace) -> BatchingParameters | None:
    from serving.devserver.configuration.config_files import read_config
    from serving.devserver.configuration.config_protos import BatchingParameters

    if not options.enable_batching:
        return None
    if not options.batching_parameters_file:
        return BatchingParameters()
    return read_config(options.batching_parameters_file, BatchingParameters)


def _prometheus_path(options: argparse.Namespace) -> str | None:
    from serving.devserver.configuration.config_files import read_config
    from serving.devserver.configuration.config_protos import MonitoringConfig
    from serving.devserver.metrics_page import DEFAULT_PATH

    if not options.monitoring_config_file:
        return None
    prometheus = read_config(options.monitoring_config_file, MonitoringConfig).prometheus_config
    return (prometheus.path or DEFAULT_PATH) if prometheus.enable else None


if __name__ == "__main__":
    sys.exit(main())
