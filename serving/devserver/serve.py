"""Serves what the flags ask for, until a signal."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.config_files import follow_model_config, read_config
from serving.devserver.configuration.config_protos import MonitoringConfig
from serving.devserver.configuration.model_configs import is_uri
from serving.devserver.limits import Limits
from serving.devserver.metrics_page import DEFAULT_PATH
from serving.devserver.model_server import ModelServer
from serving.devserver.models.repository import single_model


async def serve(options: argparse.Namespace) -> None:
    """Ends the process with status 0 at SIGINT or SIGTERM.

    Args:
        options: Of `parse_flags`.

    Raises:
        OSError: A port cannot be bound, or a file cannot be read.
        ServingError: A model cannot be loaded.
        ValueError: A file of the configuration is faulty.
    """
    config = _models(options)
    server = ModelServer(
        config,
        host=options.host,
        grpc_port=options.port,
        rest_port=options.rest_api_port,
        limits=Limits(
            max_concurrent_requests=options.max_concurrent_requests,
            max_items_per_request=options.max_items_per_request,
            max_request_bytes=options.max_request_mebibytes * 2**20,
            max_connections=options.max_connections,
            rest_timeout_seconds=options.rest_api_timeout_in_ms / 1000,
            slow_client_seconds=options.slow_client_timeout_in_ms / 1000,
        ),
        poll_seconds=options.file_system_poll_wait_seconds,
        replay_warmup=options.enable_model_warmup,
        labels_may_be_early=options.allow_version_labels_for_unavailable_models,
        prometheus_path=_prometheus_path(options.monitoring_config_file),
    )
    # Of what is imported by now nothing becomes garbage: a look for that takes 20 ms, not 200.
    gc.freeze()
    stopping = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    await server.start()
    following = None
    if seconds := options.model_config_file_poll_wait_seconds:
        following = asyncio.create_task(
            follow_model_config(options.model_config_file, config, seconds, server.reload)
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


def _models(options: argparse.Namespace) -> model_server_config_pb2.ModelServerConfig:
    if options.model_config_file:
        return read_config(options.model_config_file, model_server_config_pb2.ModelServerConfig)
    base_path = options.model_base_path
    if not is_uri(base_path):
        # link/.. is the folder that holds what the link leads to.
        above = ".." in Path(base_path).parts
        base_path = str(Path(os.path.realpath(base_path) if above else base_path).absolute())
    return single_model(options.model_name, base_path)


def _prometheus_path(file: str | None) -> str | None:
    if not file:
        return None
    prometheus = read_config(file, MonitoringConfig).prometheus_config
    return (prometheus.path or DEFAULT_PATH) if prometheus.enable else None
