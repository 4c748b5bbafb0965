"""What can still be chosen when a compiled spec is submitted."""

from dataclasses import dataclass

from tfx import v1 as tfx
from tfx.orchestration.data_types import RuntimeParameter

from pipeline.component_ids import (
    EXAMPLE_GEN,
    KEEP_FOR_NEXT_RUN,
    PREVIOUS_RUN,
    PUSHER,
    RUN_PAGE,
    TRAINER,
    TUNER,
)


@dataclass(frozen=True)
class RunTimeParameter:
    """A parameter of the spec; what was compiled is its default.

    Attributes:
        name, help: What a person sees.
        places: Component and exec property of each constant that it replaces.
    """

    name: str
    help: str
    places: tuple[tuple[str, str], ...]


# A component's exec property is replaced whole or not at all: TFX puts no parameter inside the JSON
# of one. So there is a parameter for Trainer's whole configuration, and none for the epochs alone.
RUN_TIME_PARAMETERS = (
    RunTimeParameter(
        "data_folder",
        "folder of the event log; which files in it are read was fixed by --data",
        ((EXAMPLE_GEN, "input_base"), (RUN_PAGE, "title")),
    ),
    RunTimeParameter(
        "push_destination",
        "TFX's PushDestination as JSON; its base_directory is the folder of the model's versions",
        ((PUSHER, "push_destination"), (PREVIOUS_RUN, "push_destination")),
    ),
    RunTimeParameter(
        "trainer_config",
        "settings of model and training and the folder for backups, as JSON",
        ((TRAINER, "custom_config"), (RUN_PAGE, "trainer_config")),
    ),
    RunTimeParameter(
        "tuner_config",
        "settings of model and search and the folder for backups, as JSON; with --trials only",
        ((TUNER, "custom_config"),),
    ),
    RunTimeParameter(
        "state_folder",
        "folder that tells a run what earlier ones accepted and pushed",
        ((PREVIOUS_RUN, "state_folder"), (KEEP_FOR_NEXT_RUN, "state_folder")),
    ),
)


def put_in(pipeline: tfx.dsl.Pipeline) -> dict[str, RuntimeParameter]:
    """Replaces the constants of a pipeline by parameters of which they are the defaults.

    Returns:
        The parameters by name.
    """
    properties = {component.id: component.exec_properties for component in pipeline.components}
    parameters = {}
    for wanted in RUN_TIME_PARAMETERS:
        if not any(component in properties for component, _ in wanted.places):
            continue
        constants = {properties[component][key] for component, key in wanted.places}
        if len(constants) != 1:
            raise ValueError(f"{wanted.name} stands for different constants: {constants}")
        parameter = RuntimeParameter(wanted.name, str, constants.pop(), wanted.help)
        for component, key in wanted.places:
            properties[component][key] = parameter
        parameters[wanted.name] = parameter
    return parameters
