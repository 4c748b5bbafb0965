"""The command gives a model sets of items, version by version, whole or not at all."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.export.registered_sets import read_item_sets
from mclrec_tf.export.saved_model import export_savedmodel
from pipeline.components.pusher.served_folder import UNFINISHED
from pipeline.components.pusher.version_folders import version_folders
from pipeline.item_sets import main
from pipeline.jobs.item_sets.register import ItemSetsError, register
from serving.client import RecommendationClient
from serving.devserver.models.repository import single_model
from serving.export_check.checksums import damage
from tests.serving.running_server import running_server

NAMES = [f"item {number}" for number in range(20)]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "100"
    export_savedmodel(NextItemModel(SASRec(len(NAMES), dim=8, num_layers=1)), path, NAMES)
    return path


@pytest.fixture
def models(export: Path, tmp_path: Path) -> Path:
    shutil.copytree(export, tmp_path / "models" / "100")
    return tmp_path / "models"


@pytest.fixture
def run(models: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command prints."""

    def run(*options: str, status: int = 0) -> str:
        assert main([f"--model={models}", *options]) == status
        told = capsys.readouterr()
        return told.err if status else told.out

    return run


def test_sets_come_and_go_by_name(run: Callable[..., str], models: Path, tmp_path: Path) -> None:
    (tmp_path / "stock").write_text("item 3\nitem 4\nitem 3\nof tomorrow\n")
    (tmp_path / "new").write_text("item 9\n")
    assert run() == f"{models / '100'}: 0 sets\n"
    told = run(f"--set=in stock={tmp_path / 'stock'}", "--set=new=nowhere.txt", status=1)
    assert told == "--set nowhere.txt: does not exist. Give a file of item ids.\n"
    told = run(f"--set=in stock={tmp_path / 'stock'}", f"--set=new={tmp_path / 'new'}")
    assert told.splitlines() == [
        f"Written to {models / '101'}: 2 sets",
        "  in stock: 2 of 3 items are in the catalogue, 'of tomorrow' is not",
        "  new: 1 of 1 items are in the catalogue",
    ]
    run(f"--set=in stock={tmp_path / 'new'}")
    assert read_item_sets(models / "102") == {"in stock": ["item 9"], "new": ["item 9"]}
    run("--remove=new")
    assert read_item_sets(models / "103") == {"in stock": ["item 9"]}
    assert version_folders(models) == ["100", "101", "102", "103"]
    assert run() == f"{models / '103'}: 1 sets\n  in stock: 1 of 1 items are in the catalogue\n"


def test_several_at_once_lose_nothing(models: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        written = threads.map(
            lambda n: register(models, {f"set {n}": NAMES[n : n + 2]}, []), range(4)
        )
        assert sorted(map(os.path.basename, written)) == ["101", "102", "103", "104"]
    assert read_item_sets(models / "104") == {f"set {n}": NAMES[n : n + 2] for n in range(4)}
    assert not list(damage(models / "104"))


def test_a_version_that_comes_meanwhile_is_not_covered(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on remote storage, where there are no locks."""

    def copy(source: str, path: str, item_sets: object) -> None:
        shutil.copytree(models / "100", models / "1000")

    monkeypatch.setattr("pipeline.jobs.item_sets.register.copy_with_item_sets", copy)
    with pytest.raises(
        ItemSetsError, match="version 1000 has come meanwhile. Run the same command"
    ):
        register(models, {"new": NAMES[:1]}, [])
    assert version_folders(models) == ["100", "1000"]


def test_a_version_without_its_variables_is_told(
    run: Callable[..., str], models: Path, tmp_path: Path
) -> None:
    shutil.rmtree(models / "100" / "variables")
    (models / "100" / "assets.extra" / "SHA256SUMS").unlink()
    (tmp_path / "new").write_text("item 9\n")
    told = run(f"--set=new={tmp_path / 'new'}", status=1)
    assert f"--model {models / '100'}: The files under variables/ cannot be read: " in told


@pytest.mark.integration
def test_a_server_takes_up_the_sets(run: Callable[..., str], models: Path, tmp_path: Path) -> None:
    (tmp_path / "stock").write_text("item 3\nitem 4\n")
    with (
        running_server(single_model("mclrec", models), poll_seconds=0.2) as addresses,
        RecommendationClient(addresses.grpc) as client,
    ):
        run(f"--set=in stock={tmp_path / 'stock'}")
        with RecommendationClient(addresses.grpc, version=101) as newest:
            newest.wait_until_ready(60)
        answer = client.recommend(["item 1"], candidate_set="in stock")
    assert {item for item, _ in answer} == {"item 3", "item 4"}


def test_what_cannot_be_registered_is_told(
    run: Callable[..., str], models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sold").write_text("x\ny\n")
    told = run(f"--set=sold={tmp_path / 'sold'}", status=1)
    assert "item_sets['sold']: none of its 2 items is in the catalogue of 20 items" in told
    told = run("--remove=new", status=1)
    assert told == f"--remove 'new': {models / '100'} has no such set; it has none.\n"
    assert version_folders(models) == ["100"]
    assert not [path for path in models.iterdir() if path.name.startswith(UNFINISHED)]

    shutil.copytree(models / "100", models / "200")
    assert main([f"--model={models / '100'}", f"--set=sold={tmp_path / 'sold'}"]) == 1
    assert "100: is not the newest of the versions" in capsys.readouterr().err
    assert main([f"--model={tmp_path / 'nowhere'}"]) == 1
    assert "contains neither a SavedModel nor a version" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set=stock.txt"], "must be NAME=FILE, got 'stock.txt'"),
        (["--set==stock.txt"], "must be NAME=FILE"),
        (["--set=new="], "must be NAME=FILE"),
        (["--set=new=a", "--set=new=b"], "the set 'new' is given more than once"),
        (["--set=new=a", "--remove=new"], "the set 'new' is given more than once"),
    ],
)
def test_options_that_make_no_sense(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--model=models", *options])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
