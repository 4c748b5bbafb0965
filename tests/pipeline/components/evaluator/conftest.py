"""What the tests of the evaluation share."""

import pytest
import tensorflow as tf
from tfx.types import artifact_utils
from tfx.types.experimental.simple_artifacts import File
from tfx.types.standard_artifacts import Examples

from pipeline.beam_args import complete_beam_args
from pipeline.components.evaluation_features.component import EvaluationFeatures
from pipeline.components.evaluator.list_features import LONGEST
from pipeline.components.item_transitions.table import write_transitions
from tests.pipeline.components.evaluator.known_models import (
    MODELS,
    REPEATERS,
    TARGETS,
    TRAINING,
    TRANSITIONS,
    VOCABULARY,
    example,
    ranks_of,
)
from tests.pipeline.components.item_transitions.executing import write_vocabulary


@pytest.fixture(scope="package")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """The test Examples as EvaluationFeatures writes them."""
    folder = tmp_path_factory.mktemp("examples")
    events = [item for item, count in TRAINING.items() for _ in range(count)]
    test = [
        example(
            [target, "x"] if user in REPEATERS else ["x"],
            target,
            **{f"{model}_rank": int(ranks_of(model)[user]) for model in MODELS},
        )
        for user, target in enumerate(TARGETS)
    ]
    train = [example(events[at : at + 4], events[at + 4]) for at in range(0, 30, 5)]
    raw, result = Examples(), Examples()
    raw.uri, result.uri = str(folder / "raw"), str(folder / "sliced")
    raw.split_names = artifact_utils.encode_split_names(["train", "test"])
    for split, records in (("train", train), ("test", test)):
        path = folder / "raw" / f"Split-{split}"
        path.mkdir(parents=True)
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(path / "part.gz"), options) as writer:
            for record in records:
                writer.write(record)
    transitions = File()
    transitions.uri = str(folder / "transitions")
    write_transitions(transitions.uri, TRANSITIONS)
    executor = EvaluationFeatures.EXECUTOR_SPEC.executor_class
    context = executor.Context(
        beam_pipeline_args=complete_beam_args(None), tmp_dir="", unique_id="1"
    )
    inputs = {
        "examples": [raw],
        "transform_graph": [write_vocabulary(folder / "graph", VOCABULARY)],
        "transitions": [transitions],
    }
    executor(context).Do(inputs, {"test_examples": [result]}, {"list_length": LONGEST})
    return result
