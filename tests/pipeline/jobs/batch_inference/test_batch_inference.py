"""The command: rows that are a server's answers, a folder that is whole, errors in words."""

import csv
import gzip
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.event_log.reader import EventLogFormat
from mclrec_tf.data.sample.sample_log import write_sample
from mclrec_tf.export.registered_sets import read_catalogue
from mclrec_tf.export.saved_model import export_savedmodel
from pipeline.batch_inference import main
from pipeline.beam_args import complete_beam_args
from pipeline.jobs.batch_inference.error import BatchInferenceError
from pipeline.jobs.batch_inference.output_folder import output_folder
from pipeline.jobs.batch_inference.recommend_to_parquet import SCHEMA, recommend_to_parquet
from pipeline.jobs.batch_inference.user_histories import find_histories
from pipeline.jobs.pushed_version import find_model
from pipeline.local_server import local_server, server_command
from tests.pipeline.jobs.batch_inference.answers import (
    assert_answers_are_a_servers,
    histories_of,
    rows_of,
)
from tests.serving.stand_in import EarlierVersion, write_export


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in two files, and a model that knows all but every seventh of its items.

    One user has more events than a history that a server reads.
    """
    folder = tmp_path_factory.mktemp("batch")
    write_sample(folder / "sample.csv", 3000)
    with open(folder / "sample.csv", newline="") as sample:
        rows = [row for row in csv.DictReader(sample) if row["item_id"] and row["user_id"]]
    items = sorted({row["item_id"] for row in rows})
    rows += [
        {"user_id": 'ü "x", 🍞', "item_id": items[n % 90], "timestamp": str(n)} for n in range(120)
    ]
    (folder / "log").mkdir()
    for name, part in (("1.csv", rows[::2]), ("2.csv.gz", rows[1::2])):
        opened = gzip.open if name.endswith(".gz") else open
        with opened(folder / "log" / name, "wt", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), extrasaction="ignore")
            writer.writeheader()
            writer.writerows(part)
    known = [item for n, item in enumerate(items) if n % 7]
    keras.utils.set_random_seed(1)
    model = MCLRec(SASRec(len(known), dim=16, num_layers=1))
    model(tf.ones([1, 5], tf.int32))
    export_savedmodel(
        model, str(folder / "models" / "mclrec" / "7"), known, item_sets={"in stock": known[::3]}
    )
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with local_server(server_command(folder / "models" / "mclrec")) as server:
        yield server.grpc


def run(folder: Path, output: Path, *options: str, data: str = "log") -> int:
    model = f"--model={folder / 'models' / 'mclrec'}"
    return main([model, f"--data={folder / data}", f"--output={output}", *options])


# 100 items come from the signature without options, 150 do not.
@pytest.mark.integration
@pytest.mark.parametrize("k", [20, 150])
def test_every_row_is_the_servers_answer(
    folder: Path, server: str, tmp_path: Path, k: int, capfd: pytest.CaptureFixture
):
    assert run(folder, tmp_path / "new" / "output", f"--k={k}") == 0
    told = capfd.readouterr().out
    assert [*(tmp_path / "new").iterdir()] == [tmp_path / "new" / "output"]
    rows = rows_of(tmp_path / "new" / "output")
    assert_answers_are_a_servers(rows, histories_of(folder / "log"), server, k)
    assert {row["model_version"] for row in rows} == {"7"}
    known, items = (sum(row[name] for row in rows) for name in ("known_items", "history_items"))
    assert 0 < known < items
    share = f"knows {known:,} of the {items:,} items ({known / items:.1%})"
    assert f"output: {len(rows)} users. The model {share}" in told
    assert "popularity" not in told
    for file in (tmp_path / "new" / "output").iterdir():
        assert pq.read_schema(file).types == SCHEMA.types
    assert SCHEMA.field("item_ids").type == pa.list_(pa.string())


@pytest.mark.integration
def test_examples_are_asked_with_their_history(
    folder: Path, server: str, tmp_path: Path, capfd: pytest.CaptureFixture
):
    histories = {"ann": ["unknown"], "bob": [], "cid": histories_of(folder / "log")['ü "x", 🍞']}
    with tf.io.TFRecordWriter(str(tmp_path / "data_tfrecord-0.gz"), "GZIP") as writer:
        for user, history in histories.items():
            example = tf.train.Example()
            example.features.feature["user_id"].bytes_list.value.append(user.encode())
            example.features.feature["history"].bytes_list.value.extend(map(str.encode, history))
            writer.write(example.SerializeToString())
    assert run(folder, tmp_path / "output", "--k=9", data=str(tmp_path)) == 0
    rows = rows_of(tmp_path / "output")
    assert_answers_are_a_servers(rows, histories, server, 9)
    counts = {row["user_id"]: (row["known_items"], row["history_items"]) for row in rows}
    assert counts["ann"] == (0, 1) and counts["bob"] == (0, 0)
    assert 0 < counts["cid"][0] < counts["cid"][1] == 50
    told = capfd.readouterr().out
    assert "3 users. The model knows" in told
    assert "It knows no item of 1 users (33.3%): they got the popularity ranking." in told


@pytest.mark.integration
def test_only_allowed_items_are_recommended(
    folder: Path, server: str, tmp_path: Path, capfd: pytest.CaptureFixture
):
    histories = histories_of(folder / "log")
    items = sorted({item for history in histories.values() for item in history})
    candidates, excluded = items[:60], items[20:30]
    (tmp_path / "candidates.txt").write_text("\r\n".join([*candidates, "", "unknown"]))
    (tmp_path / "excluded.gz").write_bytes(gzip.compress("\n".join(excluded).encode()))
    files = [f"--candidates={tmp_path / 'candidates.txt'}", f"--exclude={tmp_path / 'excluded.gz'}"]
    everyone = [candidates] * len(histories)

    def written(name: str, *options: str) -> list[dict]:
        assert run(folder, tmp_path / name, *options) == 0
        told = capfd.readouterr().out
        assert ("--candidates: " in told) == any("candidates=" in one for one in options)
        assert {path.suffix for path in (tmp_path / name).iterdir()} == {".parquet"}
        return rows_of(tmp_path / name)

    rows = written("set", "--candidate-set=in stock")
    assert_answers_are_a_servers(rows, histories, server, 20, candidate_set="in stock")
    rows = written("files", *files)
    options = {"candidates": everyone, "exclude": [excluded] * len(histories)}
    assert_answers_are_a_servers(rows, histories, server, 20, **options)
    rows = written("excluded", files[1])
    assert_answers_are_a_servers(rows, histories, server, 20, exclude=options["exclude"])
    rows = written("all", *files, "--candidate-set=in stock")
    assert_answers_are_a_servers(rows, histories, server, 20, candidate_set="in stock", **options)


@pytest.mark.integration
@pytest.mark.slow
def test_several_workers(folder: Path, server: str, tmp_path: Path):
    workers = "--direct_running_mode=multi_processing --direct_num_workers=2"
    arguments = f"--beam-args=--runner=FnApiRunner --sdk_container_image=none {workers}"
    assert run(folder, tmp_path / "output", arguments) == 0
    assert_answers_are_a_servers(
        rows_of(tmp_path / "output"), histories_of(folder / "log"), server, 20
    )


def test_a_log_of_other_ids_is_refused(folder: Path, tmp_path: Path, capfd):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nann,12.0,1\nbob,7.0,2\n")
    assert run(folder, tmp_path / "output", data=str(tmp_path / "log.csv")) == 1
    error = capfd.readouterr().err
    assert "mclrec/7: knows none of the 2 items that 2 users have in --data" in error
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_a_model_of_an_earlier_version_does_not_count(folder: Path, tmp_path: Path, capfd):
    earlier = write_export(tmp_path / "models" / "1", ["x", "y", "z"], model_type=EarlierVersion)
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nann,x,1\nbob,none,2\n")
    arguments = [f"--model={earlier}", f"--data={tmp_path / 'log.csv'}"]
    assert main([*arguments, f"--output={tmp_path / 'output'}"]) == 0
    assert "2 users. How many of their items the model knows is unknown" in capfd.readouterr().out
    rows = {row["user_id"]: row for row in rows_of(tmp_path / "output")}
    assert sorted(rows["ann"]["item_ids"]) == ["y", "z"]
    assert rows["bob"]["item_ids"] == ["x", "y", "z"]
    assert rows["ann"]["known_items"] is rows["bob"]["known_items"] is None
    assert pq.read_schema(next((tmp_path / "output").iterdir())).types == SCHEMA.types


def test_nobody_to_recommend_to(folder: Path, tmp_path: Path, capfd):
    with tf.io.TFRecordWriter(str(tmp_path / "empty.tfrecord")):
        pass
    assert run(folder, tmp_path / "output", data=str(tmp_path / "empty.tfrecord")) == 1
    assert "--data: contains no user" in capfd.readouterr().err
    assert not (tmp_path / "output").exists()


def test_paths_are_paths(folder: Path, tmp_path: Path):
    known = histories_of(folder / "log")['ü "x", 🍞']
    rows = "".join(f"ann,{item},{n}\n" for n, item in enumerate(known[:5]))
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n" + rows)
    coverage = recommend_to_parquet(
        model=find_model(folder / "models" / "mclrec"),
        users=find_histories(tmp_path / "log.csv", EventLogFormat(), 0),
        output=tmp_path / "output",
        k=3,
        beam_args=complete_beam_args(),
    )
    assert (coverage.users, coverage.items) == (1, 5)
    assert len(rows_of(tmp_path / "output")) == 1


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond some bytes, which programs meet as they meet a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_disk_that_is_full(folder: Path, tmp_path: Path, capsys):
    with full_disk():
        status = run(folder, tmp_path / "output")
    assert status == 1
    told = f"--output {tmp_path / 'output'}: cannot be written: OSError: [Errno 27] File too large."
    assert capsys.readouterr().err == f"{told} Make room, or give another folder.\n"
    assert [*tmp_path.iterdir()] == []


def test_outputs_that_cannot_be_written(folder: Path, tmp_path: Path, capfd):
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file" / "output", Path("/proc/none/output")):
        assert run(folder, output) == 1
        error = capfd.readouterr().err
        assert f"--output {output}: cannot be written: " in error and "Traceback" not in error
    with pytest.raises(BatchInferenceError, match="--output: is empty"), output_folder(""):
        pass


def test_cleaning_up_does_not_hide_the_first_error(tmp_path: Path):
    with pytest.raises(KeyError, match="first"), output_folder(tmp_path / "output") as unfinished:
        os.rmdir(unfinished)
        raise KeyError("first")


def test_a_damaged_model_and_damaged_examples_are_named(folder: Path, tmp_path: Path, capfd):
    broken = tmp_path / "1"
    shutil.copytree(folder / "models" / "mclrec" / "7", broken)
    items = (broken / "assets" / "items").read_bytes()
    (broken / "assets" / "items").write_bytes(items.replace(b"1", b"2", 1))
    arguments = [f"--data={folder / 'log'}", f"--output={tmp_path / 'output'}"]
    assert main([f"--model={broken}", *arguments]) == 1
    assert f"--model {broken}: is damaged: assets/items does not" in capfd.readouterr().err
    # Without checksums it is what loads.
    (broken / "assets.extra" / "SHA256SUMS").unlink()
    for file in (broken / "variables").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert main([f"--model={broken}", *arguments]) == 1
    error = capfd.readouterr().err
    assert f"--model {broken}: does not answer: " in error
    assert f"{sys.executable} -m serving.export_check {broken}" in error

    def write(name: str, *features: dict[str, tf.train.Feature]) -> str:
        with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
            for feature in features:
                example = tf.train.Example(features=tf.train.Features(feature=feature))
                writer.write(example.SerializeToString())
        return str(tmp_path / name)

    names = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a"]))
    numbers = tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))
    good = {"user_id": names, "history": names}
    cut = write("cut.tfrecord", good, good)
    Path(cut).write_bytes(Path(cut).read_bytes()[:-9])
    for file, message in (
        (cut, "cut.tfrecord: cannot be read after Example 1: the file is truncated or damaged"),
        (write("a.tfrecord", good, {"history": names}), "a.tfrecord: Example 2 has no feature us"),
        (
            write("b.tfrecord", {**good, "history": numbers}),
            "Example 1 must have a history of",
        ),
        (write("c.tfrecord", {**good, "user_id": numbers}), "Example 1 must have one byte string"),
    ):
        assert run(folder, tmp_path / "output", data=file) == 1
        assert message in capfd.readouterr().err
        assert not (tmp_path / "output").exists()


def test_a_run_that_fails_leaves_nothing(folder: Path, tmp_path: Path, capfd):
    (tmp_path / "log.csv").write_text(
        f"user_id,item_id,timestamp\nann,{histories_of(folder / 'log').popitem()[1][0]},1\n"
        "ann,y,soon\n"
    )
    assert run(folder, tmp_path / "output", data=str(tmp_path / "log.csv")) == 1
    assert "log.csv: 1 of 2 rows (50.00%) cannot be used" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
    assert run(folder, tmp_path / "output", "--max-bad-rows=1", data=str(tmp_path / "log.csv")) == 0
    assert [row["user_id"] for row in rows_of(tmp_path / "output")] == ["ann"]


def test_what_a_killed_run_left_is_not_the_output(tmp_path: Path):
    left = tmp_path / ".output.unfinished"
    left.mkdir()
    (left / "recommendations-00000-of-00002.parquet").write_text("half")
    with output_folder(str(tmp_path / "output")) as folder:
        assert not (tmp_path / "output").exists()
        assert os.listdir(folder) == []
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


@pytest.fixture
def error(folder: Path, tmp_path: Path, capfd) -> Iterator[Callable[..., str]]:
    """What is told of a wrong argument, before anything is done."""

    def error(**changed: str) -> str:
        arguments = {
            "model": str(folder / "models" / "mclrec" / "7"),
            "data": str(folder / "log"),
            "output": str(tmp_path / "output"),
        }
        options = [f"--{name}={value}" for name, value in {**arguments, **changed}.items()]
        assert main(options) == 1
        return capfd.readouterr().err

    yield error
    assert not (tmp_path / "output").exists()


def test_a_wrong_model_is_told_before_anything_is_done(error, folder: Path, tmp_path: Path):
    assert "contains neither a SavedModel nor a version" in error(model=str(folder / "log"))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    assert "cannot be read" in error(model=str(tmp_path))
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"")
    assert "has no signature 'recommend'" in error(model=str(tmp_path))


def test_items_that_cannot_be_allowed_are_told(error, folder: Path, tmp_path: Path):
    assert "--candidates no.txt: does not exist" in error(candidates="no.txt")
    assert f"--exclude {tmp_path}: cannot be read" in error(exclude=str(tmp_path))
    (tmp_path / "items").write_text("\n\n")
    assert "items: has no item. Write an item id in each line" in error(
        candidates=str(tmp_path / "items")
    )
    (tmp_path / "items").write_bytes(b"a\nb\n\xff\n")
    assert "items: line 3 is no UTF-8" in error(exclude=str(tmp_path / "items"))
    (tmp_path / "items").write_bytes(gzip.compress(b"a\nb\n" * 99)[:-9])
    assert "items: is damaged" in error(exclude=str(tmp_path / "items"))
    (tmp_path / "items").write_text("a\rb\r")
    assert "holds a carriage return" in error(candidates=str(tmp_path / "items"))
    (tmp_path / "items").write_text("12.0\n")
    for option in ("candidates", "exclude"):
        told = error(**{option: str(tmp_path / "items")})
        assert f"--{option}: none of its 1 items, such as '12.0', is among the" in told
    known = read_catalogue(folder / "models" / "mclrec" / "7")
    (tmp_path / "all").write_text("\n".join(known))
    assert "excludes every item that is allowed" in error(exclude=str(tmp_path / "all"))
    told = error(**{"candidate-set": "sold"})
    assert "--candidate-set 'sold': " in told and "has no such set; it has 'in stock'" in told
    earlier = write_export(tmp_path / "models" / "1", ["x", "y"], model_type=EarlierVersion)
    (tmp_path / "items").write_text("x\n")
    told = error(model=str(earlier), candidates=str(tmp_path / "items"))
    assert "The export is of an earlier version, which has no item sets" in told
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_wrong_data_and_outputs_are_told_before_anything_is_done(
    error, folder: Path, tmp_path: Path, capfd
):
    assert "no such file or folder" in error(data=str(tmp_path / "none.csv"))
    assert "no file matches" in error(data=str(tmp_path / "*tfrecord*"))
    with tf.io.TFRecordWriter(str(tmp_path / "a_tfrecord")) as writer:
        writer.write(tf.train.Example().SerializeToString())
    assert "a_tfrecord: Example 1 has no feature user_id and no history" in error(
        data=str(tmp_path / "a_tfrecord")
    )
    assert "--item-column" in error(**{"item-column": "product"})
    assert "exists already" in error(output=str(folder))
    with pytest.raises(SystemExit) as wrong:
        main([f"--model={tmp_path}", "--data=x", "--output=y", "--k=0"])
    assert wrong.value.code == 2 and "--k must be at least 1" in capfd.readouterr().err
