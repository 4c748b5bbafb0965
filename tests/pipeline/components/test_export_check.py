"""An export that a server could not serve is refused, with what was found."""

from pathlib import Path

import pytest
import tensorflow as tf
from tfx.types.standard_artifacts import InfraBlessing, Model

from pipeline.components.export_check import component as export_check
from pipeline.components.export_check.component import FINDINGS_FILE, ExportCheck


def execute(folder: Path, export: tf.Module | None) -> tuple[InfraBlessing, str]:
    """Runs the component on a model artifact that holds the export; blessing and findings."""
    saved_model = folder / "model" / "Format-Serving"
    saved_model.mkdir(parents=True)
    if export is not None:
        tf.saved_model.save(export, str(saved_model))
    model, blessing = Model(), InfraBlessing()
    model.uri, blessing.uri = str(folder / "model"), str(folder / "blessing")
    Path(blessing.uri).mkdir()
    component = ExportCheck.EXECUTOR_SPEC.executor_class()
    component.Do({"model": [model]}, {"blessing": [blessing]}, {})
    return blessing, Path(blessing.uri, FINDINGS_FILE).read_text()


@pytest.mark.integration
def test_a_model_without_the_signatures_is_refused(tmp_path: Path):
    blessing, findings = execute(tmp_path, tf.Module())
    assert blessing.get_int_custom_property("blessed") == 0
    assert "TF Serving cannot serve it" in findings
    assert "signature serving_default is missing" in findings


@pytest.mark.integration
def test_an_empty_folder_is_refused(tmp_path: Path):
    blessing, findings = execute(tmp_path, None)
    assert blessing.get_int_custom_property("blessed") == 0
    assert "saved_model.pb does not exist" in findings


def test_a_check_that_cannot_run_is_an_error_and_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export_check, "_CHECK", "serving.absent")
    with pytest.raises(RuntimeError, match="No module named serving.absent"):
        export_check.check(str(tmp_path))
