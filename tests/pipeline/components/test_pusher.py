"""A push is whole or absent, happens once, and only for blessed models."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from pathlib import Path

import pytest
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelBlessing, PushedModel
from tfx.utils import proto_utils

from mclrec_tf import NextItemModel, SASRec
from mclrec_tf.export.checksums import write_checksums
from mclrec_tf.export.registered_sets import read_item_sets
from mclrec_tf.export.saved_model import export_savedmodel
from pipeline.components.pusher import component as pusher
from pipeline.components.pusher.component import PusherExecutor
from pipeline.components.pusher.served_folder import UNFINISHED, alone_in
from pipeline.components.pusher.version_folders import version_folders
from pipeline.components.refit.report import IN_ITS_PLACE
from pipeline.jobs.item_sets.register import register
from serving.export_check.check import check_export


class Killed(BaseException):
    """Stands for the end of the process: no handler of the code under test runs after it."""


@pytest.fixture
def saved_model(tmp_path: Path) -> Path:
    folder = tmp_path / "model" / "Format-Serving"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"weights")
    os.utime(folder / "saved_model.pb", (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return tmp_path / "models" / "mclrec"


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def execute(
    saved_model: Path,
    served: Path,
    blessed: bool = True,
    servable: bool = True,
    in_its_place: Path | None = None,
):
    model, blessing, infra, pushed = Model(), ModelBlessing(), InfraBlessing(), PushedModel()
    model.uri = str(saved_model.parent)
    if in_its_place:
        model.set_string_custom_property(IN_ITS_PLACE, str(in_its_place.parent))
    blessing.set_int_custom_property("blessed", int(blessed))
    infra.set_int_custom_property("blessed", int(servable))
    pushed.uri = tempfile.mkdtemp(dir=saved_model.parents[1])
    destination = pusher_pb2.PushDestination(
        filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(served))
    )
    PusherExecutor().Do(
        {"model": [model], "model_blessing": [blessing], "infra_blessing": [infra]},
        {"pushed_model": [pushed]},
        {"push_destination": proto_utils.proto_to_json(destination)},
    )
    return pushed


def test_a_blessed_model_is_copied_to_the_version_of_its_export(saved_model: Path, served: Path):
    pushed = execute(saved_model, served)
    assert version_folders(served) == ["1700000000"]
    assert files(served / "1700000000") == files(saved_model) == files(Path(pushed.uri))
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == "1700000000"
    assert pushed.get_string_custom_property("pushed_destination") == str(served / "1700000000")


def test_the_evaluated_model_goes_out_in_place_of_one_that_does_not(
    saved_model: Path, served: Path, tmp_path: Path
) -> None:
    nothing = tmp_path / "refitted" / "Format-Serving"
    nothing.parent.mkdir()
    pushed = execute(nothing, served, in_its_place=saved_model)
    assert pushed.get_string_custom_property("pushed_version") == "1700000000"
    assert files(served / "1700000000") == files(saved_model)


@pytest.mark.parametrize(("blessed", "servable"), [(False, True), (True, False)])
def test_a_refused_model_is_not_pushed(saved_model: Path, served: Path, blessed, servable):
    pushed = execute(saved_model, served, blessed, servable)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not served.exists()


def test_pushing_again_changes_nothing(saved_model: Path, served: Path):
    execute(saved_model, served)
    before = (served / "1700000000").stat().st_ino
    execute(saved_model, served)
    assert version_folders(served) == ["1700000000"]
    assert (served / "1700000000").stat().st_ino == before


@pytest.mark.parametrize("step", ["copy_dir", "rename"])
def test_a_killed_push_shows_no_version_and_is_made_up_for(
    saved_model: Path, served: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    def die_in_copy(source: str, destination: str) -> None:
        Path(destination).mkdir(exist_ok=True)
        (Path(destination) / "saved_model.pb").write_bytes(b"gra")
        raise Killed

    def die_before_rename(source: str, destination: str) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if step == "copy_dir":
            patch.setattr(pusher.io_utils, "copy_dir", die_in_copy)
        else:
            patch.setattr(fileio, "rename", die_before_rename)
        with pytest.raises(Killed):
            execute(saved_model, served)
    left = [folder.name for folder in served.iterdir()]
    assert left and not any(name.isdigit() for name in left)

    execute(saved_model, served)
    assert version_folders(served) == ["1700000000"]
    assert files(served / "1700000000") == files(saved_model)


def test_a_push_killed_after_the_rename_is_not_made_twice(
    saved_model: Path, served: Path, monkeypatch: pytest.MonkeyPatch
):
    def die(*unused: object, **named: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(PusherExecutor, "_MarkPushed", die)
        with pytest.raises(Killed):
            execute(saved_model, served)
    assert execute(saved_model, served).get_int_custom_property("pushed") == 1
    assert version_folders(served) == ["1700000000"]


def test_a_version_of_another_model_is_not_overwritten(saved_model: Path, served: Path):
    execute(saved_model, served)
    (served / "1700000000" / "saved_model.pb").write_bytes(b"other graph")
    with pytest.raises(FileExistsError, match="1700000000: holds another model"):
        execute(saved_model, served)


@pytest.mark.integration
def test_a_push_takes_the_item_sets_of_the_newest_version_along(tmp_path: Path, served: Path):
    exports = []
    for number, names in enumerate((["a", "b", "c"], ["b", "c", "d"])):
        model = NextItemModel(SASRec(3, dim=4, num_layers=1))
        exports.append(tmp_path / f"model {number}" / "Format-Serving")
        export_savedmodel(model, exports[-1], names)
        time = 1_700_000_000 + 1_000 * number
        os.utime(exports[-1] / "saved_model.pb", (time, time))
    execute(exports[0], served)
    sets = {"in stock": ["a", "d"], "new": ["b"]}
    assert register(served, sets, []) == str(served / "1700000001")
    for _ in range(2):  # the second time nothing is left to do
        execute(exports[1], served)
        assert version_folders(served) == ["1700000000", "1700000001", "1700001000"]
    assert read_item_sets(served / "1700001000") == sets
    assert check_export(served / "1700001000") == []
    # A copy of the work folder has another time: the model with its sets is there already.
    os.utime(exports[1] / "saved_model.pb", (1_700_002_000, 1_700_002_000))
    execute(exports[1], served)
    assert version_folders(served) == ["1700000000", "1700000001", "1700001000"]


def test_what_another_command_left_is_removed_and_one_waits_for_the_other(
    saved_model: Path, served: Path
):
    served.mkdir(parents=True)
    (served / f"{UNFINISHED}of item sets").mkdir()
    with ThreadPoolExecutor() as threads:
        with alone_in(str(served)):
            pushing = threads.submit(execute, saved_model, served)
            with pytest.raises(TimeoutError):
                pushing.result(0.5)
            assert version_folders(served) == []
        pushing.result(60)
    assert version_folders(served) == ["1700000000"]
    assert not [path for path in served.iterdir() if path.name.startswith(UNFINISHED)]


def test_a_copied_work_folder_pushes_no_second_version_of_its_model(
    saved_model: Path, served: Path
):
    """A copy has another time, of which the version is made, and the same content."""
    write_checksums(str(saved_model))
    execute(saved_model, served)
    os.utime(saved_model / "saved_model.pb", (1_700_000_009, 1_700_000_009))
    pushed = execute(saved_model, served)
    assert version_folders(served) == ["1700000000"]
    assert pushed.get_string_custom_property("pushed_version") == "1700000000"
    # The newest version is damaged: what is pushed is whole.
    (served / "1700000000" / "variables" / "variables.index").write_bytes(b"")
    execute(saved_model, served)
    assert sorted(folder.name for folder in served.iterdir()) == ["1700000000", "1700000009"]
