"""One loaded version of a model: a TensorFlow V1 session and the signatures it answers."""

import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from serving.devserver import metrics
from serving.errors import ServingError, code_of_number, invalid_argument
from serving.export_contract import TAG

_CACHED_CALLS = 64
_PREFIX = "Graph execution error:\n\n"  # that Session.run adds and TF Serving does not
# One thread a request, its own: waking others for operations of microseconds doubles a small
# request's time, and requests that come together keep all CPUs busy anyway. -1 is the caller's.
_THREADS = config_pb2.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)


class Servable:
    """A SavedModel as TF Serving runs it: loaded into a V1 session, asked by tensor names.

    `tf.saved_model.load` would accept models that a server cannot serve, so it is not used.

    Args:
        name: Of the model.
        version: Of the model.
        path: Folder of the SavedModel, the one with `saved_model.pb`.

    Raises:
        ServingError: The model cannot be loaded.

    Example:

    >>> servable = Servable("mclrec", 1, "models/mclrec/1")
    >>> signature = servable.signatures["serving_default"]
    >>> feeds = {signature.inputs["history"].name: history}    # string [batch, 50]
    >>> [scores] = servable.run(feeds, [signature.outputs["scores"].name])
    """

    def __init__(self, name: str, version: int, path: str | os.PathLike[str]):
        self.name = name
        self.version = version
        self.path = os.fspath(path)
        started = time.perf_counter()
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=_THREADS)
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(self._session, [TAG], self.path)
        except tf.errors.OpError as error:
            self._session.close()
            fault = _serving_error(error)
            raise ServingError(fault.code, f"{self.path}: {fault.message}") from error
        except Exception as error:  # the loader lets through whatever a damaged file provokes
            self._session.close()
            raise ServingError(
                grpc.StatusCode.INVALID_ARGUMENT, f"{self.path} is no SavedModel: {error}"
            ) from error
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = dict(meta_graph.signature_def)
        self._call = functools.lru_cache(_CACHED_CALLS)(self._make_call)
        metrics.count_load(self.path, time.perf_counter() - started)

    def run(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]) -> list[np.ndarray]:
        """Runs the session once; any number of threads may do so at the same time.

        Args:
            feeds: By the names of tensors.
            fetches: Names of tensors.

        Returns:
            One array a fetch; strings are `bytes` in arrays of objects.

        Raises:
            ServingError: With the code and message of TensorFlow's error.
        """
        started = time.perf_counter()
        try:
            outputs = self._call(tuple(feeds), tuple(fetches))(*feeds.values())
        except tf.errors.OpError as error:
            raise _serving_error(error) from error
        except UnicodeDecodeError as error:
            # TensorFlow's message quotes bytes of the request, and its code is lost on the way.
            raise invalid_argument(error.object.decode(errors="replace")) from error
        metrics.count_run(self.name, time.perf_counter() - started)
        return [np.asarray(x, dtype=object if isinstance(x, bytes) else None) for x in outputs]

    def _make_call(
        self, feeds: tuple[str, ...], fetches: tuple[str, ...]
    ) -> Callable[..., list[Any]]:
        # Session.run would convert a wrong dtype silently, where TF Serving refuses it, and takes
        # 200 µs a call instead of 25. Its public make_callable goes through run when it is fed.
        return self._session._make_callable_from_options(
            config_pb2.CallableOptions(feed=feeds, fetch=fetches)
        )

    def close(self) -> None:
        """Frees the model; no call may be running or follow."""
        metrics.forget(self.path)
        self._call.cache_clear()
        self._session.close()
        # The cache knows this object: without an end to that, the memory of the variables would
        # only be freed when Python next looks for cycles.
        del self._call, self._session


def _serving_error(error: tf.errors.OpError) -> ServingError:
    message = error.message.removeprefix(_PREFIX)
    return ServingError(code_of_number(error.error_code), message)
