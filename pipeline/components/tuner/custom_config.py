"""What the Tuner is told beside its inputs: TFX's `custom_config`."""

from dataclasses import dataclass

from pipeline.components.trainer.custom_config import TrainerConfig
from pipeline.components.tuner.search_space import SearchSpace


@dataclass(frozen=True)
class TunerConfig(TrainerConfig):
    """The settings of a search.

    On Kubeflow Pipelines a person may edit it, as the parameter `tuner_config` of a run.

    Attributes:
        model, training: The settings of what is not searched.
        backup_directory: As for a training.
        trials: How many trainings.
        space: Values to try, by setting.
    """

    trials: int
    space: SearchSpace
