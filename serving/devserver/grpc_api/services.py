"""The gRPC services of TF Serving: PredictionService and ModelService."""

from typing import Any, NoReturn

import grpc
from grpc.aio import ServicerContext
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.devserver.models.repository import ModelRepository
from serving.devserver.servables.metadata import SIGNATURE_DEF, signature_metadata
from serving.devserver.servables.predict import CheckInputs, predict_request, refuse_examples
from serving.errors import ServingError, invalid_argument

SERVICES = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")
_METHODS_OF_EXAMPLES = ("tensorflow/serving/classify", "tensorflow/serving/regress")


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
        _PredictionService(repository, check_inputs), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(repository), server)


def asked_model(request: Any) -> model_pb2.ModelSpec:
    """The model that a question names, whatever its kind."""
    if isinstance(request, inference_pb2.MultiInferenceRequest):
        return request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
    return request.model_spec


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Questions to models. No export has a signature for Examples: such questions are refused."""

    def __init__(self, repository: ModelRepository, check_inputs: CheckInputs):
        self._repository = repository
        self._check_inputs = check_inputs

    async def Predict(
        self, request: predict_pb2.PredictRequest, context: ServicerContext
    ) -> predict_pb2.PredictResponse:
        return await self._repository.call(
            request.model_spec, predict_request, request, self._check_inputs
        )

    async def Classify(self, request: Any, context: ServicerContext) -> NoReturn:
        refuse_examples(self._repository.servable(asked_model(request)))

    Regress = Classify

    async def MultiInference(
        self, request: inference_pb2.MultiInferenceRequest, context: ServicerContext
    ) -> NoReturn:
        servable = self._repository.servable(asked_model(request))
        for task in request.tasks:
            if task.method_name not in _METHODS_OF_EXAMPLES:
                raise ServingError(
                    grpc.StatusCode.UNIMPLEMENTED,
                    f"Unsupported signature method_name: {task.method_name}",
                )
        refuse_examples(servable)

    async def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        if set(request.metadata_field) != {SIGNATURE_DEF}:
            raise invalid_argument(
                f"metadata_field has to be {SIGNATURE_DEF}; got {list(request.metadata_field)}"
            )
        return signature_metadata(self._repository.servable(request.model_spec))


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Questions about models, and orders to load others."""

    def __init__(self, repository: ModelRepository):
        self._repository = repository

    async def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        return get_model_status_pb2.GetModelStatusResponse(
            model_version_status=self._repository.statuses(request.model_spec)
        )

    async def HandleReloadConfigRequest(
        self, request: model_management_pb2.ReloadConfigRequest, context: ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        await self._repository.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response
