"""A run finds what other runs left, never what is its own, also when it is started again."""

from pathlib import Path

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto.metadata_store_pb2 import (
    Artifact,
    ArtifactType,
    Event,
    Execution,
    ExecutionType,
)
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing

from pipeline.components.data_gate.accepted_data import AcceptedData
from pipeline.resolvers import (
    LatestAcceptedDataStrategy,
    LatestBlessedModelOfOtherDataStrategy,
    LatestBlessedOtherModelStrategy,
)


class Nights:
    """A metadata store with trainings as TFX writes them."""

    def __init__(self, folder: Path):
        config = sqlite_metadata_connection_config(str(folder / "m.sqlite"))
        self.store = metadata_store.MetadataStore(config)
        self._training = self.store.put_execution_type(ExecutionType(name="Trainer"))
        self._type = self.store.put_artifact_type(ArtifactType(name="artifact"))
        self._models: list[Model] = []
        self._blessings: list[ModelBlessing] = []

    def examples(self) -> Examples:
        artifact = Examples()
        (artifact.id,) = self.store.put_artifacts([Artifact(type_id=self._type)])
        return artifact

    def train(self, examples: Examples, base: list[int], blessed: bool = True) -> int:
        """Trains on Examples, from a model if there is one; returns the id of the new model."""
        read = [(Artifact(type_id=self._type, id=number), Event.INPUT) for number in base]
        read.append((Artifact(type_id=self._type, id=examples.id), Event.INPUT))
        pairs = [(one, Event(type=kind)) for one, kind in read]
        pairs.append((Artifact(type_id=self._type), Event(type=Event.OUTPUT)))
        _, written, _ = self.store.put_execution(Execution(type_id=self._training), pairs, [])
        model, blessing = Model(), ModelBlessing()
        model.id = written[-1]
        blessing.set_int_custom_property("current_model_id", model.id)
        blessing.set_int_custom_property("blessed", int(blessed))
        self._models.append(model)
        self._blessings.append(blessing)
        return model.id

    def base(self, examples: Examples) -> list[int]:
        """What a training on these Examples goes on from."""
        inputs = {"model": self._models[:], "model_blessing": self._blessings[:]}
        resolved = LatestBlessedModelOfOtherDataStrategy().resolve_artifacts(
            self.store, {**inputs, "examples": [examples]}
        )
        assert resolved["examples"] == [examples]
        return [model.id for model in resolved.get("model", [])]


def test_the_first_training_starts_from_scratch_as_often_as_it_is_started(tmp_path: Path):
    nights = Nights(tmp_path)
    first = nights.examples()
    assert nights.base(first) == []
    nights.train(first, base=[])
    assert nights.base(first) == []


def test_a_repeated_night_goes_on_from_the_night_before_and_not_from_itself(tmp_path: Path):
    nights = Nights(tmp_path)
    before = nights.train(nights.examples(), base=[])
    today = nights.examples()
    own = nights.train(today, base=nights.base(today))
    assert nights.base(today) == [before]
    assert nights.base(nights.examples()) == [own]


def test_a_refused_model_is_passed_over(tmp_path: Path):
    nights = Nights(tmp_path)
    before = nights.train(nights.examples(), base=[])
    nights.train(nights.examples(), base=[before], blessed=False)
    assert nights.base(nights.examples()) == [before]


def model(number: int) -> Model:
    artifact = Model()
    artifact.id = number
    return artifact


def blessing(number: int, blessed: bool = True) -> ModelBlessing:
    artifact = ModelBlessing()
    artifact.set_int_custom_property("current_model_id", number)
    artifact.set_int_custom_property("blessed", int(blessed))
    return artifact


def resolve(models: list[int], blessings: list[ModelBlessing], candidate: int) -> list[int]:
    resolved = LatestBlessedOtherModelStrategy().resolve_artifacts(
        None,
        {
            "model": [model(number) for number in models],
            "model_blessing": blessings,
            "candidate": [model(candidate)],
        },
    )
    assert [artifact.id for artifact in resolved["candidate"]] == [candidate]
    return [artifact.id for artifact in resolved["model"]]


def test_the_first_model_has_no_baseline():
    assert resolve([1], [], candidate=1) == []


def test_a_model_that_was_blessed_already_is_not_its_own_baseline():
    assert resolve([1], [blessing(1)], candidate=1) == []
    assert resolve([1, 2], [blessing(1), blessing(2)], candidate=2) == [1]


def test_the_latest_blessed_model_is_taken_and_refused_ones_are_passed_over():
    blessings = [blessing(1), blessing(2), blessing(3, blessed=False)]
    assert resolve([1, 2, 3, 4], blessings, candidate=4) == [2]


def test_an_older_candidate_is_compared_with_what_was_blessed_since():
    assert resolve([1, 2], [blessing(1), blessing(2)], candidate=1) == [2]


@pytest.mark.parametrize(("current", "expected"), [("s3", [2]), ("s2", [3]), ("other", [3])])
def test_the_last_accepted_data_are_not_the_current_ones(current: str, expected: list[int]):
    """The accepted data 1, 2 and 3 are of the statistics s1, s2 and s3."""

    accepted = []
    for number in (1, 3, 2):
        artifact = AcceptedData()
        artifact.id = number
        artifact.set_string_custom_property("of_statistics", f"s{number}")
        accepted.append(artifact)
    now = AcceptedData()
    now.uri = current
    found = LatestAcceptedDataStrategy().resolve_artifacts(
        None, {"accepted": accepted, "current": [now]}
    )
    assert [artifact.id for artifact in found["accepted"]] == expected
