"""What stands before the gRPC services: limits, metrics, and errors as statuses."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import grpc
from google.protobuf.message import DecodeError

from serving.devserver import metrics
from serving.devserver.grpc_api.services import asked_model
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_pool import RequestPool
from serving.errors import Refused, ServingError

_MESSAGE_LENGTH = 1024  # an error travels in a header, and headers have a limit
_HEALTH = "/grpc.health.v1.Health/"
_PREDICTION_SERVICE = "/tensorflow.serving.PredictionService/"

_log = logging.getLogger(__name__)


class RequestInterceptor(grpc.aio.ServerInterceptor):
    """Takes in every request, and answers it with a message or a status, whatever goes wrong.

    A question to a model is refused before it is parsed when the server has enough of them. Callers
    never see what went wrong inside; the log does, once.

    Args:
        pool: That questions to models are answered in.
        repository: The models, whose names the metrics may show.
    """

    def __init__(self, pool: RequestPool, repository: ModelRepository):
        self._pool = pool
        self._repository = repository
        self._handlers: dict[str, grpc.RpcMethodHandler] = {}
        self._is_draining = False
        self.requests = 0
        """How many have been taken on and have not got all of their answer."""

    def drain(self) -> None:
        """From now on refuses every request but for the server's health, as UNAVAILABLE."""
        self._is_draining = True

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        method = handler_call_details.method
        if method in self._handlers:
            return self._handlers[method]
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:  # no such method, or Health's Watch
            return handler
        # Bytes come in and bytes go out: whatever fails in between is handled here.
        self._handlers[method] = grpc.unary_unary_rpc_method_handler(self._answer(method, handler))
        return self._handlers[method]

    def _answer(
        self, method: str, handler: grpc.RpcMethodHandler
    ) -> Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]:
        name = method.rpartition("/")[2]
        is_question = method.startswith(_PREDICTION_SERVICE) and not name.endswith("Metadata")
        is_health = method.startswith(_HEALTH)

        async def answer(raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
            started = time.perf_counter()
            code, message, model_name = grpc.StatusCode.OK, "", ""
            try:
                if self._is_draining and not is_health:
                    raise Refused(
                        "stopping", "The server is shutting down.", grpc.StatusCode.UNAVAILABLE
                    )
                self.requests += 1
                context.add_done_callback(self._end)
                if is_question:
                    self._pool.check()
                request = handler.request_deserializer(raw)
                if is_question:
                    model_name = self._repository.known_name(asked_model(request).name)
                return handler.response_serializer(await handler.unary_unary(request, context))
            except DecodeError:
                code, message = grpc.StatusCode.INVALID_ARGUMENT, f"The request is not {name}'s"
            except ServingError as error:
                code, message = error.code, error.message
                if isinstance(error, Refused):
                    metrics.count_refusal(error.reason)
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            except Exception:
                _log.exception("%s failed", name)
                code, message = grpc.StatusCode.INTERNAL, "Internal error"
            finally:
                if is_question:
                    seconds = time.perf_counter() - started
                    metrics.count_request(model_name, name, "GRPC", code.name, seconds)
            if len(message) > _MESSAGE_LENGTH:
                message = message[:_MESSAGE_LENGTH] + "...TRUNCATED"
            return await context.abort(code, message)

        return answer

    def _end(self, _: grpc.aio.ServicerContext) -> None:
        self.requests -= 1
