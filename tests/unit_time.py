"""The seconds that a unit test may take, on a machine that may be busy."""

import resource
import time

LIMIT = 5
# What tracing 300 steps takes on two quiet cores like those of BUILD_NOTES.md.
_QUIET_TRACE = 0.2


def cpu_seconds() -> float:
    """Of this process and of those that it has started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def allowed_seconds() -> float:
    """What a unit test may take at the speed that this machine has now.

    Neighbours on the same host take caches and memory: the same test then needs two to four times
    the seconds of CPU, so these alone do not tell. What tracing takes does, but other work is
    slowed down more than tracing is, so that twice its factor counts.
    """
    import tensorflow as tf

    def steps(x: tf.Tensor) -> tf.Tensor:
        for _ in range(300):
            x = tf.nn.relu(x + 1.0)
        return x

    before = time.process_time()
    tf.function(steps).get_concrete_function(tf.TensorSpec([8], tf.float32))
    return LIMIT * max(1.0, 2 * (time.process_time() - before) / _QUIET_TRACE)
