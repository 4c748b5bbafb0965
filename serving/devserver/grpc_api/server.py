"""The server of the gRPC port."""

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.devserver.grpc_api.interceptor import RequestInterceptor
from serving.devserver.grpc_api.services import ModelService, PredictionService
from serving.devserver.limits import Limits
from serving.devserver.models.repository import ModelRepository


class GrpcServer:
    """TF Serving's services, and the standard one that tells whether a server answers.

    Args:
        address: The host and port to listen on.
        repository: The models.
        limits: The limits of a request.

    Raises:
        OSError: The port cannot be bound.
    """

    def __init__(self, address: str, repository: ModelRepository, limits: Limits):
        self._server = grpc.aio.server(
            interceptors=[RequestInterceptor(repository)],
            options=[
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", limits.max_request_bytes),
                ("grpc.so_reuseport", 0),  # a port in use is an error, not a port shared
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(repository, limits.check_inputs), self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(repository), self._server
        )
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        try:
            self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from error

    async def start(self) -> None:
        """Answers requests from now on."""
        await self._server.start()

    async def stop(self, grace_seconds: float) -> None:
        """Takes no more requests and answers those in flight.

        Args:
            grace_seconds: The time that requests in flight may take.
        """
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)
