"""What the Trainer is told beside its inputs: TFX's `custom_config`."""

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

    On Kubeflow Pipelines a person may edit it, as the parameter `trainer_config` of a run.

    Attributes:
        model, training: The settings of a person.
        backup_directory: The folder in which each training keeps its last epochs, from which it
            goes on if it was killed.
    """

    model: ModelSettings
    training: TrainingSettings
    backup_directory: str

    def backup(self, *inputs: Any) -> str:
        """A folder in `backup_directory`, the same for the same inputs and settings.

        Args:
            inputs: What else the work depends on, as JSON can say it.
        """
        identity = json.dumps([list(inputs), dataclasses.asdict(self)], sort_keys=True)
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        return os.path.join(self.backup_directory, name)
