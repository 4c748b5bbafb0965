"""The client's own messages are those of TF Serving, and answers that make no sense are refused."""

import contextlib
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from serving.client import RecommendationClient
from serving.client import tf_serving_pb2 as protos
from serving.errors import ServingError
from tests.serving.client.kinds import open_client
from tests.serving.running_server import grpc_server

_ORIGINALS = {
    protos.ModelSpec: model_pb2.ModelSpec,
    protos.TensorProto: tensor_pb2.TensorProto,
    protos.PredictRequest: predict_pb2.PredictRequest,
    protos.PredictResponse: predict_pb2.PredictResponse,
    protos.GetModelStatusRequest: get_model_status_pb2.GetModelStatusRequest,
    protos.GetModelStatusResponse: get_model_status_pb2.GetModelStatusResponse,
    protos.GetModelMetadataRequest: get_model_metadata_pb2.GetModelMetadataRequest,
    protos.GetModelMetadataResponse: get_model_metadata_pb2.GetModelMetadataResponse,
    protos.SignatureDefMap: get_model_metadata_pb2.SignatureDefMap,
}


def _labels(message: Descriptor) -> dict[str, int]:
    """Whether a field is repeated; protobuf 7 tells it no more by `FieldDescriptor.label`."""
    copy = DescriptorProto()
    message.CopyToProto(copy)
    return {field.name: field.label for field in copy.field}


def _differences(ours: Descriptor, original: Descriptor) -> list[str]:
    differences = []
    labels, others = _labels(ours), _labels(original)
    for field in ours.fields:
        name = f"{original.full_name}.{field.name}"
        other = original.fields_by_name.get(field.name)
        if other is None:
            differences.append(f"{name} does not exist")
            continue
        if (field.number, labels[field.name], field.type) != (
            other.number,
            others[field.name],
            other.type,
        ):
            differences.append(f"{name} has another number, label or type")
        if field.message_type and field.message_type is not other.message_type:
            differences += _differences(field.message_type, other.message_type)
    return differences


@pytest.mark.parametrize("ours", _ORIGINALS, ids=lambda ours: ours.__name__)
def test_fields_are_those_of_the_original(ours) -> None:
    assert ours.DESCRIPTOR.fields
    assert _differences(ours.DESCRIPTOR, _ORIGINALS[ours].DESCRIPTOR) == []


def test_numbers_of_enumerations_are_those_of_the_original() -> None:
    data_types = protos.DataType.items()
    assert set(data_types) <= set(types_pb2.DataType.items())
    states = protos.ModelVersionStatus.State.items()
    assert set(states) == set(get_model_status_pb2.ModelVersionStatus.State.items())


@contextlib.contextmanager
def _server_that_answers(**outputs: tensor_pb2.TensorProto) -> Iterator[str]:
    """Answers every request to predict with these outputs."""
    answer = predict_pb2.PredictResponse()
    for name, tensor in outputs.items():
        answer.outputs[name].CopyFrom(tensor)
    with _server_that_sends(answer.SerializeToString()) as address:
        yield address


@contextlib.contextmanager
def _server_that_sends(answer: bytes) -> Iterator[str]:
    """Answers every request with these bytes."""

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(lambda *_: answer)

    with grpc_server(Handler()) as address:
        yield address


def test_numbers_may_come_as_bytes() -> None:
    """As tensorflow_model_server sends them with --enable_serialization_as_tensor_content."""
    scores = tf.make_tensor_proto(np.array([[3.25, 0.1]], np.float32))
    assert scores.tensor_content
    ids = tf.make_tensor_proto([[b"a", b"b"]])
    with (
        _server_that_answers(item_ids=ids, scores=scores, more=ids) as address,
        RecommendationClient(address) as client,
    ):
        answer = client.recommend([], k=2)
    assert answer == [("a", 3.25), ("b", float(np.float32(0.1)))]


_IDS = tf.make_tensor_proto([[b"a", b"b"]])
_SCORES = tf.make_tensor_proto([[2.0, 1.0]])


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"item_ids": _IDS}, "answers without 1 rows of scores"),
        ({"item_ids": _IDS, "scores": tf.make_tensor_proto([2.0, 1.0])}, "of shape \\[2\\]"),
        ({"item_ids": _IDS, "scores": _IDS}, "0 values of DT_FLOAT in scores of shape \\[1, 2\\]"),
        (
            {name: tf.make_tensor_proto([[b"a"], [b"b"]]) for name in ("item_ids", "scores")},
            "0 values of DT_FLOAT|answers without 1 rows",
        ),
    ],
)
def test_an_answer_that_makes_no_sense(
    outputs: dict[str, tensor_pb2.TensorProto], message: str
) -> None:
    with (
        _server_that_answers(**outputs) as address,
        RecommendationClient(address) as client,
        pytest.raises(ServingError, match=message) as failed,
    ):
        client.recommend([], k=2)
    assert failed.value.code == grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("kind", ["blocking-grpc", "asyncio-grpc"])
def test_an_answer_that_is_no_message(kind: str) -> None:
    with _server_that_sends(b"\xff") as address, open_client(kind, address) as client:
        for ask, name in (
            (lambda: client.recommend([]), "GetModelMetadataResponse"),  # asked for the width
            (client.model_status, "GetModelStatusResponse"),
            (client.model_metadata, "GetModelMetadataResponse"),
        ):
            with pytest.raises(ServingError, match=f"the answer is no {name}.*mclrec") as failed:
                ask()
            assert failed.value.code == grpc.StatusCode.INTERNAL
