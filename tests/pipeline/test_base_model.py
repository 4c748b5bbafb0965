"""A training goes on from what was blessed of other data, also when it is started again."""

from pathlib import Path

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

from pipeline.base_model import LatestBlessedOfOtherDataStrategy


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
        resolved = LatestBlessedOfOtherDataStrategy().resolve_artifacts(
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
