"""A tiny log that can be learned, for all benchmarks."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def ring_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users who walk round a ring of twelve items, each step the item after the last."""
    random = np.random.default_rng(0)
    starts, lengths = random.integers(0, 12, 60), random.integers(5, 10, 60)
    lines = (
        " ".join([f"user{user}", *(str((start + step) % 12 + 1) for step in range(length))])
        for user, (start, length) in enumerate(zip(starts, lengths, strict=True))
    )
    path = tmp_path_factory.mktemp("logs") / "ring.txt"
    path.write_text("\n".join(lines) + "\n")
    return path
