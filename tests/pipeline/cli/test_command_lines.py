"""What every command makes of empty options, and of paths that are spelled in other ways."""

import argparse
import importlib
import os
import shlex
from pathlib import Path

import pytest

from pipeline.cli.command_line import real_path
from pipeline.cli.shell_command import shell_command
from pipeline.components.example_gen.event_log.log_location import base_and_pattern

# What a command needs besides the option that is left empty.
COMMANDS = {
    "pipeline.run_local": ["--data=log.csv", "--workdir=run"],
    "pipeline.run_kubeflow": [
        *("--data=log.csv", "--pipeline-root=gs://a", "--serving-dir=gs://b", "--image=image"),
    ],
    "pipeline.demo": [],
    "pipeline.batch_inference": ["--model=m", "--data=log.csv", "--output=new"],
    "pipeline.item_sets": ["--model=m"],
    "pipeline.serving_skew": ["--data=log.csv", "--served=asked.jsonl"],
    "pipeline.watch": ["--requests=log", "--data=log.csv", "--out=page.html"],
    "pipeline.runners.kubeflow.try_spec": ["spec.yaml", "--store=store"],
    "benchmarks.cost_of_size": ["training", "histories.npz", "--items=9"],
    "benchmarks.peers": ["--quick"],
    "benchmarks.preprocessing": [],
    "benchmarks.preprocessing_step": ["Transform", "--data=log.csv", "--workdir=run"],
    "benchmarks.quality": ["--data=log.csv"],
    "benchmarks.reading": [],
    "benchmarks.search": ["--data=log.csv"],
    "benchmarks.serving_load": ["--model=models"],
    "benchmarks.serving_swaps": ["--model=models"],
    "benchmarks.table": ["results"],
    "benchmarks.time_to_quality": ["a.json"],
    "benchmarks.training_cost": [],
    "benchmarks.training_speed": [],
    "benchmarks.warm_start": ["--data=log.csv"],
    "examples.beauty": ["log.csv"],
    "serving.devserver.__main__": ["--model_base_path=models"],
    "serving.client.__main__": ["--port=1"],
    "serving.export_check.__main__": ["export"],
}
# "" means something: the order of the rows, the built-in schema, the paper's grids.
MAY_BE_EMPTY = ("--timestamp-column", "--schema", "--search-space")
# These are no paths and no names.
OTHERS = ("--beam-args", "--parameter", "--exclude", "--candidates", "--metadata")
ITEMS = ("history",)


