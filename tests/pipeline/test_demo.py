"""The demo ends well only if everything that recommends says the same."""

from pathlib import Path

import pytest

from pipeline import demo
from pipeline.demo import Answer, agree


def test_rounding_is_agreement():
    assert agree([Answer(["a", "b"], [2.0, 1.0]), Answer(["a", "b"], [2.00001, 1.0])])


@pytest.mark.parametrize(
    "other",
    [
        Answer(["b", "a"], [2.0, 1.0]),
        Answer(["a", "b"], [2.0, 1.1]),
        Answer(["a"], [2.0]),
    ],
)
def test_other_items_or_scores_are_not(other: Answer):
    assert not agree([Answer(["a", "b"], [2.0, 1.0]), other])


@pytest.mark.slow
def test_the_demo_runs(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert demo.main([f"--workdir={tmp_path}", "--events=20000"]) == 0
    output = capsys.readouterr().out
    assert "REST, gRPC and model.predict agree." in output
    assert "A user's last items: c" in output
