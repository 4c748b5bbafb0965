"""What stands before the gRPC services: metrics, and errors as statuses."""

from collections.abc import Awaitable, Callable

import grpc
from google.protobuf.message import DecodeError

from serving.devserver.grpc_api.services import model_spec_of
from serving.devserver.models.repository import ModelRepository
from serving.devserver.request_outcome import request_outcome
from serving.errors import ServingError

_MESSAGE_LENGTH = 1024  # an error travels in a header, and headers have a limit
_OWN_SERVICES = "/tensorflow.serving."
_PREDICTION_SERVICE = "/tensorflow.serving.PredictionService/"


class RequestInterceptor(grpc.aio.ServerInterceptor):
    """Answers every request to TF Serving's services with a message or a status.

    Args:
        repository: The models, whose names the metrics may show.
    """

    def __init__(self, repository: ModelRepository):
        self._repository = repository

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        method = handler_call_details.method
        handler = await continuation(handler_call_details)
        if handler is None or not method.startswith(_OWN_SERVICES):
            return handler
        # With bytes for request and response, errors of parsing are handled here as well.
        return grpc.unary_unary_rpc_method_handler(self._answer(method, handler))

    def _answer(
        self, method: str, handler: grpc.RpcMethodHandler
    ) -> Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]:
        api = method.rpartition("/")[2]
        # Like TF Serving, the metrics do not count requests for metadata and for the server.
        is_counted = method.startswith(_PREDICTION_SERVICE) and not api.endswith("Metadata")

        async def answer(raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
            try:
                request = handler.request_deserializer(raw)
            except DecodeError:
                return await context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT, f"The request is not one of {api}"
                )
            name = self._repository.known_name(model_spec_of(request).name) if is_counted else ""
            try:
                with request_outcome("GRPC", api, name, is_counted):
                    return handler.response_serializer(await handler.unary_unary(request, context))
            except ServingError as error:
                message = error.message
                if len(message) > _MESSAGE_LENGTH:
                    message = message[:_MESSAGE_LENGTH] + "...TRUNCATED"
                return await context.abort(error.code, message)

        return answer
