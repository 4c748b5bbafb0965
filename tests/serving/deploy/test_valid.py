"""Every deployment file is what its reader takes, and a typo in a field is refused."""

from pathlib import Path

import pytest

from tests.serving.deploy import files
from tests.serving.deploy.readers import ERRORS, READERS

# A field of each file, at some depth, and the typo made of it.
_TYPOS = {
    "compose.yaml": ("stop_grace_period:", "stop_grace_periods:"),
    "deployment.yaml": ("readOnlyRootFilesystem:", "readOnlyRootFileSystem:"),
    "horizontal_pod_autoscaler.yaml": ("averageUtilization:", "averageUtilisation:"),
    "network_policy.yaml": ("namespaceSelector:", "nameSpaceSelector:"),
    "persistent_volume_claim.yaml": ("accessModes:", "accessMode:"),
    "pod_disruption_budget.yaml": ("maxUnavailable:", "maxUnavailible:"),
    "service.yaml": ("appProtocol:", "protocolApp:"),
    "pod.yaml": ("restartPolicy:", "restartPolice:"),
    "inference_service.yaml": ("canaryTrafficPercent:", "canaryTrafficPercentage:"),
    "alerts.yaml": ("annotations:", "annotation:"),
    "models.config": ("num_versions:", "num_version:"),
    "rollout.config": ("version_labels ", "version_label "),
    "request_log.config": ("sampling_rate:", "sample_rate:"),
    "monitoring.config": ("enable:", "enabled:"),
    "batching.config": ("batch_timeout_micros ", "batch_timeout_millis "),
}
# The same for values.
_WRONG_VALUES = {
    "compose.yaml": ("cpus: 2", "cpus: [2]"),
    "deployment.yaml": ("maxSkew: 1", "maxSkew: one"),
    "service.yaml": ("apiVersion: v1", "apiVersion: v7"),
    "inference_service.yaml": ("minReplicas: 2", 'minReplicas: "2"'),
    "alerts.yaml": ("sum(rate(", "sum(rate(("),
    "rollout.config": ("value: 1760000000", 'value: "1760000000"'),
}


def test_every_file_has_a_reader() -> None:
    every_file = {file for file in files.DEPLOY.rglob("*") if file.is_file()}
    assert every_file - set(READERS) == {files.DEPLOY / "README.md"}
    assert set(_TYPOS) == {file.name for file in READERS}


@pytest.mark.parametrize("file", READERS, ids=lambda file: file.name)
def test_a_file_is_valid(file: Path) -> None:
    READERS[file](file)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [(name, *change) for changes in (_TYPOS, _WRONG_VALUES) for name, change in changes.items()],
)
def test_a_changed_copy_is_refused(name: str, right: str, wrong: str, tmp_path: Path) -> None:
    [original] = [file for file in READERS if file.name == name]
    text = original.read_text()
    assert right in text
    copy = tmp_path / name
    copy.write_text(text.replace(right, wrong, 1))
    with pytest.raises(ERRORS):
        READERS[original](copy)
