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
from tensorflow_serving.apis import model_pb2

from serving.devserver import metrics
from serving.errors import ServingError, code_of_number, invalid_argument
from serving.export_contract import TAG

_CACHED_CALLS = 64
_PREFIX = "Graph execution error:\n\n"  # that Session.run adds and TF Serving does not
# A request runs in one thread, its own: waking others for operations of microseconds doubles the
# time of a small request, and requests that come together keep all CPUs busy anyway. -1 stands for
# the thread of the caller.
_THREADS = config_pb2.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)


class Servable:
    """A SavedModel as TF Serving runs it: loaded into a V1 session and run by names of tensors.

    `tf.saved_model.load` would accept models that a server cannot serve, so it is not used.

    Args:
        name: The name of the model.
        version: The number of the version.
        path: The folder of the SavedModel, the one with `saved_model.pb`.

    Raises:
        ServingError: The model cannot be loaded.

    Example:

    >>> import numpy as np
    >>> from serving.devserver.servables.servable import Servable
    >>> history = np.full((1, 50), b"", dtype=object)
    >>> servable = Servable("mclrec", 1, "models/mclrec/1")
    >>> signature = servable.signatures["serving_default"]
    >>> feeds = {signature.inputs["history"].name: history}
    >>> [scores] = servable.run(feeds, [signature.outputs["scores"].name])
    """

    def __init__(self, name: str, version: int, path: str | os.PathLike[str]):
        self.name = name
        self.version = version
        self.path = os.fspath(path)
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=_THREADS)
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(self._session, [TAG], self.path)
        except tf.errors.OpError as error:
            self._session.close()
            fault = _serving_error(error)
            raise ServingError(fault.code, f"{self.path}: {fault.message}") from error
        except Exception as error:  # the loader does not catch what a damaged file provokes
            self._session.close()
            raise ServingError(
                grpc.StatusCode.INVALID_ARGUMENT, f"{self.path} is not a SavedModel: {error}"
            ) from error
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = dict(meta_graph.signature_def)
        self._call = functools.lru_cache(_CACHED_CALLS)(self._make_call)

    def model_spec(self, signature_name: str = "") -> model_pb2.ModelSpec:
        """The model, version and signature that have answered, as every response tells them."""
        spec = model_pb2.ModelSpec(name=self.name, signature_name=signature_name)
        spec.version.value = self.version
        return spec

    def run(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]) -> list[np.ndarray]:
        """Runs the session once; any number of threads may do so at the same time.

        Args:
            feeds: Arrays by the names of tensors.
            fetches: Names of tensors.

        Returns:
            One array for each fetch; strings are `bytes` in arrays of objects.

        Raises:
            ServingError: TensorFlow failed; with the code and message of its error.
        """
        started = time.perf_counter()
        try:
            outputs = self._call(tuple(feeds), tuple(fetches))(*feeds.values())
        except tf.errors.OpError as error:
            raise _serving_error(error) from error
        except UnicodeDecodeError as error:
            # TensorFlow's message quotes bytes of the request; the code of its error is lost.
            raise invalid_argument(error.object.decode(errors="replace")) from error
        metrics.count_run(self.name, time.perf_counter() - started)
        return [np.asarray(x, dtype=object if isinstance(x, bytes) else None) for x in outputs]

    def _make_call(
        self, feeds: tuple[str, ...], fetches: tuple[str, ...]
    ) -> Callable[..., list[Any]]:
        # Session.run would silently convert a wrong dtype, which TF Serving refuses, and takes
        # 200 µs a call instead of 25. The public make_callable calls run when it has feeds.
        return self._session._make_callable_from_options(
            config_pb2.CallableOptions(feed=feeds, fetch=fetches)
        )

    def close(self) -> None:
        """Frees the model; no call may be running or follow."""
        self._call.cache_clear()
        self._session.close()
        # The cache refers to this object. Unless that ends here, the memory of the variables is
        # only freed when Python next collects reference cycles.
        del self._call, self._session


def _serving_error(error: tf.errors.OpError) -> ServingError:
    message = error.message.removeprefix(_PREFIX)
    return ServingError(code_of_number(error.error_code), message)
