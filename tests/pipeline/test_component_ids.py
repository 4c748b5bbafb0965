"""The ids that other modules look artifacts up by are those that the components have."""

from pathlib import Path

from pipeline import component_ids
from pipeline.pipeline import kubeflow_pipeline, local_pipeline
from pipeline.settings import (
    CatalogueSettings,
    ReleaseSettings,
    Settings,
    TrainingSettings,
    TuningSettings,
)


def test_every_id_is_that_of_a_component(tmp_path: Path):
    table = tmp_path / "items.csv"
    table.write_text("item_id,kind\n")
    everything = Settings(
        training=TrainingSettings(start_from="blessed"),
        tuning=TuningSettings(trials=1),
        release=ReleaseSettings(refit=True),
        catalogue=CatalogueSettings(str(table)),
    )
    places = {"pipeline_root": tmp_path, "data_path": tmp_path, "model_directory": tmp_path}
    made = (
        local_pipeline(settings=everything, **places),
        kubeflow_pipeline(settings=everything, state_folder=tmp_path, **places),
    )
    found = [component.id for pipeline in made for component in pipeline.components]
    named = [value for name, value in vars(component_ids).items() if name.isupper()]
    assert sorted(named) == sorted(set(found))
