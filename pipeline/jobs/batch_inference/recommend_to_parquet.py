"""Recommends k items to every user with Beam, and writes them to Parquet."""

import os
import re
import shlex
import sys
from collections.abc import Sequence

import apache_beam as beam
import pyarrow as pa
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from tfx.dsl.io import fileio

from pipeline.jobs.batch_inference.allowed_items import EVERY_ITEM, AllowedItems
from pipeline.jobs.batch_inference.coverage import Coverage, read_coverage, write_coverage
from pipeline.jobs.batch_inference.error import BatchInferenceError
from pipeline.jobs.batch_inference.output_folder import output_folder
from pipeline.jobs.batch_inference.user_histories import (
    EventLogHistories,
    ExampleHistories,
    HistoriesError,
)
from pipeline.jobs.pushed_version import ModelVersion
from pipeline.model_handler import Recommender
from serving.client.answers import Recommendations

SCHEMA = pa.schema(
    [
        ("user_id", pa.string()),
        ("item_ids", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        ("model_version", pa.string()),
        ("known_items", pa.int32()),
        ("history_items", pa.int32()),
    ]
)
# Beam appends this to the message of an error. The name of the step begins with our label.
_STEP = re.compile(r" \[while running '([^/']*)[^']*'\]")


def recommend_to_parquet(
    *,
    model: ModelVersion,
    users: EventLogHistories | ExampleHistories,
    output: str | os.PathLike[str],
    k: int,
    beam_args: Sequence[str],
    allowed: AllowedItems = EVERY_ITEM,
) -> Coverage:
    """Writes one row per user: user_id, item_ids and scores (best first), and model_version.

    A row equals the answer of a server of the model for the user's history: items in the history
    are left out, and there are fewer than k items if the catalogue has no more. The columns
    known_items and history_items are the number of items of the history that the model knows, and
    the number of all its items, at most as many as the model reads. known_items is null if
    the model's export is of an earlier version, which does not count them.

    Args:
        model: The model.
        users: The histories of the users.
        output: A new folder. It appears when all its files are written.
        k: The number of items for each user, at least 1.
        beam_args: Beam's options.
        allowed: Which items may be recommended. By default all.

    Returns:
        How many items of the histories the model knows.

    Raises:
        BatchInferenceError: The output cannot be written, the model does not answer, there is no
            user, or the model knows no item of any history. In the last case the data belong to
            another catalogue, and all users would get the same items.
        EventLogError: The event log cannot be used.
        HistoriesError: The Examples cannot be used.
    """
    with output_folder(output) as folder:
        notes = os.path.join(folder, "notes")
        fileio.makedirs(notes)
        asked = allowed.prepare(model, notes)
        try:
            _run(
                Recommender(asked.saved_model, k, candidate_set=asked.candidate_set),
                model.version,
                users,
                folder,
                notes,
                beam_args,
            )
        except Exception as error:  # Any library may raise it, on any worker.
            raise BatchInferenceError(_message(error, model, output)) from error
        users.check(notes)
        coverage = read_coverage(notes)
        _check(coverage, model)
        fileio.rmtree(notes)
    return coverage


def _run(
    recommender: Recommender,
    version: str,
    users: EventLogHistories | ExampleHistories,
    folder: str,
    notes: str,
    beam_args: Sequence[str],
) -> None:
    options = beam.pipeline.PipelineOptions(list(beam_args))
    with beam.Pipeline(options=options) as pipeline:
        answers = (
            users.read(pipeline, notes)
            | "KeyByUser" >> beam.Map(lambda history: (history.user_id, history))
            | RunInference(KeyedModelHandler(recommender))
        )
        _ = (
            answers
            | "ToRow" >> beam.Map(_row, version)
            | beam.io.WriteToParquet(
                os.path.join(folder, "recommendations"), SCHEMA, file_name_suffix=".parquet"
            )
        )
        _ = (
            answers
            | "Cover" >> beam.MapTuple(lambda _, answer: Coverage.of(answer))
            | "AddUp" >> beam.CombineGlobally(Coverage.total)
            | "WriteCoverage" >> beam.Map(write_coverage, notes)
        )


def _check(coverage: Coverage, model: ModelVersion) -> None:
    if not coverage.users:
        raise BatchInferenceError("--data: contains no user. Give the histories of some.")
    if coverage.items and not coverage.known_items and not coverage.uncounted_users:
        raise BatchInferenceError(
            f"--model {model.path}: knows none of the {coverage.items:,} items that "
            f"{coverage.users:,} users have in --data. Nothing is written, because all of them "
            "would get the popularity ranking. Write the ids in --data like those in the data that "
            "the model was trained on."
        )


def _message(error: Exception, model: ModelVersion, output: str | os.PathLike[str]) -> str:
    """What failed and why, with the option that is to blame if the failed step tells it."""
    message = str(error).strip().splitlines()[-1] if str(error).strip() else ""
    step = found[1] if (found := _STEP.search(message)) else ""
    reason = _STEP.sub("", message).rstrip(".")
    # The messages of these errors are complete sentences. Others need the name of the class.
    if not isinstance(error, RuntimeError | OSError | HistoriesError):
        reason = f"{type(error).__name__}: {reason}"
    if step == "RunInference":
        return (
            f"--model {model.path}: does not answer: {reason}. This command tells what is wrong "
            f"with it: {shlex.join([sys.executable, '-m', 'serving.export_check', model.path])}"
        )
    if step == "WriteToParquet":
        path = os.fspath(output)
        return f"--output {path}: cannot be written: {reason}. Make room, or give another folder."
    return f"The recommendations could not be made: {reason}."


def _row(user_and_best: tuple[bytes, Recommendations], model_version: str) -> dict[str, object]:
    user_id, best = user_and_best
    return {
        "user_id": user_id.decode(),
        "item_ids": [item.item_id for item in best],
        "scores": [item.score for item in best],
        "model_version": model_version,
        "known_items": best.known_items,
        "history_items": best.history_items,
    }
