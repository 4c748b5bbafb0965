"""What the gate finds in new spans of a log and what it keeps for the next run."""

from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator import executor as example_validator
from tfx.types import standard_artifacts

from mclrec_tf.data.event_log.reader import EventLogFormat
from pipeline.components.data_gate.accepted_data import AcceptedData, write_spans
from pipeline.components.data_gate.anomalies import DataRefused, findings, read_findings
from pipeline.components.data_gate.component import check_spans
from pipeline.components.data_gate.schema_text import BUILT_IN
from pipeline.components.example_gen.event_log.newest_spans import newest_spans
from tests.pipeline.components.data_gate.days import day
from tests.pipeline.components.example_gen.conftest import BEAM_ARGS

LIMITS = tfdv.load_schema_text(BUILT_IN)


class Gate:
    """The gate of the days in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.previous: AcceptedData | None = None

    def check(self, name: str) -> list[str]:
        """Looks at the days; if all are good, the next check starts from there."""
        spans = newest_spans(f"{self.folder}/day-{{SPAN}}/*.csv", window=0)
        accepted = AcceptedData()
        accepted.uri = str(self.folder / name)
        (self.folder / name).mkdir()
        pipeline = beam.Pipeline(options=beam.pipeline.PipelineOptions(BEAM_ARGS))
        found = check_spans(spans, EventLogFormat(), LIMITS, accepted.uri, self.previous, pipeline)
        if not found:
            write_spans(accepted.uri, spans)
            self.previous = accepted
        assert not (self.folder / name / "working").exists()
        return found


def test_each_new_day_is_compared_with_the_last_good_one(tmp_path: Path):
    gate = Gate(tmp_path)
    day(tmp_path / "day-1", 1, item="None")  # the first is compared with nothing
    assert gate.check("first") == []
    day(tmp_path / "day-2", 2)
    change, replaced = gate.check("second")
    assert "Jensen-Shannon divergence between current and previous is 1" in replaced
    assert change.startswith(f"span 2 ({tmp_path}/day-2/*.csv), history: High Linfty distance")
    assert "above the threshold 0.1. The feature value with maximum difference is: None" in change


def test_of_several_new_days_the_one_that_differs_is_named(tmp_path: Path):
    gate = Gate(tmp_path)
    day(tmp_path / "day-1", 1, item="None")
    day(tmp_path / "day-2", 2)
    # Accepted by hand, although they differ; then three days at once, the second of them broken.
    assert gate.check("by hand") == []
    day(tmp_path / "day-3", 3)
    day(tmp_path / "day-4", 4, users=5)
    day(tmp_path / "day-5", 5)
    (few_users,) = gate.check("three days")
    assert few_users.startswith("span 4 ") and "num examples" in few_users


def test_what_example_validator_found_stops_the_run(tmp_path: Path):
    statistics = standard_artifacts.ExampleStatistics()
    schema = standard_artifacts.Schema()
    anomalies = standard_artifacts.ExampleAnomalies()
    for artifact, name in ((statistics, "statistics"), (schema, "schema"), (anomalies, "found")):
        artifact.uri = str(tmp_path / name)
    statistics.split_names = '["train", "test"]'
    statistics.span = 1
    (tmp_path / "schema").mkdir()
    tfdv.write_schema_text(LIMITS, str(tmp_path / "schema" / "schema.pbtxt"))
    for split, is_training in (("train", 1), ("test", 7)):
        columns = {"is_training": [[is_training]], "length_group": [["5"]], "target": [["tea"]]}
        columns |= {"user_id": [["ann"]], "history": [["rum"]], "timestamps": [[1]]}
        file = tmp_path / "statistics" / f"Split-{split}" / "FeatureStats.pb"
        file.parent.mkdir(parents=True)
        batch = pa.RecordBatch.from_pydict(columns)
        found = generate_statistics_in_memory(batch, tfdv.StatsOptions())
        file.write_bytes(found.SerializeToString())
    example_validator.Executor().Do(
        {"statistics": [statistics], "schema": [schema]}, {"anomalies": [anomalies]}, {}
    )
    (line,) = read_findings(anomalies.uri)
    assert line.startswith("split test, is_training: Out-of-range values")
    assert "7" in line


def test_one_line_an_anomaly():
    anomalies = anomalies_pb2.Anomalies()
    info = anomalies.anomaly_info["target"]
    info.path.step.append("target")
    info.reason.add(short_description="Column dropped", description="Column is missing.")
    info.reason.add(short_description="Odd", description="Odd values: x.")
    anomalies.dataset_anomaly_info.reason.add(short_description="Few.", description="Only 3.")
    assert list(findings("split test", anomalies)) == [
        "split test, target: Column dropped. Column is missing.",
        "split test, target: Odd values: x.",
        "split test: Few. Only 3.",
    ]
    assert "\n  one\n  two\n" in str(DataRefused(["one", "two"]))
