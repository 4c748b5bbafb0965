"""What both protocols do with the outcome of a request: count it, and hide what failed inside."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator

import grpc

from serving.devserver import metrics
from serving.errors import Refused, ServingError

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def request_outcome(
    entrypoint: str, api: str, model_name: str, is_counted: bool = True
) -> Iterator[None]:
    """Answers a request in a `with` block, which no other error leaves than ServingError.

    Callers never see what failed inside; the log does, once.

    Args:
        entrypoint: "GRPC" or "REST".
        api: The method, such as "Predict", or REST's "predict".
        model_name: The name of a model of the server, or "".
        is_counted: Whether the metrics count the request.

    Raises:
        ServingError: The block raised it, or INTERNAL in place of any other error.
        CancelledError: The request was cancelled.
    """
    started, code = time.perf_counter(), grpc.StatusCode.OK
    try:
        yield
    except ServingError as error:
        code = error.code
        if isinstance(error, Refused):
            metrics.count_refusal(error.reason)
        raise
    except asyncio.CancelledError:
        code = grpc.StatusCode.CANCELLED
        raise
    except Exception as error:
        code = grpc.StatusCode.INTERNAL
        _log.exception("%s %s failed", entrypoint, api)
        raise ServingError(code, "Internal error") from error
    finally:
        if is_counted:
            seconds = time.perf_counter() - started
            metrics.count_request(model_name, api, entrypoint, code.name, seconds)
