"""Steps on two replicas and on one, run as a process of its own; prints JSON.

Argument: `predictions`, or `contrast`.

Logical devices can only be made before TensorFlow is first used.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mclrec_tf import MCLRec
from mclrec_tf.data.batches import training_batches
from tests.mclrec_tf.ring import HISTORY, TARGETS, make_model, ring_walks

RULES = ("alternating", "maml")


def one_batch(rows: int) -> tf.data.Dataset:
    """Of histories of different length, from a generator: the rows ask for 6, 4, 3 and 2 items."""
    spec = tf.TensorSpec([None, None], tf.int32)
    batch = (np.array(HISTORY[:rows], np.int32), np.array(TARGETS[:rows], np.int32))
    return tf.data.Dataset.from_generator(lambda: iter([batch]), output_signature=(spec, spec))


def plain(**arguments: Any) -> MCLRec:
    sgd = keras.optimizers.SGD
    return make_model(dropout=0.0, optimizers=(sgd(0.5), sgd(0.5)), **arguments)


def on_two(strategy: tf.distribute.Strategy, make: Callable[[], MCLRec]) -> MCLRec:
    with strategy.scope():
        return make()


def largest_difference(first: MCLRec, second: MCLRec) -> float:
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return max(float(np.max(np.abs(a - b), initial=0.0)) for a, b in pairs)


def main() -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    assert strategy.num_replicas_in_sync == 2
    compare = {"predictions": predictions, "contrast": contrast}[sys.argv[1]]
    json.dump(compare(strategy), sys.stdout)


def predictions(strategy: tf.distribute.Strategy) -> dict[str, Any]:
    """One step without contrast, by number of rows in the batch."""
    found = {}
    alone = {"lambda_": 0.0, "beta": 0.0}
    # Three rows are split 2 and 1; of one row the second replica gets nothing.
    for rows in (3, 1):
        one, two = plain(**alone), on_two(strategy, lambda: plain(**alone))
        assert largest_difference(one, two) == 0.0
        losses = [m.fit(one_batch(rows), verbose=0).history["loss"][0] for m in (one, two)]
        found[str(rows)] = {"difference": largest_difference(one, two), "losses": losses}
    return found


def contrast(strategy: tf.distribute.Strategy) -> dict[str, Any]:
    """The last losses with contrast, by update rule."""
    found = {}
    for rule in RULES:
        model = on_two(strategy, lambda rule=rule: make_model(update_rule=rule))  # type: ignore[misc]
        history = model.fit(training_batches(ring_walks(40), 10, 60), verbose=0).history
        model.fit(one_batch(1), verbose=0)
        found[rule] = {name: values[-1] for name, values in history.items()}
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
    return found


if __name__ == "__main__":
    main()
