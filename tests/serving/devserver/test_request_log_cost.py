"""How much longer a request takes because it is logged."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from pipeline.local_server import local_server, server_command
from serving.client import RecommendationClient
from tests.serving.conftest import ITEMS

pytestmark = pytest.mark.benchmark

_ROUNDS = 1500


@contextmanager
def clients(base_path: Path, *flags: str) -> Iterator[dict[str, RecommendationClient]]:
    """A client for each protocol of a server that is a process of its own."""
    with ExitStack() as stack:
        server = stack.enter_context(local_server(server_command(base_path, flags)))
        yield {
            protocol: stack.enter_context(RecommendationClient(address, protocol=protocol))
            for protocol, address in (("grpc", server.grpc), ("rest", server.rest))
        }


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_request_takes_hardly_longer(base_path: Path, tmp_path: Path, share: float) -> None:
    """In turns, so that what else the machine does hits both alike."""
    log = [f"--request_log={tmp_path}", f"--request_log_sampling={share}"]
    with clients(base_path) as without, clients(base_path, *log) as with_log:
        for protocol in ("grpc", "rest"):
            pair = without[protocol], with_log[protocol]
            for client in pair:
                client.wait_until_ready(120)
            seconds = np.zeros((_ROUNDS, 2))
            for turn in range(_ROUNDS):
                for which in (0, 1) if turn % 2 else (1, 0):
                    begun = time.perf_counter()
                    pair[which].recommend(ITEMS[:20], k=20)
                    seconds[turn, which] = time.perf_counter() - begun
            for quantile in (0.5, 0.9, 0.99):
                plain, logged = np.quantile(seconds[100:], quantile, axis=0)
                print(
                    f"{protocol}, logged {share:g}: {quantile:.0%} {1000 * plain:.2f} ms without, "
                    f"{1000 * logged:.2f} ms with, ratio {logged / plain:.3f}"
                )
            plain, logged = np.median(seconds[100:], axis=0)
            assert logged < 1.25 * plain
    assert list(tmp_path.glob("*.tfrecord"))
