"""What every test has: TensorFlow's environment and the folder of shared data."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine may be busy: how long an example takes says nothing here.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")

# Set before TensorFlow is imported, and inherited by the processes that tests start.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# tensorflow-recommenders refuses to be imported without it; `import keras` stays Keras 3.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Data sets and reference results: MCLREC_SHARED, or `shared` beside the checkout."""
    beside_checkout = Path(__file__).resolve().parents[2] / "shared"
    path = Path(os.environ.get("MCLREC_SHARED", beside_checkout))
    if not path.is_dir():
        pytest.skip(f"no shared data at {path}; MCLREC_SHARED names another folder")
    return path
