"""Where a training or a search that was killed goes on from."""

import hashlib
import json
import os
from typing import Any


def backup_directory(custom_config: dict[str, Any], *inputs: Any) -> str:
    """The same folder for the same inputs and settings, another one for others.

    Args:
        custom_config: Of the component; "backup_directory" is where all such folders are.
        inputs: What else the work depends on, as JSON can say it.
    """
    identity = json.dumps([list(inputs), custom_config], sort_keys=True)
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return os.path.join(custom_config["backup_directory"], name)
