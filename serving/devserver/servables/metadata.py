"""What a model says of itself: its signatures."""

from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2

from serving.devserver.servables.servable import Servable

SIGNATURE_DEF = "signature_def"


def signature_metadata(servable: Servable) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The answer to GetModelMetadata's one field."""
    response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=model_spec(servable))
    response.metadata[SIGNATURE_DEF].Pack(signature_map(servable))
    return response


def signature_map(servable: Servable) -> get_model_metadata_pb2.SignatureDefMap:
    """The signatures of a model by name."""
    return get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)


def model_spec(servable: Servable, signature_name: str = "") -> model_pb2.ModelSpec:
    """Who answered, as every response says it."""
    spec = model_pb2.ModelSpec(name=servable.name, signature_name=signature_name)
    spec.version.value = servable.version
    return spec
