"""A good export passes; each fault that a real server stumbled over is named."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from serving import export_check
from serving.export_check.__main__ import main
from serving.export_check.check import check_export
from serving.export_check.graph import check_graph, read_graph
from serving.export_check.stock_ops import stock_ops
from serving.export_check.trial import try_export
from tests.serving.conftest import ITEMS
from tests.serving.stand_in import EarlierVersion, StandIn, write_export

_HERE = Path(export_check.__file__).parent


def _findings(path: Path) -> list[str]:
    """The checks without the process of their own, which would take seconds each."""
    found = [*check_graph(read_graph(path), path), *try_export(path)]
    return [f"{check}: {message}" for check, message in found]


@pytest.fixture
def export(base_path: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(base_path / "1", tmp_path / "1"))


def test_a_good_export_passes(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(export)]) == 0
    assert capsys.readouterr().out == f"{export}: TF Serving can serve it.\n"


def test_an_export_of_an_earlier_version_passes(tmp_path: Path) -> None:
    path = write_export(tmp_path / "1", ITEMS, model_type=EarlierVersion)
    assert "known_items" not in read_graph(path).signature_def["serving_default"].outputs
    assert _findings(path) == []


class CountsEverything(StandIn):
    def known_items(self, history: tf.Tensor) -> tf.Tensor:
        return tf.math.count_nonzero(history != "", 1, dtype=tf.int32)


def test_a_wrong_count_of_known_items_is_refused(tmp_path: Path) -> None:
    findings = _findings(write_export(tmp_path / "1", ITEMS, model_type=CountsEverything))
    assert "run: signature recommend counts [0, 2] known_items; [0, 1] are known" in findings


class CountsInFloats(StandIn):
    def known_items(self, history: tf.Tensor) -> tf.Tensor:
        return tf.cast(super().known_items(history), tf.float32)


def test_a_count_of_another_type_is_refused(tmp_path: Path) -> None:
    findings = _findings(write_export(tmp_path / "1", ITEMS, model_type=CountsInFloats))
    assert "'known_items': 'DT_FLOAT'" in "".join(findings)


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "odd" / "saved_model.pb").mkdir(parents=True)
    for name, reason in (("none", "does not exist"), ("file", "does not exist"), ("odd", "read")):
        assert main([str(tmp_path / name)]) == 1
        assert f"  files: {tmp_path / name}/saved_model.pb " in (out := capsys.readouterr().out)
        assert reason in out
    with pytest.raises(SystemExit) as ended:
        main([""])
    assert ended.value.code == 2 and "DIR: must not be empty" in capsys.readouterr().err
    with pytest.raises(ValueError, match="path is empty"):
        check_export("")


class CallsPython(StandIn):
    def serving_default(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        history = tf.ensure_shape(tf.py_function(lambda x: x, [history], tf.string), history.shape)
        return super().serving_default(history)


def test_code_in_python_and_a_changed_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_export(tmp_path / "1", ITEMS, model_type=CallsPython)
    (path / "assets" / "items").write_text("\n".join(reversed(ITEMS)))
    assert main([str(path)]) == 1
    report = capsys.readouterr().out
    assert f"{path}: TF Serving cannot serve it." in report
    assert "checksums: assets/items does not have the checksum" in report
    assert "ops: op EagerPyFunc" in report
    assert "run: signature serving_default fails" in report  # in the process of its own


class Compiled(StandIn):
    def user_vector(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        double = tf.function(lambda x: 2.0 * x, jit_compile=True)
        return {"vector": double(super().user_vector(history)["vector"])}


def test_xla_is_refused(tmp_path: Path) -> None:
    findings = _findings(write_export(tmp_path / "1", ITEMS, model_type=Compiled))
    assert any(f.startswith("xla:") and "jit_compile=True" in f for f in findings)


class ReadsAFile(StandIn):
    def scores(self, history: tf.Tensor) -> tf.Tensor:
        return super().scores(history) + tf.cast(
            tf.strings.length(tf.io.read_file(tf.constant(__file__))), tf.float32
        )


def test_a_path_outside_the_export_is_refused(tmp_path: Path) -> None:
    findings = _findings(write_export(tmp_path / "1", ITEMS, model_type=ReadsAFile))
    assert any(f.startswith(f"assets: {__file__} ") and "outside" in f for f in findings)


class OtherSignatures(StandIn):
    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        free_length = tf.TensorSpec([None, None], tf.string, name="history")
        signatures = super().signatures()
        del signatures["recommend"]
        default = tf.function(self.serving_default).get_concrete_function(free_length)
        return {**signatures, "serving_default": default}

    def user_vector(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"vector": tf.cast(super().user_vector(history)["vector"], tf.float64)}

    def scores(self, history: tf.Tensor) -> tf.Tensor:
        vector = tf.cast(self.user_vector(history)["vector"], tf.float32)
        return tf.matmul(vector, self.vectors, transpose_b=True)


def test_other_signatures_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "1"
    findings = "\n".join(_findings(write_export(path, ITEMS, model_type=OtherSignatures)))
    assert "signatures: signature recommend is missing" in findings
    assert "serving_default has the inputs {'history': ('DT_STRING', (-1, -1))}" in findings
    assert "user_vector has the outputs {'vector': 'DT_DOUBLE'}" in findings


class KerasVariables(StandIn):
    def user_vector(self, history: tf.Tensor) -> dict[str, tf.Tensor]:
        if not hasattr(self, "dense"):
            self.dense = keras.layers.Dense(8)
            self.dense.build((None, 8))
        return {"vector": self.dense(super().user_vector(history)["vector"])}


def test_variables_of_keras_3_that_were_saved_as_a_module_are_refused(tmp_path: Path) -> None:
    findings = _findings(write_export(tmp_path / "1", ITEMS, model_type=KerasVariables))
    assert any("user_vector" in f and "keras.export.ExportArchive" in f for f in findings)


def test_a_missing_vocabulary_is_named(export: Path) -> None:
    [vocabulary] = (export / "assets").iterdir()
    vocabulary.unlink()
    findings = _findings(export)
    assert f"assets: asset {vocabulary} is missing" in findings
    assert any(f.startswith("load: a V1 session cannot load") for f in findings)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_truncated_vocabulary_is_named(export: Path, share: float) -> None:
    [vocabulary] = (export / "assets").iterdir()
    vocabulary.write_bytes(vocabulary.read_bytes()[: int(share * vocabulary.stat().st_size)])
    findings = _findings(export)
    assert findings and all("is the vocabulary under assets/ whole?" in f for f in findings)


class KnowsNothing(StandIn):
    def mask(self, items: tf.Tensor) -> tf.Tensor:
        return tf.ones([tf.shape(items)[0], self.num_items], tf.bool)


def test_a_model_without_an_answer_is_refused(tmp_path: Path) -> None:
    findings = _findings(write_export(tmp_path / "1", ITEMS, model_type=KnowsNothing))
    assert findings == ["run: serving_default recommends nothing, not even for an empty history"]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_truncated_variables_are_named(export: Path, share: float) -> None:
    file = export / "variables" / "variables.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    [finding] = _findings(export)
    assert finding.startswith("load: a V1 session cannot load the export")
    assert "are the files under variables/ whole?" in finding


@pytest.mark.filterwarnings("ignore:Unexpected end-group tag")
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "not a graph"])
def test_a_damaged_graph_is_named(export: Path, damage: str) -> None:
    file = export / "saved_model.pb"
    if damage == "missing":
        file.unlink()
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:-1000])
    else:
        file.write_text("<html>")
    [(check, message)] = check_export(export)
    assert check == "files" and str(file) in message


def test_missing_warm_up_requests_are_named(export: Path) -> None:
    shutil.rmtree(export / "assets.extra")
    assert _findings(export) == ["warm-up: assets.extra/tf_serving_warmup_requests is missing"]


def test_warm_up_requests_that_fail_or_lack_a_signature_are_named(export: Path) -> None:
    file = export / "assets.extra" / "tf_serving_warmup_requests"
    records = list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in records[:-1]:
            writer.write(record)
    [finding] = _findings(export)
    assert "has no request for signature user_vector" in finding
    file.write_bytes(file.read_bytes()[:-10])
    [finding] = _findings(export)
    assert finding.startswith("warm-up: record 5 of assets.extra/tf_serving_warmup_requests fails")


def test_the_trial_imports_nothing_of_the_project() -> None:
    tree = ast.parse((_HERE / "trial.py").read_text())
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "a relative import"]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules - sys.stdlib_module_names == {"numpy", "tensorflow", "tensorflow_serving"}


def _listed_ops() -> list[str]:
    header, *lines = (_HERE / "stock_ops.txt").read_text().splitlines()
    if f"TensorFlow {tf.__version__}:" not in header:
        pytest.skip(f"the list is of another version than {tf.__version__}: {header}")
    return [line for line in lines if not line.startswith("#")]


def test_the_listed_ops_are_tensorflows_and_need_no_python() -> None:
    listed = set(_listed_ops())
    assert listed <= set(stock_ops())
    assert not {"PyFunc", "EagerPyFunc", "XlaLaunch"} & listed
    assert {"StatefulPartitionedCall", "LookupTableFindV2", "NoOp"} <= listed


@pytest.mark.slow
def test_the_list_of_ops_is_complete() -> None:
    """In a process of its own, into which no other test has loaded more ops."""
    process = subprocess.run(
        [sys.executable, "-m", "serving.export_check.stock_ops"], capture_output=True, text=True
    )
    assert process.stdout == (_HERE / "stock_ops.txt").read_text()
