"""Asks a SavedModel as the client asks a server, but without one."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler

from pipeline.components.example_gen.histories.user_history import UserHistory
from serving.client.answers import Recommendations
from serving.client.predict_requests import RecommendRequest
from serving.export_contract import SIGNATURES

SIGNATURE = "recommend"
# Every history of a batch is scored against the whole catalogue: 0.25 GB for a million items.
_MAX_BATCH_SIZE = 64


class Recommender(ModelHandler[UserHistory, Recommendations, Any]):
    """RunInference's handler: histories in, the k best unseen items of each out.

    Beam's own handler for TensorFlow loads through Keras: Keras 3 refuses every SavedModel, and
    tf-keras makes of it an object that cannot be called. TFX's RunInference asks signatures of
    serialised Examples only, and the export's ranks the baselines as well and has a fixed k.

    Args:
        saved_model: Folder of the model.
        k: Items to recommend.
    """

    def __init__(self, saved_model: str | os.PathLike[str], k: int) -> None:
        super().__init__(max_batch_size=_MAX_BATCH_SIZE)
        self._saved_model = os.fspath(saved_model)
        self._k = k

    def load_model(self) -> Any:
        """Loads the model, once a process."""
        return tf.saved_model.load(self._saved_model)

    def run_inference(
        self,
        batch: Sequence[UserHistory],
        model: Any,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[Recommendations]:
        """The answers for a batch, in its order."""
        del inference_args
        histories = [[item.decode() for item in history.items] for history in batch]
        request = RecommendRequest(histories, [()] * len(batch), self._k, keep_seen=False)
        dtypes = SIGNATURES[SIGNATURE].inputs
        inputs = {
            name: tf.constant(values, tf.dtypes.as_dtype(dtypes[name].removeprefix("DT_").lower()))
            for name, values in request.with_options().inputs.items()
        }
        outputs = model.signatures[SIGNATURE](**inputs)
        rows = {name: tensor.numpy().tolist() for name, tensor in outputs.items()}
        return request.answers(rows)
