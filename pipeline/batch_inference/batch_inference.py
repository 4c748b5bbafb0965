"""The k best items of every user, written to Parquet by Beam."""

import os
from collections.abc import Sequence

import apache_beam as beam
import pyarrow as pa
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from tfx.dsl.io import fileio

from pipeline.batch_inference.model_version import ModelVersion
from pipeline.batch_inference.output_folder import whole_folder
from pipeline.recommender import Recommender
from pipeline.user_histories import EventLogHistories, ExampleHistories
from serving.client.answers import Recommendation

SCHEMA = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_ids", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        ("model_version", pa.string()),
    ]
)


def recommend_to_parquet(
    *,
    model: ModelVersion,
    users: EventLogHistories | ExampleHistories,
    output: str | os.PathLike[str],
    k: int,
    beam_args: Sequence[str],
) -> None:
    """Writes a row a user: user_id, item_ids and scores, best first, and model_version.

    Every row is what a server of the model answers to the user's history: items that are in the
    history are left out, and there are fewer than k where the catalogue has no more.

    Args:
        model: what answers.
        users: whom to answer for.
        output: a new folder. It appears when all its files are written.
        k: items for each user, at least 1.
        beam_args: Beam's options.

    Raises:
        BatchInferenceError, EventLogError, HistoriesError: the input or the output cannot be used.
    """
    options = beam.pipeline.PipelineOptions(list(beam_args))
    with whole_folder(output) as folder:
        notes = os.path.join(folder, "notes")
        fileio.makedirs(notes)
        with beam.Pipeline(options=options) as pipeline:
            _ = (
                users.read(pipeline, notes)
                | "KeyByUser" >> beam.Map(lambda history: (history.user_id, history))
                | RunInference(KeyedModelHandler(Recommender(model.path, k)))
                | "ToRow" >> beam.Map(_row, model.version)
                | beam.io.WriteToParquet(
                    os.path.join(folder, "recommendations"), SCHEMA, file_name_suffix=".parquet"
                )
            )
        users.check(notes)
        fileio.rmtree(notes)


def _row(
    user_and_best: tuple[bytes, list[Recommendation]], model_version: str
) -> dict[str, object]:
    user_id, best = user_and_best
    return {
        "user_id": user_id.decode(),
        "item_ids": [item.item_id for item in best],
        "scores": [item.score for item in best],
        "model_version": model_version,
    }
