"""What the operating system refuses reaches the user as a sentence, and is never hidden."""

import errno
import fcntl
import logging
import os
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf

from mclrec_tf.data.sample.sample_log import write_sample
from pipeline import demo, run_kubeflow, run_local
from pipeline.beam_args import complete_beam_args
from pipeline.cli.os_errors import refusal, tells_os_errors
from pipeline.components.pusher.component import push
from pipeline.components.run_page.contents import Contents
from pipeline.components.run_page.page import write_page
from pipeline.jobs.batch_inference.output_folder import whole_folder
from pipeline.runners.kubeflow import try_spec
from pipeline.runners.local.own_metadata import own_metadata
from pipeline.runners.local.workdir import RunError, Workdir
from pipeline.settings import Settings
from tests.pipeline.small_disk import fill, small_disk

FULL = os.strerror(errno.ENOSPC)


def caught(act) -> Exception:
    try:
        act()
    except Exception as error:
        return error
    raise AssertionError("nothing was refused")


@pytest.fixture
def full_disk(tmp_path: Path):
    with small_disk(tmp_path / "disk") as disk:
        fill(disk)
        yield disk


def test_a_full_disk_is_told_by_every_library_that_writes(full_disk: Path):
    def by_tensorflow():
        with tf.io.gfile.GFile(str(full_disk / "file"), "w") as file:
            file.write("x" * 100_000)

    def by_python():
        (full_disk / "file").write_text("x" * 100_000)

    def by_beam():
        options = beam.pipeline.PipelineOptions(complete_beam_args(None))
        with beam.Pipeline(options=options) as pipeline:
            lines = pipeline | beam.Create(["x" * 1000] * 1000)
            _ = lines | beam.io.WriteToText(str(full_disk / "lines"))

    for act in (by_python, by_tensorflow, by_beam):
        text = refusal(caught(act))
        assert text is not None and FULL in text and "Make room" in text, act
        (full_disk / "file").unlink(missing_ok=True)


def test_the_first_refusal_is_told_and_not_what_failed_afterwards(tmp_path: Path):
    def act():
        try:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/the/data.csv")
        finally:
            raise OSError(errno.ENOSPC, FULL, "/the/log")

    text = refusal(caught(act))
    assert text is not None and text.startswith("/the/data.csv: Permission denied")


def test_errors_of_the_program_are_none_of_the_operating_system():
    assert refusal(ValueError("k must be at least 1")) is None
    with pytest.raises(ValueError, match="k must be"):
        tells_os_errors(lambda _: (_ for _ in ()).throw(ValueError("k must be at least 1")))(None)


def test_a_log_on_a_full_disk_hides_no_error_and_gives_the_screen_back(
    tmp_path: Path, capfd: pytest.CaptureFixture
):
    with small_disk(tmp_path / "disk") as disk:
        with pytest.raises(RunError, match="the first"), Workdir(disk).log():
            fill(disk)
            logging.getLogger().error("x" * 100_000)
            raise RunError("the first")
        os.write(2, b"the screen\n")
    assert capfd.readouterr().err.endswith("the screen\n")


def buffered() -> dict[str, str]:
    """The environment with what Python keeps by default until it can be written."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}


_LOG_ON_A_FULL_DISK = """
import contextlib, logging, resource, signal, sys
from pathlib import Path
from pipeline.runners.local.workdir import Workdir
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Workdir(Path(sys.argv[1])).log() as file:
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, resource.RLIM_INFINITY))
    logging.getLogger().error("no room for this")
    with contextlib.suppress(OSError):
        print("nor for this", file=sys.stderr)
