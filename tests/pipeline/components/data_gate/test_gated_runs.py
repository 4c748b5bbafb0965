"""The gate under TFX: what goes through, what is refused and how, and what is looked at again."""

from pathlib import Path

import pytest
from tfx import v1 as tfx

from pipeline.components.data_gate.accepted_data import read_spans
from pipeline.components.data_gate.anomalies import DataRefused
from pipeline.components.data_gate.component import DataGate
from pipeline.components.data_gate.schema_text import BUILT_IN, CuratedSchema, schema_text
from pipeline.components.example_gen.component import example_gen
from pipeline.resolvers import last_accepted_data
from pipeline.settings import DataSettings, to_json
from tests.pipeline.components.data_gate.days import day
from tests.pipeline.components.example_gen.conftest import BEAM_ARGS, write_log

pytestmark = pytest.mark.slow

SETTINGS = DataSettings(k_core=0)


class Gated:
    """Runs of the pipeline's first half on one log.

    Args:
        log: the log, perhaps with spans.
        root: folder of metadata and artifacts.
    """

    def __init__(self, log: Path, root: Path):
        self.log = log
        self.root = root

    def run(self, schema: str = "") -> None:
        examples = example_gen(str(self.log), SETTINGS)
        statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
        curated = CuratedSchema(text=schema_text(schema))
        validator = tfx.components.ExampleValidator(
            statistics=statistics.outputs["statistics"], schema=curated.outputs["schema"]
        )
        last = last_accepted_data(current=statistics.outputs["statistics"])
        gate = DataGate(
            examples=examples.outputs["examples"],
            statistics=statistics.outputs["statistics"],
            anomalies=validator.outputs["anomalies"],
            schema=curated.outputs["schema"],
            settings=to_json(SETTINGS),
            previous=last.outputs["accepted"],
        )
        connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(self.root / "mlmd.db")
        )
        tfx.orchestration.LocalDagRunner().run(
            tfx.dsl.Pipeline(
                pipeline_name="gated",
                pipeline_root=str(self.root / "artifacts"),
                components=[examples, statistics, curated, validator, last, gate],
                enable_cache=True,
                metadata_connection_config=connection,
                beam_pipeline_args=BEAM_ARGS,
            )
        )

    def accepted(self) -> list[list[int]]:
        """The spans that each acceptance knows of, oldest acceptance first."""
        folders = sorted(self.root.glob("artifacts/DataGate/accepted/*"), key=lambda f: int(f.name))
        return [[span.number for span in read_spans(str(folder))] for folder in folders]


def test_days_one_after_the_other(tmp_path: Path):
    days = tmp_path / "days"
    gated = Gated(days / "day-{SPAN}" / "v{VERSION}" / "*.csv", tmp_path)
    day(days / "day-1" / "v1", 1)
    gated.run()
    assert gated.accepted() == [[1]]

    # A night without a run, and a feed that writes the same id everywhere.
    day(days / "day-2" / "v1", 2)
    day(days / "day-3" / "v1", 3, item="None")
    with pytest.raises(DataRefused) as refusal:
        gated.run()
    message = str(refusal.value)
    assert f"span 3 ({days}/day-3/v1/*.csv), history: High Linfty distance" in message
    assert "above the threshold 0.1. The feature value with maximum difference is: None" in message
    assert "span 2" not in message
    assert "new version of their span" in message and "--schema" in message
    assert gated.accepted() == [[1]]

    # A day after it, with few users, does not hide it: both are told.
    day(days / "day-4" / "v1", 4, users=9)
    with pytest.raises(DataRefused) as refusal:
        gated.run()
    assert "span 3 " in str(refusal.value)
    assert "span 4" in str(refusal.value) and "num examples" in str(refusal.value)

    # One is delivered again; the other is right, and a limit is changed for it.
    day(days / "day-3" / "v2", 5)
    schema = tmp_path / "schema.pbtxt"
    schema.write_text(Path(BUILT_IN).read_text().replace("threshold: 0.25", "threshold: 0.2"))
    gated.run(str(schema))
    assert gated.accepted() == [[1], [1, 2, 3, 4]]
    # Accepted once, accepted for good: the old limit does not bring it back.
    day(days / "day-5" / "v1", 6, users=20)
    gated.run()
    assert gated.accepted() == [[1], [1, 2, 3, 4], [1, 2, 3, 4, 5]]


def test_a_log_without_spans_is_compared_with_the_one_before(tmp_path: Path):
    day(tmp_path / "log", 1)
    gated = Gated(tmp_path / "log", tmp_path)
    gated.run()
    (tmp_path / "log" / "log.csv").unlink()
    (tmp_path / "log").rmdir()
    day(tmp_path / "log", 2, item="None")
    write_log(tmp_path / "log" / "two.csv", [(f"user{n}", "other", 1) for n in range(50)])
    with pytest.raises(DataRefused, match="split test, history: .*None"):
        gated.run()
    assert gated.accepted() == [[]]
