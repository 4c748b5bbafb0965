"""The gRPC services of TF Serving: PredictionService and ModelService."""

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

from serving.devserver.models.repository import ModelRepository
from serving.devserver.servables.inference import classify, multi_inference, regress
from serving.devserver.servables.metadata import SIGNATURE_DEF, signature_metadata
from serving.devserver.servables.predict import CheckInputs, predict_request
from serving.errors import invalid_argument

SERVICES = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")


def add_services(
    server: grpc.aio.Server, repository: ModelRepository, check_inputs: CheckInputs
) -> None:
    """Lets a gRPC server answer for the models of a repository.

    Args:
        server: Whose interceptor turns the errors that are raised here into statuses.
        repository: The models.
        check_inputs: Refuses what Predict must not ask.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(repository, check_inputs), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(repository), server)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Questions to models.

    Args:
        repository: The models.
        check_inputs: Refuses what Predict must not ask.
    """

    def __init__(self, repository: ModelRepository, check_inputs: CheckInputs):
        self._repository = repository
        self._check_inputs = check_inputs

    async def Predict(  # noqa: N802
        self, request: predict_pb2.PredictRequest, context: grpc.aio.ServicerContext
    ) -> predict_pb2.PredictResponse:
        _require_model_spec(request)
        return await self._repository.call(
            request.model_spec, predict_request, request, self._check_inputs
        )

    async def Classify(  # noqa: N802
        self, request: classification_pb2.ClassificationRequest, context: grpc.aio.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        _require_model_spec(request)
        return await self._repository.call(request.model_spec, classify, request)

    async def Regress(  # noqa: N802
        self, request: regression_pb2.RegressionRequest, context: grpc.aio.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        _require_model_spec(request)
        return await self._repository.call(request.model_spec, regress, request)

    async def MultiInference(  # noqa: N802
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.aio.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        return await self._repository.call(asked_model(request), multi_inference, request)

    async def GetModelMetadata(  # noqa: N802
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.aio.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        _require_model_spec(request)
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise invalid_argument(f"Metadata field {field} is not supported")
        return signature_metadata(self._repository.servable(request.model_spec))


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Questions about models, and orders to load others.

    Args:
        repository: The models.
    """

    def __init__(self, repository: ModelRepository):
        self._repository = repository

    async def GetModelStatus(  # noqa: N802
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.aio.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        _require_model_spec(request)
        return get_model_status_pb2.GetModelStatusResponse(
            model_version_status=self._repository.statuses(request.model_spec)
        )

    async def HandleReloadConfigRequest(  # noqa: N802
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.aio.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        await self._repository.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response


def asked_model(request: Any) -> model_pb2.ModelSpec:
    """The model that a question names, whatever its kind."""
    if isinstance(request, inference_pb2.MultiInferenceRequest):
        return request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
    return request.model_spec


def _require_model_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
