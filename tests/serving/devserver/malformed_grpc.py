"""gRPC requests that are wrong in some place: protos with wrong contents, bytes that are none."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import Message
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from tests.serving.conftest import ITEMS
from tests.serving.devserver.malformed_rest import MODEL
from tests.serving.stand_in import HISTORY_LENGTH

PREDICTION = "/tensorflow.serving.PredictionService/"
MODELS = "/tensorflow.serving.ModelService/"


class GrpcRequest(NamedTuple):
    """A call, and its message as bytes."""

    method: str
    message: bytes


_SMALL = st.integers(-(2**31), 2**31 - 1)
_DIMENSIONS = st.lists(
    st.sampled_from([0, 1, 2, 3, HISTORY_LENGTH, -1, -(2**63), 2**31, 2**40, 2**62, 2**63 - 1]),
    max_size=4,
) | st.integers(5, 300).map(lambda rank: [1] * rank)


@st.composite
def _tensors(draw: st.DrawFn) -> tensor_pb2.TensorProto:
    """Any proto: its type, its shape and its values need not fit together."""
    tensor = tensor_pb2.TensorProto(
        dtype=draw(st.sampled_from(types_pb2.DataType.values()) | _SMALL),
        version_number=draw(_SMALL),
        tensor_content=draw(st.binary(max_size=32) | st.just(b"\0" * 16)),
        float_val=draw(st.lists(st.floats(width=32), max_size=2)),
        int_val=draw(st.lists(_SMALL, max_size=2)),
        half_val=draw(st.lists(_SMALL, max_size=1)),
        string_val=draw(st.lists(st.binary(max_size=8), max_size=3)),
        bool_val=draw(st.lists(st.booleans(), max_size=2)),
        int64_val=draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=2)),
    )
    for size in draw(_DIMENSIONS):
        tensor.tensor_shape.dim.add(size=size, name=draw(st.sampled_from(["", "batch"])))
    tensor.tensor_shape.unknown_rank = draw(st.booleans())
    return tensor


def _history(rows: int, width: int = HISTORY_LENGTH) -> tensor_pb2.TensorProto:
    return tf.make_tensor_proto(np.full([rows, width], ITEMS[0], dtype=object))


_GOOD_INPUTS = {
    "history": _history(2),
    "exclude": _history(2, 1),
    "k": tf.make_tensor_proto(np.array([3, 4], np.int32)),
    "keep_seen": tf.make_tensor_proto(np.array([True, False])),
    "examples": tf.make_tensor_proto(np.array([b""], dtype=object)),
}
_GOOD_LOOKING = st.sampled_from(
    [
        *_GOOD_INPUTS.values(),
        *(_history(rows, width) for rows, width in ((0, HISTORY_LENGTH), (1, 1), (3, 51))),
        tf.make_tensor_proto(np.array([-1, 2**31 - 1], np.int32)),
        tf.make_tensor_proto(np.array([b"\xff", b"\x0a\x01"], dtype=object)),
    ]
)


@st.composite
def _specs(draw: st.DrawFn) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(
        name=draw(st.sampled_from([MODEL, MODEL, MODEL, "", "none", "../x"])),
        signature_name=draw(
            st.sampled_from(["", "recommend", "user_vector", "rank_examples", "none"])
            | st.text(st.characters(blacklist_categories=["Cs"]), max_size=5)
        ),
    )
    choice = draw(st.sampled_from(["none", "none", "version", "label"]))
    if choice == "version":
        spec.version.value = draw(st.integers(-(2**63), 2**63 - 1) | st.just(1))
    elif choice == "label":
        spec.version_label = draw(st.sampled_from(["stable", "", "\0", "x" * 1000]))
    return spec


@st.composite
def _predictions(draw: st.DrawFn) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest(
        output_filter=draw(
            st.lists(st.sampled_from(["item_ids", "scores", "vector", "", "none"]), max_size=3)
        )
        if draw(st.booleans())
        else []
    )
    if draw(st.integers(0, 9)):
        request.model_spec.CopyFrom(draw(_specs()))
    names = draw(st.sets(st.sampled_from([*_GOOD_INPUTS, ""]), max_size=5))
    if draw(st.booleans()):  # all inputs of a signature, of which one or none is wrong
        request.model_spec.name = MODEL
        request.model_spec.ClearField("version_choice")
        request.model_spec.signature_name, names = draw(
            st.sampled_from(
                [
                    ("serving_default", {"history"}),
                    ("recommend", set(_GOOD_INPUTS) - {"examples"}),
                    ("rank_examples", {"examples"}),
                ]
            )
        )
    wrong = draw(st.sampled_from(sorted(names) or [""]))
    for name in sorted(names):
        tensor = draw(_tensors() | _GOOD_LOOKING) if name == wrong else _GOOD_INPUTS.get(name)
        request.inputs[name].CopyFrom(tensor or draw(_tensors()))
    return request


def _with_examples(request: Message, number: int, context: bytes) -> Message:
    group = request.input.example_list_with_context if context else request.input.example_list
    for _ in range(number):
        group.examples.add().features.feature["history"].bytes_list.value.append(context)
    return request


def _about_examples(kind: type[Message]) -> st.SearchStrategy[Message]:
    return st.builds(
        _with_examples,
        st.builds(kind, model_spec=_specs()) | st.builds(kind),
        st.integers(0, 3),
        st.binary(max_size=3),
    )


_TASKS = st.builds(
    inference_pb2.InferenceTask,
    model_spec=_specs(),
    method_name=st.sampled_from(
        [f"tensorflow/serving/{verb}" for verb in ("classify", "regress", "predict")] + [""]
    ),
)
_INFERENCES = st.builds(
    _with_examples,
    st.builds(inference_pb2.MultiInferenceRequest, tasks=st.lists(_TASKS, max_size=3)),
    st.integers(0, 3),
    st.binary(max_size=3),
)
_METADATA = st.builds(
    get_model_metadata_pb2.GetModelMetadataRequest,
    model_spec=_specs(),
    metadata_field=st.lists(st.sampled_from(["signature_def", "none", ""]), max_size=3),
)
_STATUS = st.builds(get_model_status_pb2.GetModelStatusRequest, model_spec=_specs())
# None of these is right: one that were would unload the model of the tests.
_RELOADS = st.sampled_from(
    [
        model_management_pb2.ReloadConfigRequest(),
        model_management_pb2.ReloadConfigRequest(config={"custom_model_config": {}}),
        *(
            model_management_pb2.ReloadConfigRequest(
                config={"model_config_list": {"config": models}}
            )
            for models in (
                [{"name": MODEL, "base_path": "relative", "model_platform": "tensorflow"}],
                [{"name": MODEL, "base_path": "", "model_platform": "tensorflow"}],
                [{"name": MODEL, "base_path": "/x", "model_platform": "caffe"}],
                [{"name": MODEL, "base_path": "/x", "model_platform": "tensorflow"}] * 2,
            )
        ),
    ]
)
_MESSAGES = st.one_of(
    *(
        st.tuples(st.just(service + method), requests)
        for service, method, requests in (
            (PREDICTION, "Predict", _predictions()),
            (PREDICTION, "Predict", _predictions()),
            (PREDICTION, "Predict", _predictions()),
            (PREDICTION, "Classify", _about_examples(classification_pb2.ClassificationRequest)),
            (PREDICTION, "Regress", _about_examples(regression_pb2.RegressionRequest)),
            (PREDICTION, "MultiInference", _INFERENCES),
            (PREDICTION, "GetModelMetadata", _METADATA),
            (PREDICTION, "None", _STATUS),
            (MODELS, "GetModelStatus", _STATUS),
            (MODELS, "HandleReloadConfigRequest", _RELOADS),
        )
    )
)


@st.composite
def _damaged(draw: st.DrawFn) -> GrpcRequest:
    method, request = draw(_MESSAGES.filter(lambda pair: "Reload" not in pair[0]))
    message = request.SerializeToString(deterministic=True)
    start = draw(st.integers(0, len(message)))
    end = draw(st.sampled_from([start, start + 1, start + 4, len(message)]))
    return GrpcRequest(method, message[:start] + draw(st.binary(max_size=8)) + message[end:])


GRPC_REQUESTS = st.one_of(
    _MESSAGES.map(lambda pair: GrpcRequest(pair[0], pair[1].SerializeToString())),
    _damaged(),
    st.builds(GrpcRequest, st.just(PREDICTION + "Predict"), st.binary()),
)
"""Most are wrong; a few turn out right, and then have to be answered."""
