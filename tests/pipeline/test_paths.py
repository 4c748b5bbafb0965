"""A pathlib.Path is taken wherever a path is."""

import json
from pathlib import Path

import pytest

from pipeline.components.data_gate.schema_text import BUILT_IN, schema_text
from pipeline.components.tuner.search_space import read_search_space
from pipeline.jobs.pushed_version import PushedModelError, find_model
from pipeline.pipeline import kubeflow_pipeline, local_pipeline
from pipeline.settings import Settings


@pytest.mark.parametrize("state", [True, False])
def test_the_pipeline_of_paths_is_that_of_strings(tmp_path: Path, state: bool):
    (tmp_path / "log.csv").touch()
    names = ("pipeline_root", "data_path", "model_directory", "state_folder")
    places = [tmp_path / "root", tmp_path / "log.csv", tmp_path / "models", tmp_path / "state"]
    paths = dict(zip(names, places, strict=True))
    if not state:
        del paths["state_folder"]

    def properties(places: dict) -> dict:
        build = kubeflow_pipeline if state else local_pipeline
        made = build(settings=Settings(), **places)
        return {
            one.id: {k: str(v) for k, v in one.exec_properties.items()} for one in made.components
        }

    assert properties(paths) == properties({name: str(path) for name, path in paths.items()})


def test_readers_take_paths(tmp_path: Path):
    assert schema_text(Path(BUILT_IN)) == schema_text("")
    (tmp_path / "space.json").write_text(json.dumps({"beta": [0.1]}))
    assert read_search_space(tmp_path / "space.json") == {"beta": [0.1]}
    with pytest.raises(
        PushedModelError, match=f"--model {tmp_path}: contains neither a SavedModel"
    ):
        find_model(tmp_path)
