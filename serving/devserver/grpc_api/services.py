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
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from serving.devserver.models.repository import ModelRepository
from serving.devserver.servables.predict import CheckInputs, predict_request, refuse_examples
from serving.errors import ServingError, invalid_argument

_SIGNATURE_DEF = "signature_def"
_METHODS_OF_EXAMPLES = ("tensorflow/serving/classify", "tensorflow/serving/regress")


def model_spec_of(request: Any) -> model_pb2.ModelSpec:
    """The model that a request to PredictionService names, whatever its method."""
    if isinstance(request, inference_pb2.MultiInferenceRequest):
        return request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
    return request.model_spec


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Inference requests. Those with Examples are refused: no export has a signature for them.

    The errors that are raised here become statuses in `RequestInterceptor`.

    Args:
        repository: The models.
        check_inputs: Refuses inputs of Predict that would cost too much.
    """

    def __init__(self, repository: ModelRepository, check_inputs: CheckInputs):
        self._repository = repository
        self._check_inputs = check_inputs

    async def Predict(
        self, request: predict_pb2.PredictRequest, context: ServicerContext
    ) -> predict_pb2.PredictResponse:
        response = await self._repository.call(
            request.model_spec, predict_request, request, self._check_inputs
        )
        self._repository.request_log.offer(
            response.model_spec,
            lambda: prediction_log_pb2.PredictLog(request=request, response=response),
        )
        return response

    async def Classify(self, request: Any, context: ServicerContext) -> NoReturn:
        refuse_examples(self._repository.servable(model_spec_of(request)))

    Regress = Classify

    async def MultiInference(
        self, request: inference_pb2.MultiInferenceRequest, context: ServicerContext
    ) -> NoReturn:
        servable = self._repository.servable(model_spec_of(request))
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
        if set(request.metadata_field) != {_SIGNATURE_DEF}:
            raise invalid_argument(
                f"metadata_field has to be {_SIGNATURE_DEF}; got {list(request.metadata_field)}"
            )
        servable = self._repository.servable(request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=servable.model_spec())
        response.metadata[_SIGNATURE_DEF].Pack(
            get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)
        )
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Requests for the status of models, and for another configuration of them.

    Args:
        repository: The models.
    """

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
