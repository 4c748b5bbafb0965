"""The configuration of the Trainer, apart from its inputs: TFX's `custom_config`."""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

from pipeline.settings import ModelSettings, TrainingSettings


@dataclass(frozen=True)
class TrainerConfig:
    """The settings of a training.

    On Kubeflow Pipelines it can be edited for each run, as the parameter `trainer_config`.

    Attributes:
        model: The settings of the model.
        training: The settings of the training.
        backup_directory: The folder in which each training keeps its state, so that it can resume
            after it was killed.
    """

    model: ModelSettings
    training: TrainingSettings
    backup_directory: str

    def backup(self, *inputs: Any) -> str:
        """The folder in `backup_directory` for these inputs and settings.

        Args:
            inputs: What else the result depends on. Each has to be serializable as JSON.
        """
        identity = json.dumps([list(inputs), dataclasses.asdict(self)], sort_keys=True)
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        return os.path.join(self.backup_directory, name)
