"""A graph that is not the exported one is noticed, although TensorFlow would load it."""

import shutil
from pathlib import Path

import grpc
import pytest
from tensorflow.core.protobuf import saved_model_pb2

from serving.errors import ServingError
from serving.server.servables.fingerprint import check_fingerprint
from serving.server.servables.servable import Servable


@pytest.fixture
def version(base_path: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base_path / "1", tmp_path / "1")


def _change_a_constant(version: Path) -> None:
    """Makes the graph answer one item less."""
    file = version / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    values = [
        attribute.tensor
        for function in model.meta_graphs[0].graph_def.library.function
        for node in function.node_def
        for attribute in node.attr.values()
        if attribute.HasField("tensor")
    ]
    next(value for value in values if list(value.int_val) == [20]).int_val[0] = 19
    file.write_bytes(model.SerializeToString(deterministic=True))


def test_an_export_has_its_fingerprint(version: Path) -> None:
    check_fingerprint(str(version))


def test_a_changed_constant_is_noticed(version: Path) -> None:
    _change_a_constant(version)
    Servable("m", 1, version).close()  # TensorFlow itself sees nothing
    with pytest.raises(ServingError, match="is damaged") as damaged:
        check_fingerprint(str(version))
    assert damaged.value.code == grpc.StatusCode.DATA_LOSS


def test_without_a_fingerprint_nothing_is_known(version: Path) -> None:
    _change_a_constant(version)
    (version / "fingerprint.pb").unlink()
    check_fingerprint(str(version))


def test_a_fingerprint_that_cannot_be_read_is_damage(version: Path) -> None:
    (version / "fingerprint.pb").write_bytes(b"\xff" * 10)
    with pytest.raises(ServingError, match="fingerprint.pb is unreadable"):
        check_fingerprint(str(version))


def test_an_unreadable_graph_is_left_to_the_loader(version: Path) -> None:
    (version / "saved_model.pb").write_bytes(b"broken")
    check_fingerprint(str(version))
