"""The parameters that can be changed when a compiled spec is submitted."""

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
    """A parameter of the spec. Its default is the constant that was compiled.

    Attributes:
        name: The name of the parameter.
        help: The description of the parameter.
        replaces: The component id and the exec property of each constant that it replaces.
    """

    name: str
    help: str
    replaces: tuple[tuple[str, str], ...]


# TFX replaces a whole exec property, and cannot put a parameter inside its JSON. So there is one
# parameter for the Trainer's whole configuration, and none for the epochs alone.
RUN_TIME_PARAMETERS = (
    RunTimeParameter(
        "data_folder",
        "folder of the event log; the pattern of the files in it is fixed by --data",
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
        "folder with the records of what earlier runs accepted and pushed",
        ((PREVIOUS_RUN, "state_folder"), (KEEP_FOR_NEXT_RUN, "state_folder")),
    ),
)


def put_in(pipeline: tfx.dsl.Pipeline) -> dict[str, RuntimeParameter]:
    """Replaces constants of a pipeline by parameters whose defaults they are.

    Args:
        pipeline: The pipeline, which is changed in place.

    Returns:
        The parameters by name.

    Raises:
        ValueError: A parameter would replace constants that differ.
    """
    properties = {component.id: component.exec_properties for component in pipeline.components}
    parameters = {}
    for definition in RUN_TIME_PARAMETERS:
        if not any(component in properties for component, _ in definition.replaces):
            continue
        constants = {properties[component][key] for component, key in definition.replaces}
        if len(constants) != 1:
            raise ValueError(
                f"{definition.name}: would replace different constants, {constants}. Give these "
                f"exec properties one value: {definition.replaces}."
            )
        parameter = RuntimeParameter(definition.name, str, constants.pop(), definition.help)
        for component, key in definition.replaces:
            properties[component][key] = parameter
        parameters[definition.name] = parameter
    return parameters
