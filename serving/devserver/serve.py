"""Serves what the flags ask for, until a signal."""

import argparse
import asyncio
import gc
import signal
from pathlib import Path

from tensorflow_serving.config import model_server_config_pb2

from serving.devserver.configuration.config_files import follow_model_config, read_config
from serving.devserver.configuration.model_configs import is_uri
from serving.devserver.limits import Limits
from serving.devserver.model_server import ModelServer
from serving.devserver.models.repository import single_model
from serving.devserver.request_log.log_files import LogLimits
from serving.devserver.request_log.request_log import RequestLog


async def serve(options: argparse.Namespace) -> None:
    """Serves until SIGINT or SIGTERM, and answers what it has accepted by then.

    Args:
        options: The values of the flags, from `parse_flags`.

    Raises:
        OSError: A port cannot be bound, a file cannot be read, or requests cannot be logged.
        ServingError: A model cannot be loaded.
        ValueError: The file of models is faulty.
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
            rest_timeout_seconds=options.rest_api_timeout_in_ms / 1000,
        ),
        labels_may_be_early=options.allow_version_labels_for_unavailable_models,
        request_log=RequestLog(
            str(Path(options.request_log).absolute()) if options.request_log else "",
            options.request_log_sampling,
            LogLimits(options.request_log_max_mebibytes * 2**20, options.request_log_max_days),
            max_waiting=options.max_concurrent_requests,
        ),
    )
    # None of the objects of imported modules becomes garbage. Without them a collection, which
    # every change of versions needs, takes 20 ms instead of 200.
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
    await server.stop()


def _models(options: argparse.Namespace) -> model_server_config_pb2.ModelServerConfig:
    if options.model_config_file:
        return read_config(options.model_config_file, model_server_config_pb2.ModelServerConfig)
    base_path = options.model_base_path
    if not is_uri(base_path):
        base_path = str(Path(base_path).absolute())
    return single_model(options.model_name, base_path)
