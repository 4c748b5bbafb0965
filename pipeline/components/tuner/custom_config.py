"""The configuration of the Tuner, apart from its inputs: TFX's `custom_config`."""

from dataclasses import dataclass

from pipeline.components.trainer.custom_config import TrainerConfig
from pipeline.components.tuner.search_space import SearchSpace


@dataclass(frozen=True)
class TunerConfig(TrainerConfig):
    """The settings of a search.

    On Kubeflow Pipelines it can be edited for each run, as the parameter `tuner_config`.

    Attributes:
        model: The settings of the model. Those in `space` are replaced.
        training: The settings of the training. Those in `space` are replaced.
        backup_directory: The folder in which each search keeps its state, so that it can resume
            after it was killed.
        trials: The number of trainings.
        space: The values to try, by setting.
    """

    trials: int
    space: SearchSpace
