"""User vectors, which are arrays of NumPy.

NumPy is imported only here and only when vectors are asked for, since nothing else of the client
needs it: with it, an installation would be twice as large.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from serving.client.predict_requests import Outputs

if TYPE_CHECKING:
    import numpy as np


def need_numpy() -> None:
    """Called before anything is sent.

    Raises:
        ModuleNotFoundError: NumPy is not installed; the message says what to do.
    """
    try:
        import numpy as np  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "User vectors are arrays of NumPy, which is not installed: pip install numpy",
            name=error.name,
        ) from error


def vectors(outputs: Outputs) -> np.ndarray:
    """Float32, a row for each history."""
    import numpy as np

    return np.array(outputs["vector"], np.float32)


def stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of all parts; of no part, an array without rows and columns."""
    import numpy as np

    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