print("the screen", file=sys.stderr)
"""


def test_what_a_log_on_a_full_disk_did_not_take_stays_off_the_screen(tmp_path: Path):
    command = [sys.executable, "-c", _LOG_ON_A_FULL_DISK, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, env=buffered())
    assert (ended.returncode, ended.stderr) == (0, "the screen\n")


@pytest.mark.parametrize("options", [["--help"], ["--workdir", "{workdir}"]])
def test_output_to_a_full_disk_is_told_in_one_sentence(tmp_path: Path, options: list[str]):
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "pipeline.demo", *(o.format(workdir=tmp_path) for o in options)],
            stdout=full,
            stderr=subprocess.PIPE,
            env=buffered(),
            text=True,
        )
    assert ended.returncode == 1
    assert ended.stderr == f"{FULL}. Make room; the same command goes on from here.\n"


def test_a_closed_output_is_no_error():
    command = f"{shlex.quote(sys.executable)} -m pipeline.demo --help >&-"
    assert subprocess.run(command, shell=True, stderr=subprocess.PIPE).returncode == 0


_SPEC = ("--pipeline-root=gs://a/b", "--serving-dir=gs://a/c", "--image=image", "--data=gs://a/d")


@pytest.mark.integration  # each starts a process that loads TensorFlow
@pytest.mark.parametrize(
    "command",
    [
        ("demo", "--workdir={folder}/run"),
        ("inspect", "{folder}/log.csv"),
        ("run_local", "--data={folder}/log.csv", "--workdir={folder}/run"),
        ("batch_inference", "--model={folder}", "--data={folder}/log.csv", "--output={folder}/out"),
        ("serving_skew", "--data={folder}/log.csv", "--served={folder}"),
        ("watch", "--requests={folder}", "--data={folder}/log.csv", "--out={folder}/page.html"),
        ("run_kubeflow", "--output={folder}/spec.yaml", *_SPEC),
    ],
    ids=lambda command: command[0],
)
def test_another_backend_of_keras_is_told_in_one_sentence(
    tmp_path: Path, log: Path, command: tuple[str, ...]
):
    module, *options = command
    ended = subprocess.run(
        [sys.executable, "-m", f"pipeline.{module}", *(o.format(folder=tmp_path) for o in options)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(
        "mclrec_tf needs TensorFlow as the backend of Keras, but the environment"
    )


def test_a_training_that_diverges_is_told_in_one_sentence(capsys: pytest.CaptureFixture[str]):
    @tells_os_errors
    def main(arguments: list[str] | None = None) -> int | None:
        raise FloatingPointError("rec_loss is not finite, training stops. Lower the learning rate.")

    assert main() == 1
    said = "rec_loss is not finite, training stops. Lower the learning rate.\n"
    assert capsys.readouterr().err == said


def test_a_page_on_a_full_disk_is_no_page(full_disk: Path):
    page = full_disk / "page.html"
    assert caught(lambda: write_page(page, Contents("failed", "why"), Settings(), "log.csv"))
    assert not page.exists()


def test_a_push_on_a_full_disk_leaves_nothing_and_works_when_there_is_room(tmp_path: Path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"x" * 100_000)
    with small_disk(tmp_path / "disk") as disk:
        ballast = fill(disk)
        text = refusal(caught(lambda: push(model, disk / "models", 7)))
        assert text is not None and FULL in text
        ballast.unlink()
        assert push(model, disk / "models", 7) == str(disk / "models" / "7")
        assert [folder.name for folder in (disk / "models").iterdir()] == ["7"]


def test_the_output_of_batch_inference_tells_the_first_error(full_disk: Path):
    def act():
        with whole_folder(full_disk / "output") as folder:
            (full_disk / "ballast").unlink()
            Path(folder).rmdir()
            raise RuntimeError("the first")

    assert str(caught(act)) == "the first"


def run(*options: str | Path) -> int:
    return run_local.main([str(option) for option in options])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.csv"
    file.write_text("user_id,item_id,timestamp\nu,i,1\n")
    return file


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("file", "File exists"),
        ("file/below", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("read-only/new", "Read-only file system"),
        ("read-only", "Read-only file system"),
    ],
)
def test_a_work_folder_that_cannot_be(
    tmp_path: Path, log: Path, capfd: pytest.CaptureFixture, place: str, reason: str
):
    (tmp_path / "file").touch()
    with small_disk(tmp_path / "read-only", options=",ro"):
        assert run("--data", log, "--workdir", tmp_path / place) == 1
        assert demo.main([f"--workdir={tmp_path / place}"]) == 1
    for text in capfd.readouterr().err.strip().split("\n"):
        assert f"{tmp_path / place}"[:100] in text and reason in text


@pytest.mark.parametrize("place", ["file", "file/below", "read-only", "read-only/new"])
def test_a_folder_of_models_that_cannot_be_is_told_before_anything_is_done(
    tmp_path: Path, log: Path, capfd: pytest.CaptureFixture, place: str
):
    (tmp_path / "file").touch()
    with small_disk(tmp_path / "read-only", options=",ro"):
        status = run(
            "--data", log, "--workdir", tmp_path / "run", "--serving-dir", tmp_path / place
        )
    assert status == 1
    assert capfd.readouterr().err.startswith(f"--serving-dir: {tmp_path / place.split('/')[0]}")
    assert not (tmp_path / "run" / "artifacts").exists()


def metadata_file(tmp_path: Path) -> tuple[Workdir, Path]:
    workdir = Workdir(tmp_path)
    return workdir, Path(workdir.metadata_file)


def test_metadata_that_are_no_database(tmp_path: Path):
    workdir, file = metadata_file(tmp_path)
    file.write_text("these are notes\n" * 100)
    with pytest.raises(RunError, match=f"{file}: .*file is not a database. Restore"):
        own_metadata(workdir)
    file.unlink()
    file.mkdir()
    with pytest.raises(RunError, match=f"{file}: .*unable to open database file"):
        own_metadata(workdir)


def test_metadata_that_are_cut_off(tmp_path: Path):
    workdir, file = metadata_file(tmp_path)
    own_metadata(workdir)
    os.truncate(file, file.stat().st_size // 3)
    with pytest.raises(RunError, match=f"{file}: .*malformed. Restore"):
        own_metadata(workdir)


@pytest.mark.parametrize(("version", "advice"), [(99, "newer version"), (5, "older version")])
def test_metadata_of_another_version(tmp_path: Path, version: int, advice: str):
    workdir, file = metadata_file(tmp_path)
    own_metadata(workdir)
    with sqlite3.connect(file) as database:
        database.execute("update MLMDEnv set schema_version = ?", [version])
    with pytest.raises(RunError, match=f"{file}: .*{advice}"):
        own_metadata(workdir)


@pytest.mark.integration  # another process; ML Metadata waits a while for it
def test_metadata_that_another_program_holds(tmp_path: Path):
    workdir, file = metadata_file(tmp_path)
    own_metadata(workdir)
    code = (
        "import sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('begin exclusive'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(RunError, match=f"{file}: .*End the program that holds it"):
            own_metadata(workdir)
        holder.communicate()
    own_metadata(workdir)


def test_metadata_of_a_full_disk(tmp_path: Path):
    with small_disk(tmp_path / "disk") as disk:
        ballast = fill(disk)
        with pytest.raises(RunError, match="metadata.sqlite: .*"):
            own_metadata(Workdir(disk))
        ballast.unlink()
        own_metadata(Workdir(disk))


def test_a_demo_in_a_folder_in_use_says_so(tmp_path: Path, capfd: pytest.CaptureFixture):
    with open(tmp_path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert demo.main([f"--workdir={tmp_path}"]) == 1
    assert f"--workdir {tmp_path}: another run uses it." in capfd.readouterr().err


def test_half_a_sample_is_no_sample(tmp_path: Path):
    with small_disk(tmp_path / "disk") as disk:
        assert FULL in str(caught(lambda: write_sample(disk / "sample.csv", 200_000)))
        assert list(disk.iterdir()) == []


def test_a_spec_that_cannot_be_written(tmp_path: Path, capfd: pytest.CaptureFixture):
    (tmp_path / "file").touch()
    where = [f"--{name}=gs://shop/{name}" for name in ("pipeline-root", "serving-dir")]
    arguments = [*where, "--data=gs://shop/log.csv", "--image=image"]
    assert run_kubeflow.main([*arguments, f"--output={tmp_path}/file/spec.yaml"]) == 1
    assert f"{tmp_path}/file: File exists" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        try_spec.main([str(tmp_path / "absent.yaml"), f"--store={tmp_path}"])
    assert "absent.yaml: No such file or directory" in capfd.readouterr().err
