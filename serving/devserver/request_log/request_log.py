"""Takes requests with their answers while the server answers, and writes them in another thread."""

import logging
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.devserver import metrics
from serving.devserver.request_log.log_files import LogFiles, LogLimits
from serving.devserver.request_log.logging_configs import ModelLog, model_logs
from serving.export_contract import TAG

_TEND_SECONDS = 1.0
_DELETE_SECONDS = 60.0
_CLOSE_SECONDS = 10.0
_PAUSE_SECONDS = 10.0  # after a failure to write
_LIMITS = LogLimits()
_WRITE_ERRORS = (OSError, tf.errors.OpError)

_log = logging.getLogger(__name__)

MakePredictLog = Callable[[], prediction_log_pb2.PredictLog]


class _Offered(NamedTuple):
    log: ModelLog
    spec: model_pb2.ModelSpec
    time: float
    make: MakePredictLog


class RequestLog:
    """The log of all models of a server.

    A request never waits for it and never fails because of it: what finds the queue full or cannot
    be written is dropped and counted.

    Args:
        folder: An absolute path of this machine; "", the default, logs nothing, and refuses models
            that ask for it, as TF Serving's own program does.
        sampling_rate: The share of the requests that is logged, for models without a
            `logging_config` of their own.
        limits: How much is kept.
        max_waiting: How many records may wait to be written.

    Example:

    >>> from serving.devserver.request_log.request_log import RequestLog
    >>> log = RequestLog("/var/log/requests", sampling_rate=0.1)
    >>> log.start()
    >>> log.follow(checked_models(config))
    >>> log.offer(response.model_spec, lambda: PredictLog(request=request, response=response))
    >>> log.close()
    """

    def __init__(
        self,
        folder: str = "",
        sampling_rate: float = 1.0,
        limits: LogLimits = _LIMITS,
        max_waiting: int = 256,
    ):
        self._folder = os.path.normpath(folder) if folder else ""
        self._sampling_rate = sampling_rate
        self._limits = limits
        self._logs: dict[str, ModelLog] = {}
        self._waiting: queue.Queue[_Offered | None] = queue.Queue(max_waiting)
        self._files: dict[str, LogFiles] = {}
        self._thread = threading.Thread(target=self._write_all, name="request_log", daemon=True)
        self._paused_until: dict[str, float] = {}  # by prefix

    def start(self) -> None:
        """Writes from now on.

        Raises:
            OSError: The folder cannot be made or written to.
        """
        if self._folder:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            if not os.access(self._folder, os.W_OK | os.X_OK):
                raise PermissionError(f"--request_log {self._folder} cannot be written to")
            self._thread.start()

    def logs_of(
        self, configs: Mapping[str, model_server_config_pb2.ModelConfig]
    ) -> dict[str, ModelLog]:
        """How a configuration would be logged.

        Raises:
            ServingError: A `logging_config` cannot be followed.
        """
        return model_logs(configs, self._folder, self._sampling_rate)

    def follow(self, configs: Mapping[str, model_server_config_pb2.ModelConfig]) -> None:
        """Logs the models of a configuration from now on, and no others.

        Raises:
            ServingError: A `logging_config` cannot be followed; nothing has changed then.
        """
        self._logs = self.logs_of(configs)

    def offer(self, spec: model_pb2.ModelSpec, make: MakePredictLog) -> None:
        """Logs a request that has been answered, or drops it. Any thread may call it.

        Args:
            spec: The model, version and signature that have answered.
            make: Returns the request and the answer; called later, in the thread that writes, if
                the request is one of those that are logged.
        """
        log = self._logs.get(spec.name)
        if log is None or random.random() >= log.sampling_rate:
            return
        try:
            self._waiting.put_nowait(_Offered(log, spec, time.time(), make))
        except queue.Full:
            metrics.count_unlogged("queue_full")

    def close(self) -> None:
        """Writes what waits, for up to 10 seconds, and ends the files; blocks."""
        if self._thread.is_alive():
            try:
                self._waiting.put(None, timeout=_CLOSE_SECONDS)
            except queue.Full:  # the disk hangs: the records are lost with the process
                return
            self._thread.join(_CLOSE_SECONDS)

    def _write_all(self) -> None:
        tended = deleted = time.monotonic()
        is_open = True
        while is_open:
            try:
                offered = self._waiting.get(timeout=_TEND_SECONDS)
                is_open = offered is not None
                if offered:
                    self._write(offered)
            except queue.Empty:
                pass
            now = time.monotonic()
            if now - tended >= _TEND_SECONDS:
                tended = now
                self._for_each_file(LogFiles.tend)
            if now - deleted >= _DELETE_SECONDS:
                deleted = now
                for log in list(self._logs.values()):  # also what earlier processes have left
                    self._files_of(log.prefix)
                self._for_each_file(lambda files: files.delete_old(time.time()))
        self._for_each_file(LogFiles.close)

    def _write(self, offered: _Offered) -> None:
        prefix = offered.log.prefix
        if time.monotonic() < self._paused_until.get(prefix, 0):
            metrics.count_unlogged("write_failed")
            return
        try:
            record = _record(offered).SerializeToString()
        except Exception:  # whatever an odd model answers, the thread goes on
            metrics.count_unlogged("no_record")
            return
        if len(record) > self._limits.file_bytes - 16:
            metrics.count_unlogged("too_large")
            return
        try:
            self._files_of(prefix).write(record, time.time())
        except _WRITE_ERRORS as error:
            metrics.count_unlogged("write_failed")
            self._pause(prefix, error)
        else:
            metrics.REQUESTS_LOGGED.inc()

    def _files_of(self, prefix: str) -> LogFiles:
        return self._files.setdefault(prefix, LogFiles(prefix, self._limits))

    def _for_each_file(self, act: Callable[[LogFiles], None]) -> None:
        for prefix, files in self._files.items():
            try:
                act(files)
            except _WRITE_ERRORS as error:
                self._pause(prefix, error)

    def _pause(self, prefix: str, error: Exception) -> None:
        """Begins a new file after a while; a disk that is full does not become less so by trying.

        Other models go on, because their prefixes may be of a folder or a disk that is in order.
        """
        self._paused_until[prefix] = time.monotonic() + _PAUSE_SECONDS
        _log.error("%s: requests cannot be logged for %g s: %s", prefix, _PAUSE_SECONDS, error)
        self._files_of(prefix).give_up()


def _record(offered: _Offered) -> prediction_log_pb2.PredictionLog:
    record = prediction_log_pb2.PredictionLog(predict_log=offered.make())
    metadata = record.log_metadata
    metadata.model_spec.CopyFrom(offered.spec)
    metadata.sampling_config.sampling_rate = offered.log.sampling_rate
    metadata.saved_model_tags.append(TAG)
    metadata.timestamp_secs = int(offered.time)
    return record
