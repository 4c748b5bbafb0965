"""Queries a SavedModel in Beam with the requests that the client sends to a server."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler

from pipeline.components.example_gen.histories.user_history import UserHistory
from serving.client.answers import Recommendations
from serving.client.recommend_request import RecommendRequest
from serving.export_contract import SIGNATURES, history_width

SIGNATURE, SIGNATURE_AMONG = "recommend", "recommend_among"
# Every history of a batch is scored against the whole catalogue, which for a million items takes
# 0.25 GB.
_MAX_BATCH_SIZE = 64


class Recommender(ModelHandler[UserHistory, Recommendations, Any]):
    """The handler for Beam's RunInference: from histories to the k best items of each.

    Beam's own handler for TensorFlow loads models with Keras. Keras 3 refuses SavedModels, and
    tf-keras makes objects of them that cannot be called. TFX's RunInference supports only
    signatures that take serialized Examples, and that of the export has a fixed k and also ranks
    the baselines.

    Args:
        saved_model: The folder of the SavedModel.
        k: The number of items to recommend.
        keep_seen: Whether items of the history may be recommended. False by default.
        candidate_set: The item set of the export to choose from. "", the default, for all items.
    """

    def __init__(
        self,
        saved_model: str | os.PathLike[str],
        k: int,
        keep_seen: bool = False,
        candidate_set: str = "",
    ) -> None:
        super().__init__(max_batch_size=_MAX_BATCH_SIZE)
        self._saved_model = os.fspath(saved_model)
        self._k = k
        self._keep_seen = keep_seen
        self._candidate_set = candidate_set

    def load_model(self) -> Any:
        """Loads the model. Beam calls this once per process."""
        return tf.saved_model.load(self._saved_model)

    def run_inference(
        self,
        batch: Sequence[UserHistory],
        model: Any,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[Recommendations]:
        """The recommendations for a batch of histories, in its order."""
        del inference_args
        histories = [[item.decode() for item in history.items] for history in batch]
        name = SIGNATURE_AMONG if self._candidate_set else SIGNATURE
        signature = model.signatures[name]
        shape = signature.structured_input_signature[1]["history"].shape
        request = RecommendRequest(
            histories,
            [()] * len(batch),
            self._k,
            keep_seen=self._keep_seen,
            candidate_set=self._candidate_set,
            width=history_width(None if shape.rank is None else shape.as_list()),
        )
        dtypes = SIGNATURES[name].inputs
        inputs = {
            alias: tf.constant(rows, tf.dtypes.as_dtype(dtypes[alias].removeprefix("DT_").lower()))
            for alias, rows in request.with_options().inputs.items()
        }
        outputs = signature(**inputs)
        rows = {name: tensor.numpy().tolist() for name, tensor in outputs.items()}
        return request.answers(rows)
