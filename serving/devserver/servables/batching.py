"""Requests that arrive together, answered with one run of the model."""

import logging
import os
import threading
from collections.abc import Mapping, Sequence

import grpc
import numpy as np
from tensorflow.core.protobuf import config_pb2

from serving.devserver.configuration.config_protos import BatchingParameters
from serving.devserver.servables.joinable import JoinableSignature, Kind, joinable_signatures
from serving.devserver.servables.servable import Servable
from serving.errors import Refused

_log = logging.getLogger(__name__)


class Batching:
    """How requests are joined, and how many runs there are at the same time.

    Args:
        parameters: TF Serving's, with its defaults. A request of more than `max_batch_size` rows
            runs alone, whatever `enable_large_batch_splitting` says.

    Raises:
        ValueError: A parameter makes no sense.

    Example:

    >>> batching = Batching(BatchingParameters(batch_timeout_micros={"value": 1_000}))
    >>> servable = BatchingServable("mclrec", 1, "models/mclrec/1", batching)
    >>> servable.start_joining()
    """

    def __init__(self, parameters: BatchingParameters):
        if parameters.pad_variable_length_inputs:
            raise ValueError(
                "pad_variable_length_inputs would change answers: it fills up the shorter inputs "
                "with their first element. Leave it out; requests of different widths are not "
                "joined."
            )
        max_rows = _value(parameters, "max_batch_size", 1_000, at_least=1)
        self.max_rows = _value(parameters, "max_execution_batch_size", max_rows, at_least=1)
        self.wait_seconds = _value(parameters, "batch_timeout_micros", 0, at_least=0) / 1e6
        self.max_waiting_batches = _value(parameters, "max_enqueued_batches", 10, at_least=1)
        self.sizes = list(parameters.allowed_batch_sizes)
        if self.sizes and (
            self.sizes != sorted(set(self.sizes))
            or self.sizes[0] < 1
            or self.sizes[-1] != self.max_rows
        ):
            raise ValueError(
                f"allowed_batch_sizes {self.sizes}: they have to rise, and the last one has to be "
                f"the largest batch, {self.max_rows}"
            )
        cpus = len(os.sched_getaffinity(0))
        self.slots = threading.Semaphore(_value(parameters, "num_batch_threads", cpus, at_least=1))


def _value(parameters: BatchingParameters, name: str, default: int, at_least: int) -> int:
    value = getattr(parameters, name).value if parameters.HasField(name) else default
    if value < at_least:
        raise ValueError(f"{name} is {value}; it has to be at least {at_least}")
    return value


class BatchingServable(Servable):
    """A servable that joins the runs of requests that arrive together.

    Only the signatures of the contract with the exports are joined (`signatures.json`): their rows
    do not mix, which no shape could tell. Requests are joined when they ask one signature for the
    same outputs, and their inputs are as the signature declares them and alike but for the number
    of rows. When the joint run fails each of them is run by itself. So every request has the answer
    or the error that it would have alone, but for the rounding of floats: TensorFlow adds up in
    another order when there are other rows. Items whose scores are the same but for that may change
    places. All this is so, too, for rows that one caller sends together.

    The first request of a batch waits for others, and its thread runs the model for all of them;
    the threads of the others wait for it.

    Args:
        name, version, path, config: See `Servable`.
        batching: How requests are joined; one for all servables of a server.
    """

    def __init__(
        self,
        name: str,
        version: int,
        path: str | os.PathLike[str],
        batching: Batching,
        config: config_pb2.ConfigProto | None = None,
    ):
        super().__init__(name, version, path, config)
        self.batching = batching
        self._joinable: dict[frozenset[str], JoinableSignature] = {}
        self._lock = threading.Lock()
        self._queues: dict[Kind, list[_Batch]] = {}

    def start_joining(self) -> None:
        """Joins requests from now on; a warm-up before has nobody to wait for."""
        self._joinable = dict(joinable_signatures(self.signatures))

    def run(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], api: str = "Predict"
    ) -> list[np.ndarray]:
        """Runs the session, for other requests too where that is possible.

        Raises:
            Refused: UNAVAILABLE, too many batches wait for their turn.
            ServingError: See `Servable.run`.
        """
        signature = self._joinable.get(frozenset(feeds))
        kind = signature.kind(feeds, fetches) if signature else None
        rows = len(next(iter(feeds.values()))) if kind else 0
        if kind is None or rows > self.batching.max_rows:
            return self._run_alone(feeds, fetches, api)
        batch, place = self._join(kind, feeds, rows)
        if place.start == 0:
            batch.is_full.wait(self.batching.wait_seconds)
            with self.batching.slots:
                self._close(batch)
                if len(batch.requests) == 1:
                    return super().run(feeds, fetches, api)
                self._run_joint(batch, api)
        else:
            batch.is_done.wait()
        if batch.outputs is None:
            return self._run_alone(feeds, fetches, api)
        return [output[place] for output in batch.outputs]

    def _run_alone(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], api: str
    ) -> list[np.ndarray]:
        with self.batching.slots:
            return super().run(feeds, fetches, api)

    def _join(
        self, kind: Kind, feeds: Mapping[str, np.ndarray], rows: int
    ) -> tuple["_Batch", slice]:
        """A batch that has taken the request in, and the place of its rows there."""
        with self._lock:
            queue = self._queues.setdefault(kind, [])
            if not queue or queue[-1].rows + rows > self.batching.max_rows:
                if len(queue) >= self.batching.max_waiting_batches:
                    raise Refused(
                        "full_batch_queue",
                        f"{len(queue)} full batches wait for their turn, as many as "
                        "max_enqueued_batches allows. Try again later.",
                        grpc.StatusCode.UNAVAILABLE,
                    )
                for batch in queue:
                    batch.is_full.set()
                queue.append(_Batch(kind))
            batch = queue[-1]
            place = slice(batch.rows, batch.rows + rows)
            batch.rows = place.stop
            batch.requests.append(feeds)
            if batch.rows == self.batching.max_rows:
                batch.is_full.set()
            return batch, place

    def _close(self, batch: "_Batch") -> None:
        """Lets nobody join a batch any more."""
        with self._lock:
            queue = self._queues[batch.kind]
            queue.remove(batch)
            if not queue:
                del self._queues[batch.kind]

    def _run_joint(self, batch: "_Batch", api: str) -> None:
        """Runs a batch; without outputs in the end, each of its requests has to run alone."""
        try:
            sizes = [size for size in self.batching.sizes if size >= batch.rows]
            missing = sizes[0] - batch.rows if sizes else 0
            joint = {}
            for name, array in batch.requests[0].items():
                parts = [feeds[name] for feeds in batch.requests]
                joint[name] = np.concatenate([*parts, np.repeat(array[:1], missing, axis=0)])
            outputs = super().run(joint, batch.kind.fetches, api)
            if all(x.ndim and len(x) == batch.rows + missing for x in outputs):
                batch.outputs = outputs
            else:
                _log.warning("model %s: outputs without a row for each of the inputs", self.name)
                self._joinable.pop(frozenset(joint), None)
        except Exception as error:
            _log.info("model %s: the requests of a batch run one by one: %s", self.name, error)
        finally:
            batch.is_done.set()


class _Batch:
    def __init__(self, kind: Kind):
        self.kind = kind
        self.requests: list[Mapping[str, np.ndarray]] = []
        self.rows = 0
        self.is_full, self.is_done = threading.Event(), threading.Event()
        self.outputs: list[np.ndarray] | None = None
