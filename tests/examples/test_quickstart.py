"""The notebook goes from a log to an export."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    return [
        cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"
    ]


def test_is_stored_without_outputs(cells: list[dict[str, Any]]) -> None:
    """They would differ at each run, and with each set of packages."""
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Without graphs, which take longer to make than a small model takes to train."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.integration
@pytest.mark.usefixtures("eagerly")
def test_runs_to_its_end(
    cells: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "notebook"}
    for number, cell in enumerate(cells):
        # Smaller, so that the test is quicker than the reader.
        code = re.sub(r"^EVENTS = .*$", "EVENTS = 4000", "".join(cell["source"]), flags=re.M)
        code = re.sub(r"^EPOCHS = .*$", "EPOCHS = 3", code, flags=re.M)
        exec(compile(code, f"quickstart.ipynb, cell {number}", "exec"), names)
    metric = "unseen_items_ndcg_at_10"
    assert names["results"][metric] > 1.5 * names["popularity"][metric]
    output = capsys.readouterr().out
    assert "epoch 3: NDCG@10 on validation" in output
    recommended = re.search(r"^next: (.*)$", output, re.MULTILINE)
    assert recommended is not None

    # What was exported answers as the model in the notebook does.
    (version,) = (tmp_path / "models" / "mclrec").iterdir()
    served = tf.saved_model.load(version)
    history = (names["seen"] + [""] * 50)[:50]
    answer = served.signatures["serving_default"](history=tf.constant([history]))
    assert answer["known_items"].numpy().tolist() == [len(names["seen"])]
    best = [item.decode() for item in answer["item_ids"].numpy()[0]]
    assert recommended[1].split() == best[:5]
    assert not set(best) & set(names["seen"])
