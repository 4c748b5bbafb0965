"""What ExampleValidator found is read from the folder of its output, split by split."""

from pathlib import Path

from tensorflow_metadata.proto.v0 import anomalies_pb2

from pipeline.components.data_gate.anomalies import read_findings


def test_each_split_tells_its_anomalies(tmp_path: Path):
    wrong = anomalies_pb2.Anomalies()
    reason = wrong.anomaly_info["target"].reason.add()
    reason.short_description, reason.description = "Column dropped", "Column is not there."
    for split, anomalies in (("train", anomalies_pb2.Anomalies()), ("test", wrong)):
        folder = tmp_path / f"Split-{split}"
        folder.mkdir()
        (folder / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())
    (line,) = read_findings(str(tmp_path))
    assert line.startswith("split test, target: Column dropped")
