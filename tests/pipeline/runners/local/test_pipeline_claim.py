"""Two work folders never run the same pipeline of one store."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Context, ContextType
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from pipeline.runners.local.metadata_server import metadata_server
from pipeline.runners.local.pipeline_claim import claim_pipeline
from pipeline.runners.local.workdir import RunError, Workdir
from tests.pipeline.runners.local.database_servers import PASSWORD, mariadb

NewStore = Callable[[], MetadataStore]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("mariadb", marks=pytest.mark.integration)]
)
def new_store(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewStore]:
    numbers = itertools.count()
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("stores")
        yield lambda: MetadataStore(
            sqlite_metadata_connection_config(str(folder / f"{next(numbers)}.sqlite"))
        )
        return
    with mariadb() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYSQL_PWD", PASSWORD)
        yield lambda: metadata_server(server.new_database(f"store_{next(numbers)}")).open()


@pytest.fixture
def store(new_store: NewStore) -> MetadataStore:
    return new_store()


@pytest.fixture
def workdir(tmp_path: Path) -> Workdir:
    return folder(tmp_path / "shop")


def folder(path: Path) -> Workdir:
    path.mkdir()
    return Workdir(path)


def begin_run(workdir: Workdir) -> None:
    Path(workdir.pipeline_root).mkdir()


def test_a_folder_comes_back(store: MetadataStore, workdir: Workdir):
    claim_pipeline(store, "mclrec", workdir)
    begin_run(workdir)
    claim_pipeline(store, "mclrec", workdir)
    assert [context.name for context in store.get_contexts_by_type("pipeline")] == ["mclrec"]


def test_a_folder_may_be_mounted_elsewhere(store, workdir: Workdir, tmp_path: Path):
    claim_pipeline(store, "mclrec", workdir)
    begin_run(workdir)
    workdir.path.rename(tmp_path / "mount")
    claim_pipeline(store, "mclrec", Workdir(tmp_path / "mount"))


def test_the_pipeline_of_another_folder_is_refused(store, workdir: Workdir, tmp_path: Path):
    claim_pipeline(store, "mclrec", workdir)
    other = folder(tmp_path / "other")
    with pytest.raises(RunError, match=f"mclrec: .* belongs to {workdir.path} on .*name"):
        claim_pipeline(store, "mclrec", other)
    claim_pipeline(store, "other", other)


def test_a_folder_that_was_emptied_is_another_one(store, workdir: Workdir):
    claim_pipeline(store, "mclrec", workdir)
    shutil.rmtree(workdir.path)
    workdir.path.mkdir()
    with pytest.raises(RunError, match="belongs to"):
        claim_pipeline(store, "mclrec", workdir)


def test_a_folder_may_have_two_pipelines(store, workdir: Workdir):
    claim_pipeline(store, "mclrec", workdir)
    begin_run(workdir)
    claim_pipeline(store, "mclrec-2", workdir)


def test_the_pipeline_of_another_program_is_refused(store, workdir: Workdir):
    kind = store.put_context_type(ContextType(name="pipeline"))
    store.put_contexts([Context(type_id=kind, name="mclrec")])
    with pytest.raises(RunError, match="belongs to another program"):
        claim_pipeline(store, "mclrec", workdir)


def test_of_two_folders_at_once_one_is_refused(store, workdir, tmp_path, monkeypatch):
    other = folder(tmp_path / "other")
    put = store.put_contexts

    def put_later(contexts: list[Context]) -> list[int]:
        monkeypatch.undo()
        claim_pipeline(store, "mclrec", other)
        return put(contexts)

    monkeypatch.setattr(store, "put_contexts", put_later)
    with pytest.raises(RunError, match=f"belongs to {other.path}"):
        claim_pipeline(store, "mclrec", workdir)


def test_a_folder_keeps_its_store(store, workdir: Workdir, new_store: NewStore):
    claim_pipeline(store, "mclrec", workdir)
    begin_run(workdir)
    another = new_store()
    for name in ("mclrec", "new"):
        with pytest.raises(RunError, match="Leave --metadata as it was"):
            claim_pipeline(another, name, workdir)


def test_a_folder_with_its_own_metadata_keeps_them(store, workdir: Workdir):
    Path(workdir.metadata_file).touch()
    with pytest.raises(RunError, match="Leave --metadata as it was"):
        claim_pipeline(store, "mclrec", workdir)
