"""A local server that answers as TF Serving's tensorflow_model_server does.

    python -m serving.server --rest_api_port=8501 --model_base_path=models/mclrec

It serves the newest version under the base path and looks for newer ones. On purpose it differs
from TF Serving in three things: it is reachable from this machine alone unless --host says
otherwise; it stops at once when there is no version to load; and it goes on serving a version
whose folder has vanished as long as no other takes its place.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from serving.errors import ServingError
from serving.tensorflow_log import silence_tensorflow

if TYPE_CHECKING:
    from tensorflow_serving.config import model_server_config_pb2

_MIB = 2**20
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit status of the process."""
    options = _parse(arguments)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("serving").setLevel(logging.INFO)
    silence_tensorflow()
    try:
        asyncio.run(_serve(options))
    except (OSError, ServingError, ValueError) as error:
        print(f"Failed to start server. Error: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    from serving.model_server import ModelServer

    config = _config(options)
    server = ModelServer(
        config,
        host=options.host,
        grpc_port=options.port,
        rest_port=options.rest_api_port,
        max_request_bytes=options.max_request_mebibytes * _MIB,
        poll_seconds=options.file_system_poll_wait_seconds,
    )
    stopping = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    await server.start()
    names = ", ".join(model.name for model in config.model_config_list.config)
    addresses = []
    if options.port:
        addresses.append(f"gRPC at {options.host}:{options.port}")
    if options.rest_api_port:
        addresses.append(f"REST at http://{options.host}:{options.rest_api_port}/v1/models/")
    print(f"Serving {names}: {', '.join(addresses)}", flush=True)
    await stopping.wait()
    await server.stop()


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m serving.server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=8500, help="for gRPC; 0: none (%(default)s)")
    parser.add_argument("--rest_api_port", type=int, default=0, help="for REST; 0: none (default)")
    parser.add_argument("--model_name", default="mclrec", help="in requests (%(default)s)")
    parser.add_argument(
        "--model_base_path", default="", help="folder that holds a numbered folder a version"
    )
    parser.add_argument(
        "--model_config_file",
        default="",
        help="ModelServerConfig as text: several models, version policies, labels; "
        "instead of the two options above",
    )
    parser.add_argument(
        "--file_system_poll_wait_seconds",
        type=float,
        default=1.0,
        help="between two looks for new versions; 0: never (%(default)s)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in, unencrypted and without a "
        "password (%(default)s; TF Serving has no such option and listens on all)",
    )
    parser.add_argument(
        "--max_request_mebibytes",
        type=int,
        default=64,
        help="a larger request is refused (%(default)s)",
    )
    options = parser.parse_args(arguments)
    if not options.model_base_path and not options.model_config_file:
        parser.error("give --model_base_path or --model_config_file")
    if not options.port and not options.rest_api_port:
        parser.error("give a --port or a --rest_api_port other than 0")
    if options.port == options.rest_api_port:
        parser.error("--port and --rest_api_port have to differ")
    return options


def _config(options: argparse.Namespace) -> model_server_config_pb2.ModelServerConfig:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    from serving.repository import single_model

    if not options.model_config_file:
        base_path = options.model_base_path
        if not _URI.match(base_path):
            base_path = os.path.abspath(base_path)
        return single_model(options.model_name, base_path)
    try:
        return text_format.Parse(
            Path(options.model_config_file).read_text(),
            model_server_config_pb2.ModelServerConfig(),
        )
    except text_format.ParseError as error:
        raise ValueError(f"{options.model_config_file}: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