def options_of(module: str, monkeypatch: pytest.MonkeyPatch) -> list[argparse.Action]:
    """The options of a command that take text, as its parser has them."""
    parsers: list[argparse.ArgumentParser] = []

    class Seen(Exception):
        pass

    def see(parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        parsers.append(parser)
        raise Seen

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", see)
        patch.setattr(argparse.ArgumentParser, "parse_known_args", see)
        with pytest.raises(Seen):
            importlib.import_module(module).main([])
    return [
        action
        for action in parsers[0]._actions
        if action.nargs != 0
        and action.choices is None
        and action.type not in (int, float)
        and action.help != argparse.SUPPRESS
    ]


@pytest.mark.parametrize("module", COMMANDS)
def test_what_a_shell_makes_of_an_unset_variable_is_refused_by_the_options_name(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    actions = options_of(module, monkeypatch)
    main = importlib.import_module(module).main
    tried = 0
    for action in actions:
        name = action.option_strings[-1] if action.option_strings else action.dest
        if name in MAY_BE_EMPTY or name in OTHERS or name in ITEMS:
            continue
        others = COMMANDS[module]
        if action.option_strings:
            arguments = [a for a in others if a.split("=")[0] != name] + [name, ""]
        else:
            last = [a for a in others if not a.startswith("-")][-1]
            arguments = ["" if a == last else a for a in others]
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert name in said or str(action.metavar) in said, said
        tried += 1
    assert tried or not actions
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["gs://shop/run", "s3://shop/run"])
@pytest.mark.parametrize("option", ["--workdir", "--serving-dir"])
def test_a_uri_is_no_folder_of_this_machine(option: str, value: str, capsys: pytest.CaptureFixture):
    from pipeline import run_local

    with pytest.raises(SystemExit):
        run_local.main(["--data=log.csv", "--workdir=run", option, value])
    assert f"{option}: must be a path of this machine, got {value!r}." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a"])
def test_a_models_name_is_that_of_a_folder(name: str, capsys: pytest.CaptureFixture):
    from pipeline import run_local

    with pytest.raises(SystemExit):
        run_local.main(["--data=log.csv", "--workdir=run", f"--model-name={name}"])
    assert "argument --model-name" in capsys.readouterr().err


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a log, a link to the folder and links to the log."""
    folder = tmp_path / "shop"
    (folder / "days" / "2026-01-01").mkdir(parents=True)
    (folder / "log.csv").touch()
    (tmp_path / "link").symlink_to(folder)
    (folder / "latest.csv").symlink_to("log.csv")
    (folder / "blob").touch()
    (folder / "stored.csv").symlink_to("blob")
    monkeypatch.chdir(folder)
    return folder


def test_every_spelling_of_a_log_is_the_same_log(shop: Path):
    log = str(shop / "log.csv")
    up = shop.parent
    for spelling in (
        *("log.csv", "./log.csv", "days/../log.csv", "../link/log.csv", "latest.csv"),
        *(log, f"/{log}", f"{shop}//log.csv", f"{up}/link/log.csv", up / "link" / "latest.csv"),
    ):
        assert real_path(spelling) == log, spelling
    for spelling in (".", "./", f"{shop}/", f"{up}/link", f"{up}/link/", f"{up}/link/days/.."):
        assert real_path(spelling) == str(shop), spelling
    for pattern in ("*.csv", "days/{YYYY}-{MM}-{DD}/*.csv", "days/*/part-?.csv", "new/log.csv"):
        for spelling in (pattern, f"{up}/link/{pattern}", f"../link//{pattern}"):
            assert real_path(spelling) == f"{shop}/{pattern}", spelling


def test_above_a_link_is_what_it_leads_to(shop: Path):
    (shop.parent / "day").symlink_to(shop / "days" / "2026-01-01")
    for spelling in ("../day/../../log.csv", shop.parent / "day" / ".." / ".." / "log.csv"):
        assert real_path(spelling) == str(shop / "log.csv")
    assert real_path("../day/../*.csv") == str(shop / "days" / "*.csv")
    assert real_path("../day/../new/models") == str(shop / "days" / "new" / "models")
    assert base_and_pattern("../day/../../log.csv")[1] == "log.csv"
    assert base_and_pattern("../day/../..") == (f"{shop}/../day/../..", "*")


def test_folders_that_are_columns_keep_their_names(shop: Path):
    (shop / "blob.csv").touch()
    (shop / "day=2026-01-01").mkdir()
    part = shop / "day=2026-01-01" / "part.csv"
    part.symlink_to(shop / "blob.csv")
    (shop / "day=2026-02-01").symlink_to(shop / "days")
    assert real_path(part) == str(part)
    assert real_path(shop / "day=2026-02-01") == str(shop / "day=2026-02-01")
    assert real_path(shop / "day=2026-02-01" / "*.csv") == str(shop / "day=2026-02-01" / "*.csv")
    assert real_path(shop.parent / "link" / "day=2026-01-01") == str(shop / "day=2026-01-01")


def test_a_file_keeps_the_name_that_tells_how_it_is_read(shop: Path):
    assert real_path("stored.csv") == str(shop / "stored.csv")
    assert real_path(shop.parent / "link" / "stored.csv") == str(shop / "stored.csv")


def test_a_uri_stays_as_it_is():
    assert real_path("gs://shop/days//{SPAN}/*") == "gs://shop/days//{SPAN}/*"


def test_printed_commands_can_be_pasted(tmp_path: Path):
    words = ["python", "-m", "x", f'--path={tmp_path}/it\'s my $HOME "run"', "", "a;b"]
    assert shlex.split(shell_command(*words)) == words
    assert os.fspath(tmp_path) in shell_command(tmp_path)
