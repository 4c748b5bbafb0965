"""The gRPC services of TF Serving: PredictionService and ModelService."""

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.errors import ServingError, invalid_argument
from serving.inference import classify, multi_inference, regress
from serving.metadata import SIGNATURE_DEF, signature_metadata
from serving.predict import predict_request
from serving.repository import ModelRepository

_MESSAGE_LENGTH = 1024  # an error travels in a header, and headers have a limit

_log = logging.getLogger(__name__)


def add_services(server: grpc.aio.Server, repository: ModelRepository) -> None:
    """Lets a gRPC server answer for the models of a repository."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(repository), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(repository), server)


def _aborts_on_error(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Turns an error into the status of the call; never shows the caller a stack trace."""

    @functools.wraps(method)
    async def answer(self: Any, request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            return await method(self, request)
        except ServingError as error:
            code, message = error.code, error.message
        except Exception:
            _log.exception("%s failed", method.__name__)
            code, message = grpc.StatusCode.INTERNAL, "Internal error"
        if len(message) > _MESSAGE_LENGTH:
            message = message[:_MESSAGE_LENGTH] + "...TRUNCATED"
        return await context.abort(code, message)

    return answer


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Questions to models.

    Args:
        repository: The models.
    """

    def __init__(self, repository: ModelRepository):
        self._repository = repository

    @_aborts_on_error
    async def Predict(  # noqa: N802
        self, request: predict_pb2.PredictRequest
    ) -> predict_pb2.PredictResponse:
        return await self._repository.call(request.model_spec, predict_request, request)

    @_aborts_on_error
    async def Classify(  # noqa: N802
        self, request: classification_pb2.ClassificationRequest
    ) -> classification_pb2.ClassificationResponse:
        _require_model_spec(request)
        return await self._repository.call(request.model_spec, classify, request)

    @_aborts_on_error
    async def Regress(  # noqa: N802
        self, request: regression_pb2.RegressionRequest
    ) -> regression_pb2.RegressionResponse:
        _require_model_spec(request)
        return await self._repository.call(request.model_spec, regress, request)

    @_aborts_on_error
    async def MultiInference(  # noqa: N802
        self, request: inference_pb2.MultiInferenceRequest
    ) -> inference_pb2.MultiInferenceResponse:
        spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        return await self._repository.call(spec, multi_inference, request)

    @_aborts_on_error
    async def GetModelMetadata(  # noqa: N802
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        _require_model_spec(request)
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise invalid_argument(f"Metadata field {field} is not supported")
        return await self._repository.call(request.model_spec, signature_metadata)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Questions about models, and orders to load others.

    Args:
        repository: The models.
    """

    def __init__(self, repository: ModelRepository):
        self._repository = repository

    @_aborts_on_error
    async def GetModelStatus(  # noqa: N802
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        _require_model_spec(request)
        return get_model_status_pb2.GetModelStatusResponse(
            model_version_status=self._repository.statuses(request.model_spec)
        )

    @_aborts_on_error
    async def HandleReloadConfigRequest(  # noqa: N802
        self, request: model_management_pb2.ReloadConfigRequest
    ) -> model_management_pb2.ReloadConfigResponse:
        await self._repository.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response


def _require_model_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
