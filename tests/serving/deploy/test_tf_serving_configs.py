"""What the files of TF Serving say suits the model and its clients."""

import inspect
import re

from serving.client import RecommendationClient
from serving.devserver.configuration.config_files import read_config
from serving.devserver.request_log.logging_configs import model_logs
from serving.export_contract import SIGNATURES
from tests.serving.deploy import files
from tests.serving.tf_serving_configs import BatchingParameters


def test_labels_name_versions_that_are_loaded() -> None:
    rollout = files.model(files.ROLLOUT_CONFIG)
    assert set(rollout.version_labels) == {"stable", "canary"}
    versions = rollout.model_version_policy.specific.versions
    assert set(rollout.version_labels.values()) == set(versions)
    assert rollout.version_labels["stable"] < rollout.version_labels["canary"]
    assert files.model(files.MODELS_CONFIG).model_version_policy.latest.num_versions == 1


def test_batching_is_safe_for_the_signatures_that_it_names() -> None:
    batching = read_config(str(files.BATCHING_CONFIG), BatchingParameters)
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == sorted(set(sizes)) and sizes[-1] == batching.max_batch_size.value
    rows = inspect.signature(RecommendationClient).parameters["rows_per_request"].default
    assert sizes[-1] >= rows
    assert not batching.pad_variable_length_inputs
    unsafe = {
        (signature, name)
        for signature, contract in SIGNATURES.items()
        for name, shape in contract.shapes.items()
        if -1 in shape[1:]
    }
    assert unsafe == {
        ("recommend", "exclude"),
        ("recommend_among", "exclude"),
        ("recommend_among", "candidates"),
    }
    comment = files.BATCHING_CONFIG.read_text()
    assert all(signature in comment for signature in SIGNATURES)


def test_what_is_logged_lies_in_the_folder_that_the_comment_says() -> None:
    comment = files.REQUEST_LOG_CONFIG.read_text()
    [folder] = re.findall(r"--request_log=([^,\s]+)", comment)
    runbook = (files.DEPLOY / "README.md").read_text()
    assert f"--request_log={folder} " in runbook
    model = files.model(files.REQUEST_LOG_CONFIG)
    [log] = model_logs({model.name: model}, folder, 1).values()
    assert log.prefix.startswith(f"{folder}/") and 0 < log.sampling_rate < 1
