"""The command line of the client."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from serving.client import Recommendation, RecommendationClient, Tls
from serving.client.clients import Protocol
from serving.command_line import not_empty
from serving.errors import ServingError


def main(arguments: list[str] | None = None) -> int:
    """Asks and prints a table for each protocol; returns the exit status of the process."""
    options = _parse(arguments)
    tls = None
    if options.root_certificates:
        tls = Tls(options.root_certificates, options.client_certificate, options.client_key)
    ports: dict[Protocol, int | None] = {"grpc": options.port, "rest": options.rest_api_port}
    for protocol, port in ports.items():
        if not port:
            continue
        address = f"{options.host}:{port}"
        try:
            with RecommendationClient(
                address, options.model_name, protocol, options.timeout, tls=tls
            ) as client:
                answer = client.recommend(
                    options.history, options.k, options.exclude, options.keep_seen
                )
        except (OSError, ServingError, ValueError) as error:
            print(f"{protocol}: {error}", file=sys.stderr)
            return 1
        print(_table(f"{options.model_name} over {protocol} at {address}", answer))
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m serving.client", description="Recommends items to follow a history."
    )
    parser.add_argument("history", nargs="*", metavar="ITEM", help="item ids, oldest first")
    parser.add_argument(
        "--host", type=not_empty, default="127.0.0.1", help="of the server (%(default)s)"
    )
    parser.add_argument("--port", type=int, help="ask over gRPC at this port")
    parser.add_argument("--rest_api_port", type=int, help="ask over REST at this port")
    parser.add_argument("--model_name", type=not_empty, default="mclrec", help="(%(default)s)")
    parser.add_argument("--k", type=int, default=10, help="how many items (%(default)s)")
    parser.add_argument("--exclude", nargs="+", default=[], metavar="ITEM", help="leave these out")
    parser.add_argument("--keep_seen", action="store_true", help="allow items of the history")
    parser.add_argument("--timeout", type=float, default=10.0, help="in seconds (%(default)s)")
    parser.add_argument(
        "--root_certificates",
        type=not_empty,
        metavar="FILE",
        help="encrypt, and trust these certificates (PEM)",
    )
    parser.add_argument(
        "--client_certificate", type=not_empty, metavar="FILE", help="for mutual TLS (PEM)"
    )
    parser.add_argument(
        "--client_key", type=not_empty, metavar="FILE", help="of the client's certificate (PEM)"
    )
    options = parser.parse_args(arguments)
    if not options.port and not options.rest_api_port:
        parser.error("give --port or --rest_api_port, or both")
    if (options.client_certificate or options.client_key) and not options.root_certificates:
        parser.error("--client_certificate and --client_key need --root_certificates")
    return options


def _table(title: str, recommendations: Sequence[Recommendation]) -> str:
    width = max((len(r.item_id) for r in recommendations), default=4)
    lines = [title, f"  {'':>4}  {'item':<{width}}  {'score':>10}"]
    for place, (item_id, score) in enumerate(recommendations, 1):
        lines.append(f"  {place:>4}  {item_id:<{width}}  {score:>10.4f}")
    if not recommendations:
        lines.append("  no item is left to recommend")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
