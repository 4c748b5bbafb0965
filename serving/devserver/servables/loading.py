"""Loads versions of models, in threads of their own."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
from tensorflow.core.protobuf import config_pb2

from serving.devserver import metrics
from serving.devserver.servables.batching import Batching, BatchingServable
from serving.devserver.servables.servable import Servable
from serving.devserver.servables.warmup import warm_up
from serving.errors import ServingError
from serving.export_check.checksums import damage
from serving.export_contract import CHECKSUM_FILE


@dataclass(frozen=True)
class LoadOptions:
    """How versions are loaded.

    Args:
        num_threads: How many versions, of different models, load at the same time.
        max_retries: How often a load that failed is tried again although its files are the same.
        retry_seconds: Before it is tried again.
        warmup_rounds: How often the warm-up requests of a version are replayed; 0: not at all.
        batching: How versions join requests; None: not at all.
        session: Threads that a request may use; None: its own.
    """

    num_threads: int = 1
    max_retries: int = 5
    retry_seconds: float = 60.0
    warmup_rounds: int = 1
    batching: Batching | None = None
    session: config_pb2.ConfigProto | None = None


class Loader:
    """Makes servables ready to answer.

    Args:
        options: How.

    Example:

    >>> servable = await Loader(LoadOptions()).load("mclrec", 1, "models/mclrec/1")
    """

    def __init__(self, options: LoadOptions):
        self.options = options
        self._threads = ThreadPoolExecutor(options.num_threads, thread_name_prefix="load")

    async def load(self, name: str, version: int, path: str) -> Servable:
        """Loads a version and warms it up.

        Raises:
            ServingError: It is damaged, or cannot answer its own warm-up requests.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._load, name, version, path)
        except ServingError:
            raise
        except Exception as error:  # whatever an odd model provokes, the server goes on
            raise ServingError(grpc.StatusCode.INTERNAL, f"{path}: {error!r}") from error

    def close(self) -> None:
        """Waits for the loads that run; no other may follow."""
        self._threads.shutdown(cancel_futures=True)

    def _load(self, name: str, version: int, path: str) -> Servable:
        _check_whole(path)
        batching, session = self.options.batching, self.options.session
        servable = (
            BatchingServable(name, version, path, batching, session)
            if batching
            else Servable(name, version, path, session)
        )
        started = time.perf_counter()
        try:
            for _ in range(self.options.warmup_rounds):
                warm_up(servable)
            if self.options.warmup_rounds:
                metrics.count_warm_up(path, time.perf_counter() - started)
        except BaseException:
            servable.close()
            raise
        if isinstance(servable, BatchingServable):
            servable.start_joining()
        return servable


def _check_whole(path: str) -> None:
    if found := list(damage(path)):
        raise ServingError(
            grpc.StatusCode.DATA_LOSS,
            f"{path} is damaged: {'; '.join(found)}. Copy it again; delete {CHECKSUM_FILE} if it "
            "was changed on purpose",
        )
