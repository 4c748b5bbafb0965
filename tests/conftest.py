"""What every test has: TensorFlow's environment, the folder of shared data, and a limit of time."""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.unit_time import LIMIT, allowed_seconds, cpu_seconds

# A machine may be busy: how long an example takes says nothing here.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")

# Set before TensorFlow is imported, and inherited by the processes that tests start.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Workers would only fight for the cores, and one thread does nothing but its work.
for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(threads, "1")
# tensorflow-recommenders refuses to be imported without it; `import keras` stays Keras 3.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

_OTHER_TIERS = ("integration", "slow", "benchmark")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fails a unit test that is none. Time on the CPU counts, so that other work does not."""
    before = cpu_seconds()
    yield
    used = cpu_seconds() - before
    if used > LIMIT and not any(map(item.get_closest_marker, _OTHER_TIERS)):
        allowed = allowed_seconds()
        if used > allowed:
            pytest.fail(
                f"took {used:.1f} s of CPU; a unit test has {LIMIT}, at the speed of this machine "
                f"now {allowed:.1f}. Make it smaller, or mark it as one of integration."
            )


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Data sets and reference results: MCLREC_SHARED, or `shared` beside the checkout."""
    beside_checkout = Path(__file__).resolve().parents[2] / "shared"
    path = Path(os.environ.get("MCLREC_SHARED", beside_checkout))
    if not path.is_dir():
        pytest.skip(f"no shared data at {path}; MCLREC_SHARED names another folder")
    return path


@pytest.fixture
def eager() -> Iterator[None]:
    """Without graphs, which take longer to make than tiny models to train.

    A graph also adds gradients in any order, so that only eager runs are alike bit for bit.
    """
    import tensorflow as tf  # not by every test

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """What a shell starts in the background, as these tests perhaps, ignores interrupts, and so
    do the processes that it starts.

    A `preexec_fn` could set that right for one process, but code between fork and exec runs in a
    copy of this process without its threads, where gRPC says so on standard error.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
