"""The Python code of every page runs, a page's blocks one after the other as a reader would."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.local_server import local_server, server_command
from tests.docs.pages import PAGES, Block, blocks

PYTHON = {
    page: found for page in PAGES if (found := [b for b in blocks(page) if b.language == "python"])
}
_ADDRESS = "127.0.0.1:8500"
# What a comment before a block says it cannot do without, and the tests do not have.
_ELSEWHERE = "needs Vertex AI"


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Without graphs, which take longer to make than small models take to train."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a model that nobody has trained, which knows what the pages ask about."""
    from mclrec_tf import MCLRec, SASRec
    from mclrec_tf.export.saved_model import export_savedmodel

    models = tmp_path_factory.mktemp("models")
    items = ["bread", "butter", *(f"item-{number}" for number in range(20))]
    model = MCLRec(SASRec(len(items), dim=8, num_layers=1))
    export_savedmodel(model, models / "1", items, k=10)
    with local_server(server_command(models)) as server:
        yield server.grpc


def compiled(page: str, block: Block, code: str) -> object:
    # So that a traceback names the page and its line.
    return compile("\n" * block.line + code, page, "exec")


@pytest.mark.parametrize("page", PYTHON)
def test_is_python(page: str) -> None:
    for block in PYTHON[page]:
        compiled(page, block, block.code)


@pytest.mark.integration
@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("page", PYTHON)
def test_runs(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    from mclrec_tf.data.sample.sample_log import write_sample

    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "events.csv", 1000)
    names: dict[str, object] = {"__name__": "page"}
    for block in PYTHON[page]:
        if block.mark == _ELSEWHERE:
            continue
        code = re.sub(r"\bepochs=\d+", "epochs=1", block.code)  # to learn anything takes longer
        if _ADDRESS in code:
            code = code.replace(_ADDRESS, request.getfixturevalue("address"))
        exec(compiled(page, block, code), names)
