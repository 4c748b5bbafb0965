"""Runs ExampleGen's executor in this process on logs that tests write."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
import tensorflow as tf
from tfx.components.example_gen.driver import FileBasedDriver
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from pipeline.components.example_gen.component import example_gen
from pipeline.components.example_gen.event_log.log_report import (
    REPORT_FILE,
    EventLogReport,
    read_report,
)
from pipeline.components.example_gen.executor import Executor
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS
from pipeline.settings import DataSettings

# The container image is not used in process; naming one spares TFX from packing itself.
BEAM_ARGS = ["--runner=FnApiRunner", "--sdk_container_image=none"]


class Example(NamedTuple):
    history: list[str]
    timestamps: list[int]
    target: str
    length_group: str
    is_training: int


class Ingested(NamedTuple):
    """What the executor wrote: Examples by split and user."""

    splits: dict[str, dict[str, Example]]
    report: EventLogReport
    uri: Path


def write_log(path: Path, events: Iterable[tuple]) -> Path:
    """Writes a CSV of (user, item, time)."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id", "timestamp"])
        writer.writerows(events)
    return path


def run_executor(log: Path | str, output: Path, settings: DataSettings) -> Ingested:
    component = example_gen(str(log), settings)
    examples = standard_artifacts.Examples()
    examples.uri = str(output)
    output.mkdir()
    context = BaseBeamExecutor.Context(beam_pipeline_args=BEAM_ARGS)
    # TFX's own driver: the one that Kubeflow runs.
    properties = FileBasedDriver(None).resolve_exec_properties(
        dict(component.exec_properties), None, None
    )
    Executor(context).Do({}, {"examples": [examples]}, properties)
    assert examples.split_names == '["train", "validation", "test"]'
    assert examples.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    # Nothing else is left behind.
    folders = {split: output / f"Split-{split}" for split in EXAMPLE_SPLITS}
    assert {*output.iterdir()} == {*folders.values(), output / REPORT_FILE}
    splits = {split: read_examples(folder) for split, folder in folders.items()}
    return Ingested(splits, read_report(str(output)), output)


def read_examples(split: Path) -> dict[str, Example]:
    files = sorted(map(str, split.glob("*.gz")))
    examples = {}
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        (user,) = text(feature["user_id"])
        (target,) = text(feature["target"])
        (length_group,) = text(feature["length_group"])
        (is_training,) = feature["is_training"].int64_list.value
        assert user not in examples
        examples[user] = Example(
            text(feature["history"]),
            list(feature["timestamps"].int64_list.value),
            target,
            length_group,
            is_training,
        )
    return examples


def text(feature: tf.train.Feature) -> list[str]:
    return [value.decode() for value in feature.bytes_list.value]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that runs all of ExampleGen, which is two Beam pipelines, is one of integration."""
    for item in items:
        if "ingest" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def ingest(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ingested]:
    """`ingest(log, k_core=…)` runs the executor on a path, or on events that it writes first."""

    def run(log: Path | str | Iterable[tuple], k_core: int = 0, **settings) -> Ingested:
        folder = tmp_path_factory.mktemp("ingest")
        if not isinstance(log, Path | str):
            log = write_log(folder / "log.csv", log)
        return run_executor(log, folder / "examples", DataSettings(k_core=k_core, **settings))

    return run
