"""Several worker processes make of a log what one process makes of it, and none of them stays."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mclrec_tf.data.sample.sample_log import write_sample
from pipeline.components.evaluator.results import read_results
from pipeline.components.example_gen.splits.split_example import EXAMPLE_SPLITS
from pipeline.components.trainer.transformed_examples import read_held_out, read_training
from pipeline.runners.local.run_history import ComponentRun
from tests.pipeline.local_run import SMALL_MODEL, LocalRun

pytestmark = pytest.mark.slow

WORKERS = "--beam-args=--direct_running_mode=multi_processing --direct_num_workers=2"
# With one thread TensorFlow adds gradients in the same order in every run.
ONE_THREAD = {"TF_NUM_INTEROP_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}

Outputs = dict[str, ComponentRun]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outputs]:
    """The outputs of the whole pipeline with workers and without, on one log of two files."""
    log = tmp_path_factory.mktemp("log")
    for seed, name in enumerate(("a.csv", "b.csv")):
        write_sample(log / name, 2000, seed=seed)
    outputs = {}
    for name, options in (("one process", []), ("workers", [WORKERS])):
        run = LocalRun(log, tmp_path_factory.mktemp(name.replace(" ", "-")))
        finish(run, *SMALL_MODEL, "--min-lift=0", *options)
        outputs[name] = run.components()
    return outputs


def finish(run: LocalRun, *options: str) -> None:
    """Runs the pipeline to a clean end, with nothing of it left running."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pipeline.run_local"),
            *(f"--data={run.log}", f"--workdir={run.workdir}", *options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ONE_THREAD,
        start_new_session=True,
    )
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors
    assert errors == ""
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def both(runs: dict[str, Outputs], component: str, key: str) -> list[str]:
    return [outputs[component].outputs[key][0].uri for outputs in runs.values()]


def records(uri: str, split: str) -> list[bytes]:
    files = tf.io.gfile.glob(f"{uri}/Split-{split}/*")
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())


def test_workers_shared_the_work(runs: dict[str, Outputs]):
    one, several = both(runs, "FileBasedExampleGen", "examples")
    assert len(os.listdir(f"{one}/Split-train")) == 1
    assert len(os.listdir(f"{several}/Split-train")) > 1


@pytest.mark.parametrize("split", EXAMPLE_SPLITS)
def test_the_same_examples(runs: dict[str, Outputs], split: str):
    one, several = both(runs, "FileBasedExampleGen", "examples")
    assert Counter(records(one, split)) == Counter(records(several, split))
    assert records(one, split)


def test_the_same_event_log_report(runs: dict[str, Outputs]):
    one, several = both(runs, "FileBasedExampleGen", "examples")
    name = "event_log_report.json"
    assert Path(one, name).read_text() == Path(several, name).read_text()


def test_the_same_vocabulary(runs: dict[str, Outputs]):
    one, several = both(runs, "Transform", "transform_graph")
    name = "transform_fn/assets/items"
    assert Path(one, name).read_bytes() == Path(several, name).read_bytes()


def test_training_sees_the_same_users_in_the_same_order(runs: dict[str, Outputs]):
    for split in EXAMPLE_SPLITS:
        one, several = (
            read_held_out([f"{uri}/Split-{split}/*"])
            for uri in both(runs, "Transform", "transformed_examples")
        )
        np.testing.assert_array_equal(one[0].items, several[0].items)
        np.testing.assert_array_equal(one[0].row_splits, several[0].row_splits)
        np.testing.assert_array_equal(one[1], several[1])
    trained = [
        read_training([f"{uri}/Split-train/*"])
        for uri in both(runs, "Transform", "transformed_examples")
    ]
    np.testing.assert_array_equal(trained[0].items, trained[1].items)
    np.testing.assert_array_equal(trained[0].row_splits, trained[1].row_splits)


def test_the_same_metrics_on_every_slice(runs: dict[str, Outputs]):
    one, several = (read_results(uri) for uri in both(runs, "Evaluator", "evaluation"))
    assert one.keys() == several.keys() and len(one) > 1
    for name, result in one.items():
        other = several[name]
        assert other.users == result.users, name
        assert other.metrics == pytest.approx(result.metrics, rel=1e-9), name
        for policy, moments in result.moments.items():
            np.testing.assert_allclose(
                other.moments[policy].sums, moments.sums, rtol=1e-9, err_msg=name
            )


def test_both_models_are_pushed(runs: dict[str, Outputs]):
    for outputs in runs.values():
        pushed = outputs["Pusher"].outputs["pushed_model"][0].custom_properties
        assert pushed["pushed"].int_value == 1
