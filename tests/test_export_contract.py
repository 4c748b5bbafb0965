"""What the library writes is what `serving.export_contract` states; neither imports the other."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.export import checksums, signature_inputs, warmup_requests
from mclrec_tf.export.saved_model import export_savedmodel
from serving import export_contract
from serving.export_check.graph import check_graph, read_graph


def test_the_library_has_the_same_names_and_width() -> None:
    assert signature_inputs.HISTORY_LENGTH == export_contract.HISTORY_LENGTH
    assert signature_inputs.MAX_HISTORY_LENGTH == export_contract.MAX_HISTORY_LENGTH
    assert checksums.CHECKSUM_FILE == export_contract.CHECKSUM_FILE
    assert warmup_requests.WARMUP_FILE == export_contract.WARMUP_FILE


@pytest.mark.parametrize(
    ("shape", "width"),
    [
        ((-1, 50), 50),
        ((None, 200), 200),
        ([-1, 1_000], 1_000),
        ((-1, 20), 50),
        ((-1, 1_001), 50),
        ((-1, -1), 50),
        ((None, None), 50),
        ((-1,), 50),
        (None, 50),
    ],
)
def test_the_width_is_what_the_shape_of_a_history_tells(
    shape: Sequence[int | None] | None, width: int
) -> None:
    assert export_contract.history_width(shape) == width


def test_an_export_of_the_library_has_the_signatures_and_the_files(tmp_path: Path) -> None:
    model = MCLRec(SASRec(3, dim=8, num_layers=1))
    model(tf.ones([1, 3], tf.int32))
    export_savedmodel(model, tmp_path / "1", ["a", "b", "c"])
    graph = read_graph(tmp_path / "1")  # by its name and tag
    assert check_graph(graph, tmp_path / "1") == []
    outputs = {name: set(graph.signature_def[name].outputs) for name in export_contract.SIGNATURES}
    # The check lets exports of earlier versions do without counts; a new one has them.
    assert outputs == {
        name: {*signature.outputs, *signature.counts}
        for name, signature in export_contract.SIGNATURES.items()
    }
    for file in (export_contract.CHECKSUM_FILE, export_contract.WARMUP_FILE):
        assert (tmp_path / "1" / file).is_file()
