"""Requests with Examples are refused with a reason: no export has a signature for them."""

from pathlib import Path

import grpc
import httpx
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.devserver.servables.servable import Servable
from serving.devserver.servables.warmup import warm_up
from serving.errors import ServingError
from serving.export_contract import WARMUP_FILE
from tests.serving.conftest import ITEMS
from tests.serving.stand_in import write_export

_SPEC = {"name": "mclrec"}
_TASK = {"model_spec": _SPEC, "method_name": "tensorflow/serving/classify"}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Classify", classification_pb2.ClassificationRequest(model_spec=_SPEC)),
        ("Regress", regression_pb2.RegressionRequest(model_spec=_SPEC)),
        ("MultiInference", inference_pb2.MultiInferenceRequest(tasks=[_TASK])),
    ],
)
def test_over_grpc(
    stub: prediction_service_pb2_grpc.PredictionServiceStub, method: str, request_: object
) -> None:
    with pytest.raises(grpc.RpcError, match="use Predict") as refused:
        getattr(stub, method)(request_, timeout=60)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.integration
@pytest.mark.parametrize("verb", ["classify", "regress"])
def test_over_rest(rest: httpx.Client, verb: str) -> None:
    answer = rest.post(f"/v1/models/mclrec:{verb}", json={"examples": [{"history": ["a"]}]})
    assert answer.status_code == 400 and "use Predict" in answer.json()["error"]


def test_a_warm_up_with_such_a_request_keeps_the_version_out(tmp_path: Path) -> None:
    path = write_export(tmp_path / "1", ITEMS[:5])
    log = prediction_log_pb2.PredictionLog(classify_log={"request": {"model_spec": _SPEC}})
    with tf.io.TFRecordWriter(str(path / WARMUP_FILE)) as writer:
        writer.write(log.SerializeToString())
    servable = Servable("mclrec", 1, path)
    with pytest.raises(ServingError, match="record 1: it is a classify_log") as refused:
        warm_up(servable)
    assert refused.value.code == grpc.StatusCode.UNIMPLEMENTED
    servable.close()
