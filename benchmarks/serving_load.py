"""Load on a model server: latency and throughput over gRPC and REST.

    python -m benchmarks.serving_load --model runs/demo/models/mclrec
    python -m benchmarks.serving_load --grpc HOST:8500 --rest HOST:8501 --model-name mclrec

The first form starts the local server. It also measures what the server adds to the bare session
call, in turns with requests one at a time. The second form works on any server with the protocols
of TensorFlow Serving whose model has the signature serving_default with the input history [batch,
50].

The closed loop keeps a fixed number of requests under way. The open loop sends requests at a fixed
mean rate, at random times, and counts latency from the time at which a request was due. Without
--rates, its rates are a quarter, half and three quarters of the throughput of the closed loop. The
histories are those of a --log, or else 1 to 50 random items of --items, or else of the items that
the model answers to an empty history.

The client is one process with one event loop. If it runs on the machine of the server, it competes
with the server for the processors; the table has its processor time for each request.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import numpy as np

from benchmarks.command import benchmark_parser, progress_bar
from benchmarks.load_report import plot, print_overhead, print_table
from benchmarks.load_steps import LoadSteps
from benchmarks.predict_calls import HISTORY_LENGTH, History, open_calls, ranking_of
from benchmarks.provenance import print_json, provenance, write_json
from benchmarks.served_version import newest_version
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors
from pipeline.local_server import MODEL_NAME, local_server, server_command
from serving.command_line import not_empty

_NUM_HISTORIES = 256


async def run(
    addresses: dict[str, str], options: argparse.Namespace, server_pid: int | None
) -> dict[str, Any]:
    """Measures every load and, with --model, what the server adds to the bare session call.

    Args:
        addresses: Addresses of the server by protocol, as `host:port`.
        options: Options of the command.
        server_pid: Process id of a server on this machine.
    """
    histories = await _histories(addresses, options)
    result: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        calls = {
            protocol: await stack.enter_async_context(
                open_calls(protocol, address, options.model_name, histories, options.timeout)
            )
            for protocol, address in addresses.items()
        }
        if options.model:
            from benchmarks.bare_session import BareSession, overhead

            bare = BareSession(newest_version(options.model), histories)
            result["overhead"] = await overhead(bare, calls)
            bare.close()
        with progress_bar() as bar:
            steps = LoadSteps(options, server_pid, bar, len(calls))
            for protocol, its_calls in calls.items():
                await steps.measure(protocol, its_calls)
    return {**result, "rows": steps.rows}


async def _histories(addresses: dict[str, str], options: argparse.Namespace) -> list[History]:
    random = np.random.default_rng(options.seed)
    if options.log:
        from mclrec_tf.data.interactions import load_interactions

        log = load_interactions(str(options.log))
        users = random.choice(len(log.histories), min(_NUM_HISTORIES, len(log.histories)), False)
        return [[log.item_ids[item - 1] for item in log.histories[user]] for user in users]
    items = options.items
    if not items:
        protocol, address = next(iter(addresses.items()))
        async with open_calls(protocol, address, options.model_name, [[]]) as calls:
            items = ranking_of(await calls.reply(0)).item_ids
    lengths = random.integers(1, HISTORY_LENGTH + 1, _NUM_HISTORIES)
    return [random.choice(items, length).tolist() for length in lengths]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = benchmark_parser("serving_load", __doc__, "runs/results/serving_load")
    parser.add_argument(
        "--model", type=path, metavar="DIR", help="start a local server of this model base path"
    )
    parser.add_argument(
        "--grpc", type=not_empty, metavar="HOST:PORT", help="measure this server over gRPC"
    )
    parser.add_argument(
        "--rest", type=not_empty, metavar="HOST:PORT", help="measure this server over REST"
    )
    parser.add_argument(
        "--model-name", type=not_empty, default=MODEL_NAME, help=f"default: {MODEL_NAME}"
    )
    parser.add_argument(
        "--server-flags",
        type=not_empty,
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="flags of the local server, without dashes: max_concurrent_requests=64",
    )
    parser.add_argument("--log", type=path, help="event log whose users' histories are sent")
    parser.add_argument(
        "--items", type=not_empty, nargs="+", metavar="ID", help="items of random histories"
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        nargs="+",
        default=[1, 4, 16, 64],
        metavar="N",
        help="requests at a time; default: 1 4 16 64",
    )
    parser.add_argument(
        "--rates", type=float, nargs="+", metavar="N", help="requests a second of the open loop"
    )
    parser.add_argument(
        "--seconds", type=float, default=10, help="duration of each load; default: 10"
    )
    parser.add_argument(
        "--warm-up", type=float, default=2, help="seconds before each closed loop; default: 2"
    )
    parser.add_argument(
        "--timeout", type=float, default=10, help="seconds for a request; default: 10"
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    options = parser.parse_args(arguments)
    if bool(options.model) == bool(options.grpc or options.rest):
        parser.error("give either --model, or --grpc or --rest or both")
    return options


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    given = {"grpc": options.grpc, "rest": options.rest}
    addresses = {protocol: address for protocol, address in given.items() if address}
    with ExitStack() as stack:
        pid = None
        if options.model:
            flags = [f"--{flag}" for flag in options.server_flags]
            server = stack.enter_context(local_server(server_command(options.model, flags)))
            addresses, pid = {"grpc": server.grpc, "rest": server.rest}, server.process.pid
            options.model_name = MODEL_NAME
        found = asyncio.run(run(addresses, options, pid))
    result = {
        "benchmark": "serving_load",
        **found,
        "configuration": {
            name: getattr(options, name)
            for name in ("concurrency", "rates", "seconds", "warm_up", "server_flags")
        },
        "seed": options.seed,
        **provenance(),
    }
    write_json(options.out.with_suffix(".json"), result)
    plot(result["rows"], options.out.with_suffix(".png"))
    print_table(result["rows"])
    if "overhead" in result:
        print_overhead(result["overhead"])
    print(f"written: {options.out.with_suffix('.json')} and .png")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    sys.exit(main())
