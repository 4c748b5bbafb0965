"""What can still be chosen when a compiled spec is submitted."""

from dataclasses import dataclass

from tfx import v1 as tfx
from tfx.orchestration.data_types import RuntimeParameter


@dataclass(frozen=True)
class RunTimeParameter:
    """A parameter of the spec; what was compiled is its default.

    Attributes:
        name, help: what a person sees.
        places: component and exec property of each constant that it replaces.
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
        (("FileBasedExampleGen", "input_base"), ("RunPage", "title")),
    ),
    RunTimeParameter(
        "push_destination",
        "TFX's PushDestination as JSON; its base_directory is the folder of the model's versions",
        (("Pusher", "push_destination"), ("PreviousRun", "push_destination")),
    ),
    RunTimeParameter(
        "trainer_config",
        "settings of model and training and the folder for backups, as JSON",
        (("Trainer", "custom_config"), ("RunPage", "trainer_config")),
    ),
    RunTimeParameter(
        "tuner_config",
        "settings of model and search and the folder for backups, as JSON; with --trials only",
        (("Tuner", "custom_config"),),
    ),
    RunTimeParameter(
        "state_folder",
        "folder that tells a run what earlier ones accepted and pushed",
        (("PreviousRun", "state_folder"), ("KeepForNextRun", "state_folder")),
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
