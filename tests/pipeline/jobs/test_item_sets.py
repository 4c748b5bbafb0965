"""The command gives a model sets of items, version by version, whole or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.export.registered_sets import read_item_sets
from mclrec_tf.export.saved_model import export_savedmodel
from pipeline.item_sets import main
from serving.client import RecommendationClient
from serving.devserver.models.repository import single_model
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
        "  in stock: 2 of 3 items are in the catalogue",
        "  new: 1 of 1 items are in the catalogue",
    ]
    run(f"--set=in stock={tmp_path / 'new'}")
    assert read_item_sets(models / "102") == {"in stock": ["item 9"], "new": ["item 9"]}
    run("--remove=new")
    assert read_item_sets(models / "103") == {"in stock": ["item 9"]}
    assert sorted(path.name for path in models.iterdir()) == ["100", "101", "102", "103"]
    assert run() == f"{models / '103'}: 1 sets\n  in stock: 1 of 1 items are in the catalogue\n"


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
    assert [path.name for path in models.iterdir()] == ["100"]

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
