"""The time of a computation by type of TensorFlow operation."""

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

# Operations whose time is that of others or is spent waiting.
_CONTAINERS = re.compile(r"While|If|Case|(Stateful)?PartitionedCall|IteratorGetNext|\w+Dataset")
_OPERATION = re.compile(r"[^\s:]+:(_Mkl|_Fused|_)?([A-Z]\w*)")
_SHOWN = 14


def operation_times(steps: Callable[[], object]) -> dict[str, float]:
    """Seconds by type of operation while `steps` runs, longest first.

    Operations that run at the same time count in full, so the sum may exceed the wall time.

    Args:
        steps: The computation.
    """
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        steps()
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace()
        space.ParseFromString(file.read_bytes())
    seconds: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = _OPERATION.fullmatch(plane.event_metadata[event.metadata_id].name)
                if name and not _CONTAINERS.fullmatch(name[2]):
                    seconds[name[2]] += event.duration_ps / 1e12
    return dict(seconds.most_common())


def shares(seconds: dict[str, float]) -> dict[str, float]:
    """The shares of the longest operation types in all seconds, and that of all others together."""
    total = sum(seconds.values())
    found = {name: round(value / total, 4) for name, value in list(seconds.items())[:_SHOWN]}
    return found | {"all others": round(max(1 - sum(found.values()), 0), 4)}
