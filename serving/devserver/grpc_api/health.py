"""The standard gRPC service that tells whether a server can answer: grpc.health.v1.Health."""

import asyncio
from collections.abc import Collection

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.devserver.models.repository import ModelRepository
from serving.errors import not_found

_Status = health_pb2.HealthCheckResponse.ServingStatus


class HealthService(health_pb2_grpc.HealthServicer):
    """Tells the health of a server, of its services and of each model by name.

    The server and its services are SERVING from when the first models have been loaded until it
    stops, a model while a version of it answers.

    The package's own servicer for asyncio is not used: when one of several watchers goes away the
    others are told nothing any more, and one that does not read holds up every change.

    Args:
        repository: The models.
        services: Full names of the server's services.
        models: Names of the models that the server starts with.
    """

    def __init__(
        self, repository: ModelRepository, services: Collection[str], models: Collection[str]
    ):
        self._repository = repository
        self._services = {"", *services}
        self._expected_models = set(models)
        self._changed = asyncio.Event()
        self._is_ready = self._is_stopping = False

    def start(self) -> None:
        """From now on everything is SERVING that can."""
        self._expected_models.clear()
        self._is_ready = True
        self.notify()

    def stop(self) -> None:
        """From now on nothing is SERVING; watchers are told, and their calls end."""
        self._is_ready, self._is_stopping = False, True
        self.notify()

    def notify(self) -> None:
        """Has the watchers look again, because models have changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        status = self._status(request.service)
        if status == _Status.SERVICE_UNKNOWN:
            raise not_found(f"{request.service!r} is neither a service nor a model of this server")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> None:
        told = None
        while True:
            changed, status = self._changed, self._status(request.service)
            if status != told:
                await context.write(health_pb2.HealthCheckResponse(status=status))
                told = status
            if self._is_stopping:
                return
            await changed.wait()

    def _status(self, service: str) -> int:
        models = self._repository.models
        if service not in self._services and service not in {*models, *self._expected_models}:
            return _Status.SERVICE_UNKNOWN
        is_serving = self._is_ready and (service in self._services or models[service].available)
        return _Status.SERVING if is_serving else _Status.NOT_SERVING
