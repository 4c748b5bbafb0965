"""ExampleGen in a pipeline: cached while log and settings stay the same, run again when not."""

import os
from pathlib import Path

import pytest
from tfx import v1 as tfx

from mclrec_tf.data.event_log.reader import EventLogError
from pipeline.components.example_gen.component import example_gen
from pipeline.components.example_gen.custom_config import CustomConfig, unpack
from pipeline.settings import DataSettings

HEADER = "user_id,item_id,timestamp\n"
LOG = HEADER + "".join(f"{user},i{n},{n}\n" for user in "ab" for n in range(4))


def run(log: Path, root: Path, **settings) -> int:
    """Runs a pipeline of ExampleGen alone; returns how often it has run by now."""
    component = example_gen(str(log), DataSettings(**settings))
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "mlmd.db"))
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="ingest",
            pipeline_root=str(root / "artifacts"),
            components=[component],
            enable_cache=True,
            metadata_connection_config=metadata,
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=none"],
        )
    )
    return len([*root.glob("artifacts/*/examples/*/event_log_report.json")])


@pytest.mark.integration
def test_runs_again_only_when_log_or_settings_change(tmp_path: Path):
    log = tmp_path / "log"
    log.mkdir()
    (log / "monday.csv").write_text(LOG)
    assert run(log, tmp_path, k_core=0) == 1
    assert run(log, tmp_path, k_core=0) == 1
    assert run(log, tmp_path, k_core=1) == 2  # another setting
    (log / "tuesday.csv").write_text(LOG)
    assert run(log, tmp_path, k_core=1) == 3  # another file
    later = os.stat(log / "tuesday.csv").st_mtime + 2
    (log / "tuesday.csv").write_text(LOG.replace("i0", "i9"))
    os.utime(log / "tuesday.csv", (later, later))
    assert run(log, tmp_path, k_core=1) == 4  # a file of the same size, changed
    assert run(log, tmp_path, k_core=1) == 4


@pytest.mark.integration
def test_an_error_of_the_log_comes_out_as_it_is_and_leaves_nothing(tmp_path: Path):
    (tmp_path / "log.csv").write_text(HEADER)
    with pytest.raises(EventLogError, match="^/.*/log.csv: there is no event") as error:
        run(tmp_path / "log.csv", tmp_path)
    assert "\n" not in str(error.value)
    assert not [*tmp_path.glob("artifacts/*/examples/*")]


@pytest.mark.parametrize(
    "settings",
    [
        DataSettings(),
        DataSettings("wer", "wäs", "", k_core=0, max_bad_rows=0.125),
        DataSettings(split="time", validation_period=2, test_period=10**12),
    ],
)
@pytest.mark.parametrize(
    ("log", "spans_pattern"), [("log.csv", ""), ("day-{SPAN}/*.csv", "day-{SPAN}/*.csv")]
)
def test_settings_reach_the_executor(log: str, spans_pattern: str, settings: DataSettings):
    properties = example_gen(log, settings).exec_properties
    assert unpack(properties["custom_config"]) == CustomConfig(settings, spans_pattern)
