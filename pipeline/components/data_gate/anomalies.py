"""TFDV's anomalies as sentences for the person who has to decide."""

import os
from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.dsl.io import fileio

_ADVICE = """\
Correct or remove these data, or deliver them again as a new version of their span. The next run
checks again what was not accepted. If the data are right, change the limit that they break: copy
the schema, edit the drift_comparator, domain or presence of the feature, or the
dataset_constraints, and give the copy with --schema."""


class DataRefused(ValueError):
    """The data must not be used for training.

    Args:
        findings: One line for each reason. The message lists them and says what to do.
    """

    def __init__(self, findings: list[str]):
        lines = "\n".join(f"  {finding}" for finding in findings)
        super().__init__(f"The data were refused, nothing was trained:\n{lines}\n{_ADVICE}")


def read_findings(uri: str) -> list[str]:
    """Reads the anomalies that ExampleValidator found in every split.

    Args:
        uri: The folder of ExampleValidator's output.

    Returns:
        One line for each anomaly.
    """
    found: list[str] = []
    for file in sorted(fileio.glob(os.path.join(uri, "Split-*", DEFAULT_FILE_NAME))):
        split = os.path.basename(os.path.dirname(file)).removeprefix("Split-")
        with fileio.open(file, "rb") as content:
            anomalies = anomalies_pb2.Anomalies.FromString(content.read())
        found += findings(f"split {split}", anomalies)
    return found


def findings(where: str, anomalies: anomalies_pb2.Anomalies) -> Iterator[str]:
    """Yields one line for each anomaly, with its location, its feature and what is wrong.

    Args:
        where: The location, for example a split or a span.
        anomalies: What TFDV has found there.
    """
    for path, info in sorted(anomalies.anomaly_info.items()):
        feature = ".".join(info.path.step) or path
        for reason in info.reason:
            yield f"{where}, {feature}: {_sentence(reason)}"
    for reason in anomalies.dataset_anomaly_info.reason:
        yield f"{where}: {_sentence(reason)}"


def _sentence(reason: anomalies_pb2.AnomalyInfo.Reason) -> str:
    kind, text = reason.short_description.rstrip("."), reason.description
    return text if text.startswith(kind) else f"{kind}. {text}"
