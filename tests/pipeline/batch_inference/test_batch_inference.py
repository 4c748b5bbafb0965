"""The command: rows that are a server's answers, a folder that is whole, errors in words."""

import csv
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import keras
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from rich.console import Console

from mclrec_tf import MCLRec, SASRec
from mclrec_tf.data.sample import write_sample
from mclrec_tf.export import export_savedmodel
from pipeline.batch_inference.__main__ import main
from pipeline.batch_inference.batch_inference import SCHEMA
from pipeline.batch_inference.output_folder import whole_folder
from pipeline.demo import served
from tests.pipeline.batch_inference.answers import (
    assert_answers_are_a_servers,
    histories_of,
    rows_of,
)


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
    export_savedmodel(model, str(folder / "models" / "mclrec" / "7"), known)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with served(folder / "models" / "mclrec", Console(quiet=True)) as (grpc_port, _):
        yield f"127.0.0.1:{grpc_port}"


def run(folder: Path, output: Path, *options: str, data: str = "log") -> int:
    model = f"--model={folder / 'models' / 'mclrec'}"
    return main([model, f"--data={folder / data}", f"--output={output}", *options])


# 100 items come from the signature without options, 150 do not.
@pytest.mark.parametrize("k", [20, 150])
def test_every_row_is_the_servers_answer(folder: Path, server: str, tmp_path: Path, k: int):
    assert run(folder, tmp_path / "new" / "output", f"--k={k}") == 0
    assert [*(tmp_path / "new").iterdir()] == [tmp_path / "new" / "output"]
    rows = rows_of(tmp_path / "new" / "output")
    assert_answers_are_a_servers(rows, histories_of(folder / "log"), server, k)
    assert {row["model_version"] for row in rows} == {"7"}
    for file in (tmp_path / "new" / "output").iterdir():
        assert pq.read_schema(file).types == SCHEMA.types
    assert SCHEMA.field("item_ids").type == pa.list_(pa.string())


def test_examples_are_asked_with_their_history(folder: Path, server: str, tmp_path: Path):
    histories = {"ann": ["unknown"], "bob": [], "cid": histories_of(folder / "log")['ü "x", 🍞']}
    with tf.io.TFRecordWriter(str(tmp_path / "data_tfrecord-0.gz"), "GZIP") as writer:
        for user, history in histories.items():
            example = tf.train.Example()
            example.features.feature["user_id"].bytes_list.value.append(user.encode())
            example.features.feature["history"].bytes_list.value.extend(map(str.encode, history))
            writer.write(example.SerializeToString())
    assert run(folder, tmp_path / "output", "--k=9", data=str(tmp_path)) == 0
    assert_answers_are_a_servers(rows_of(tmp_path / "output"), histories, server, 9)


@pytest.mark.slow
def test_several_workers(folder: Path, server: str, tmp_path: Path):
    workers = "--direct_running_mode=multi_processing --direct_num_workers=2"
    arguments = f"--beam-args=--runner=FnApiRunner --sdk_container_image=none {workers}"
    assert run(folder, tmp_path / "output", arguments) == 0
    assert_answers_are_a_servers(
        rows_of(tmp_path / "output"), histories_of(folder / "log"), server, 20
    )


def test_a_run_that_fails_leaves_nothing(folder: Path, tmp_path: Path, capfd):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nann,x,1\nann,y,soon\n")
    assert run(folder, tmp_path / "output", data=str(tmp_path / "log.csv")) == 1
    assert "log.csv: 1 of 2 rows (50.00%) cannot be used" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
    assert run(folder, tmp_path / "output", "--max-bad-rows=1", data=str(tmp_path / "log.csv")) == 0
    assert [row["user_id"] for row in rows_of(tmp_path / "output")] == ["ann"]


def test_what_a_killed_run_left_is_not_the_output(tmp_path: Path):
    left = tmp_path / ".output.unfinished"
    left.mkdir()
    (left / "recommendations-00000-of-00002.parquet").write_text("half")
    with whole_folder(str(tmp_path / "output")) as folder:
        assert not (tmp_path / "output").exists()
        assert os.listdir(folder) == []
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_wrong_arguments_are_told_before_anything_is_done(folder: Path, tmp_path: Path, capfd):
    def error(**changed: str) -> str:
        arguments = {
            "model": str(folder / "models" / "mclrec" / "7"),
            "data": str(folder / "log"),
            "output": str(tmp_path / "output"),
        }
        options = [f"--{name}={value}" for name, value in {**arguments, **changed}.items()]
        assert main(options) == 1
        return capfd.readouterr().err

    assert "no SavedModel is here" in error(model=str(folder / "log"))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    assert "cannot be read" in error(model=str(tmp_path))
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"")
    assert "has no signature 'recommend'" in error(model=str(tmp_path))
    assert "no such file or folder" in error(data=str(tmp_path / "none.csv"))
    assert "no file matches" in error(data=str(tmp_path / "*tfrecord*"))
    with tf.io.TFRecordWriter(str(tmp_path / "a_tfrecord")) as writer:
        writer.write(tf.train.Example().SerializeToString())
    assert "no feature user_id and no history" in error(data=str(tmp_path / "a_tfrecord"))
    assert "--item-column" in error(**{"item-column": "product"})
    assert "exists already" in error(output=str(folder))
    assert not (tmp_path / "output").exists()
    with pytest.raises(SystemExit) as wrong:
        main([f"--model={tmp_path}", "--data=x", "--output=y", "--k=0"])
    assert wrong.value.code == 2 and "--k must be at least 1" in capfd.readouterr().err
