"""Asks a served model for recommendations, from Python and from the command line.

    python -m serving.client ITEM ITEM ... --rest_api_port=8501

Works alike on TF Serving and on `serving.server`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from serving.errors import ServingError
from serving.tensorflow_log import silence_tensorflow
from serving.transports import GrpcTransport, Outputs, RestTransport, Transport

Protocol = Literal["grpc", "rest"]

HISTORY_LENGTH = 50  # of the model's signatures, see signatures.json
_TRANSPORTS: dict[Protocol, Callable[[str, str, float], Transport]] = {
    "grpc": GrpcTransport,
    "rest": RestTransport,
}


class Recommendation(NamedTuple):
    """An item and its score; higher is better, comparable within one answer only."""

    item_id: str
    score: float


class RecommendationClient:
    """Recommends items from histories of raw item ids. Safe to use from several threads.

    Args:
        address: `host:port`; for REST also a URL that ends before `/v1`.
        model_name: As the server knows it.
        protocol: "grpc" or "rest".
        timeout: Seconds for a request.

    Example:

    >>> with RecommendationClient("127.0.0.1:8501", protocol="rest") as client:
    ...     client.recommend(["bread", "butter"], k=1)
    [Recommendation(item_id='jam', score=3.25)]
    """

    def __init__(
        self,
        address: str,
        model_name: str = "mclrec",
        protocol: Protocol = "grpc",
        timeout: float = 10.0,
    ):
        if protocol not in _TRANSPORTS:
            raise ValueError(f'protocol is {protocol!r}; use "grpc" or "rest"')
        self._transport = _TRANSPORTS[protocol](address, model_name, timeout)

    def recommend(
        self,
        history: Sequence[str],
        k: int = 10,
        exclude: Sequence[str] = (),
        keep_seen: bool = False,
    ) -> list[Recommendation]:
        """The k best items to follow a history.

        Args:
            history: Item ids, oldest first. The model reads the last 50 and ignores ids that it
                does not know; of an empty history it recommends what is popular.
            k: At least 1. Fewer items are returned when the catalogue has no more.
            exclude: Items never to recommend.
            keep_seen: Whether items of the history may be recommended again.

        Raises:
            ServingError: The server refused, failed, or was not reached.
            ValueError: An argument makes no sense.
        """
        return self.recommend_batch([history], k, [exclude], keep_seen)[0]

    def recommend_batch(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        exclude: Sequence[Sequence[str]] | None = None,
        keep_seen: bool = False,
    ) -> list[list[Recommendation]]:
        """The same for many histories in one request; `exclude` holds one sequence for each."""
        if k < 1:
            raise ValueError(f"k is {k}; ask for at least 1 item")
        if exclude is None:
            exclude = [()] * len(histories)
        if len(exclude) != len(histories):
            raise ValueError(f"{len(exclude)} sequences to exclude for {len(histories)} histories")
        if not histories:
            return []
        for name, rows in (("histories", histories), ("exclude", exclude)):
            _check_ids(name, rows)
        unwanted = [
            [*(history[:-HISTORY_LENGTH] if not keep_seen else ()), *own]
            for history, own in zip(histories, exclude, strict=True)
        ]
        recent = _string_tensor([history[-HISTORY_LENGTH:] for history in histories])
        if not keep_seen and not any(unwanted):
            outputs = self._transport.predict("serving_default", {"history": recent})
            if len(outputs["item_ids"][0]) >= k:
                return _recommendations(outputs, k)
        outputs = self._transport.predict(
            "recommend",
            {
                "history": recent,
                "exclude": _string_tensor(unwanted, max(map(len, unwanted))),
                "k": np.full(len(histories), k, np.int32),
                "keep_seen": np.full(len(histories), keep_seen),
            },
        )
        return _recommendations(outputs, k)

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()

    def __enter__(self) -> RecommendationClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _check_ids(name: str, rows: Sequence[Sequence[str]]) -> None:
    for row, ids in enumerate(rows):
        if isinstance(ids, str):
            raise ValueError(f"{name}[{row}] is the string {ids!r}; give a sequence of item ids")
        for place, item_id in enumerate(ids):
            if not isinstance(item_id, str) or not item_id:
                raise ValueError(
                    f"{name}[{row}][{place}] is {item_id!r}; an item id is a string and not empty"
                )


def _string_tensor(rows: Sequence[Sequence[str]], width: int = HISTORY_LENGTH) -> np.ndarray:
    """Bytes `[rows, width]`, filled up with b"" at the right."""
    tensor = np.full((len(rows), width), b"", dtype=object)
    for row, ids in enumerate(rows):
        tensor[row, : len(ids)] = [item_id.encode("utf-8", "surrogateescape") for item_id in ids]
    return tensor


def _recommendations(outputs: Outputs, k: int) -> list[list[Recommendation]]:
    # The model's float32, which REST's decimals give back exactly once they are rounded to it.
    score_rows = np.array(outputs["scores"], np.float32).tolist()
    return [
        [Recommendation(i, s) for i, s in zip(ids, scores, strict=True) if i][:k]
        for ids, scores in zip(outputs["item_ids"], score_rows, strict=True)
    ]


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.client", description="Recommends items to follow a history."
    )
    parser.add_argument("history", nargs="*", metavar="ITEM", help="item ids, oldest first")
    parser.add_argument("--host", default="127.0.0.1", help="of the server (%(default)s)")
    parser.add_argument("--port", type=int, help="ask over gRPC at this port")
    parser.add_argument("--rest_api_port", type=int, help="ask over REST at this port")
    parser.add_argument("--model_name", default="mclrec", help="(%(default)s)")
    parser.add_argument("--k", type=int, default=10, help="how many items (%(default)s)")
    parser.add_argument("--exclude", nargs="+", default=[], metavar="ITEM", help="leave these out")
    parser.add_argument("--keep_seen", action="store_true", help="allow items of the history")
    parser.add_argument("--timeout", type=float, default=10.0, help="in seconds (%(default)s)")
    options = parser.parse_args(arguments)
    if not options.port and not options.rest_api_port:
        parser.error("give --port or --rest_api_port, or both")
    ports: dict[Protocol, int | None] = {"grpc": options.port, "rest": options.rest_api_port}
    silence_tensorflow()
    for protocol, port in ports.items():
        if not port:
            continue
        address = f"{options.host}:{port}"
        try:
            with RecommendationClient(
                address, options.model_name, protocol, options.timeout
            ) as client:
                answer = client.recommend(
                    options.history, options.k, options.exclude, options.keep_seen
                )
        except (ServingError, ValueError) as error:
            print(f"{protocol} at {address}: {error}", file=sys.stderr)
            return 1
        print(_table(f"{options.model_name} over {protocol} at {address}", answer))
    return 0


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
