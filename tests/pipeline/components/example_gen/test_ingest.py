"""The first half of the pipeline under TFX: from an event log to ids."""

import random
from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tensorflow_transform import TFTransformOutput
from tfx import v1 as tfx

from pipeline import stages
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS
from pipeline.components.transform.preprocessing import VOCABULARY
from pipeline.settings import DataSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def log() -> dict[str, list[str]]:
    """Items of each user, oldest first. Every user has item 0, and user 0 three events only."""
    rng = random.Random(5)
    lengths = [2, *(rng.randrange(3, 12) for _ in range(40))]
    return {
        f"user {user}": ["item 0", *(f"item {rng.randrange(1, 9)}" for _ in range(length))]
        for user, length in enumerate(lengths)
    }


@pytest.fixture(scope="module")
def artifacts(log: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs the components; the folder of their outputs."""
    folder = tmp_path_factory.mktemp("ingest")
    rows = [f"{user},{item},{n}\n" for user in log for n, item in enumerate(log[user])]
    random.Random(6).shuffle(rows)
    (folder / "log.csv").write_text("".join(["user_id,item_id,timestamp\n", *rows]))
    data = stages.read(str(folder / "log.csv"), DataSettings(k_core=3))
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder / "mlmd.db"))
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="ingest",
            pipeline_root=str(folder / "artifacts"),
            components=[*data, stages.transform(data)],
            metadata_connection_config=metadata,
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=none"],
        )
    )
    return folder / "artifacts"


def test_no_anomaly_in_any_split(artifacts: Path):
    files = [*artifacts.glob("ExampleValidator/anomalies/*/Split-*/SchemaDiff.pb")]
    assert {file.parent.name for file in files} == {f"Split-{split}" for split in EXAMPLE_SPLITS}
    for file in files:
        assert not anomalies_pb2.Anomalies.FromString(file.read_bytes()).anomaly_info


def test_ids_lead_back_to_the_log(artifacts: Path, log: dict[str, list[str]]):
    (graph,) = artifacts.glob("Transform/transform_graph/*")
    output = TFTransformOutput(str(graph))
    vocabulary = [item.decode() for item in output.vocabulary_by_name(VOCABULARY)]
    in_training = Counter(item for items in log.values() for item in items[:-2])
    assert vocabulary == sorted(in_training, key=lambda item: (in_training[item], item))[::-1]

    for split, held_out in (("train", 2), ("validation", 1), ("test", 0)):
        files = [*artifacts.glob(f"Transform/transformed_examples/*/Split-{split}/*.gz")]
        sequences = []
        for record in tf.data.TFRecordDataset([*map(str, files)], "GZIP"):
            example = tf.io.parse_single_example(record, output.transformed_feature_spec())
            ids = [*example["history_ids"].values.numpy()]
            ids += [] if split == "train" else [*example["target_id"].numpy()]
            sequences.append([vocabulary[id_ - 1] for id_ in ids])
        expected = [items[: len(items) - held_out] for items in log.values()]
        assert sorted(sequences) == sorted(expected)
