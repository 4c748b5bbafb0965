"""Time and memory of training or evaluation at one size, for `benchmarks.training_cost`.

Each size runs in its own process, whose peak memory is then that of the size.
"""

import argparse
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.provenance import peak_memory_gb, print_json
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors


def training_cost(histories: Any, num_items: int, steps: int, seconds: float) -> dict[str, Any]:
    """Times training steps after two steps of warm-up.

    Args:
        histories: Training histories, a `mclrec_tf.data.histories.Histories`.
        num_items: Size of the catalogue, |I|.
        steps: Most steps to time.
        seconds: About how long steps are timed.
    """
    import keras

    from benchmarks.training_speed import our_model
    from mclrec_tf.data.batches import training_batches

    class StepTimes(keras.callbacks.Callback):
        """Records when each step ends, and stops the training after the sample."""

        def __init__(self) -> None:
            super().__init__()
            self.ends: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.ends.append(perf_counter())
            taken = self.ends[-1] - self.ends[0]
            self.model.stop_training = len(self.ends) > steps or taken > seconds

    model, batches = our_model(num_items), training_batches(histories)
    # The very first step traces the graph, and the first of each pass composes its batches.
    model.fit(batches.take(2), verbose=0)
    times, began = StepTimes(), perf_counter()
    model.fit(batches, verbose=0, callbacks=[times])
    start, taken = times.ends[0] - began, np.diff(times.ends)
    count = int(batches.cardinality())
    per_step = float(taken.mean()) if len(taken) else start
    return {
        "steps_per_epoch": count,
        "steps_timed": len(times.ends),
        "whole_epoch_timed": len(times.ends) == count,
        "seconds_per_step": round(per_step, 5),
        "seconds_per_epoch": round(start + per_step * (count - 1), 3),
        "peak_memory_gb": peak_memory_gb(),
    }


def evaluation_cost(histories: Any, num_items: int, users: int) -> dict[str, Any]:
    """Times the ranking of one target for each user among the whole catalogue.

    Args:
        histories: Whole histories, a `mclrec_tf.data.histories.Histories`.
        num_items: Size of the catalogue, |I|.
        users: How many of the users are ranked.
    """
    from benchmarks.training_speed import our_model
    from mclrec_tf.data.batches import evaluation_batches
    from mclrec_tf.data.histories import Histories

    users = min(users, len(histories))
    splits = histories.row_splits[: users + 1]
    some = Histories(histories.items[: splits[-1]], splits)
    batches = evaluation_batches(some.without_last(1), some.items[splits[1:] - 1])
    model = our_model(num_items)
    model.evaluate(batches, verbose=0)  # traces the graph
    began = perf_counter()
    model.evaluate(batches, verbose=0)
    return {
        "users_ranked": users,
        "seconds": round(perf_counter() - began, 3),
        "peak_memory_gb": peak_memory_gb(),
    }


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost_of_size", description=__doc__)
    parser.add_argument("kind", choices=["training", "evaluation"])
    parser.add_argument("histories", type=path, help="NumPy file of items and row_splits")
    parser.add_argument("--items", type=int, required=True, help="size of the catalogue")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--ranked-users", type=int, default=1000)
    options = parser.parse_args(arguments)

    from mclrec_tf.data.histories import Histories

    with np.load(options.histories) as file:
        histories = Histories(file["items"], file["row_splits"])
    if options.kind == "training":
        train = histories.without_last(2)
        print_json(training_cost(train, options.items, options.steps, options.seconds))
    else:
        print_json(evaluation_cost(histories, options.items, options.ranked_users))


if __name__ == "__main__":
    sys.exit(main())
