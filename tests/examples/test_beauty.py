"""The example runs as it stands, and what it saves can be loaded."""

import runpy
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

from mclrec_tf import MCLRec
from mclrec_tf.data.event_log.reader import EventLogError

EXAMPLE = Path(__file__).parents[2] / "examples" / "beauty.py"


@pytest.fixture(scope="module")
def main() -> Any:
    return runpy.run_path(str(EXAMPLE))["main"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--out=model.h5", "--out must end in .keras, got 'model.h5'."),
        ("--out=model", "--out must end in .keras, got 'model'."),
        ("--epochs=-1", "--epochs must be at least 1, got -1."),
        ("--epochs=0", "--epochs must be at least 1, got 0."),
        ("--k-core=-1", "--k-core must be at least 0, got -1."),
        ("--user-column=item_id", "Each column can have one role only"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_read(
    main: Any, option: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["no-such-log.csv", option])
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_the_advice_on_a_log_can_be_followed(
    main: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log.csv"
    log.write_text("who,item_id,timestamp\nann,tea,1\nbob,rum,2\n")
    monkeypatch.setattr(sys, "argv", ["beauty.py", str(log)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "on the command line --user-column; 'who' looks like it." in str(ended.value)
    with pytest.raises(EventLogError, match="--k-core"):
        main([str(log), "--user-column=who"])
    with pytest.raises(EventLogError, match="1 users and 1 items are left|0 users and 0 items"):
        main([str(log), "--user-column=who", "--k-core=2"])


@pytest.mark.integration
def test_one_epoch_on_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "model.keras"
    monkeypatch.setattr(sys, "argv", ["beauty.py", "--epochs=1", f"--out={saved}"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    output = capsys.readouterr().out
    for policy in ("all_items", "unseen_items"):
        assert f"test {policy} ndcg_at_10: 0." in output
    loaded = keras.models.load_model(saved)
    assert isinstance(loaded, MCLRec) and loaded.counts is not None
    assert loaded.counts.feature_weights.numpy().any()
