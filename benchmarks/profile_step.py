"""Where the time of our training step goes, by type of TensorFlow operation.

python -m benchmarks.profile_step --data LOG
"""

import argparse
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.provenance import print_json, provenance

# Operations whose time is that of others, or of waiting.
_CONTAINERS = re.compile(r"While|If|Case|(Stateful)?PartitionedCall|IteratorGetNext|\w+Dataset")
_OPERATION = re.compile(r"[^\s:]+:(_Mkl|_Fused|_)?([A-Z]\w*)")
_STEPS, _SHOWN = 20, 14


def operation_times(steps: Callable[[], object]) -> dict[str, float]:
    """Seconds by type of operation while `steps` runs, longest first.

    Operations that run at the same time count in full, so the sum may be more than has passed.
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
    """The longest of them as shares of all, and the rest together."""
    total = sum(seconds.values())
    found = {name: round(value / total, 4) for name, value in list(seconds.items())[:_SHOWN]}
    return found | {"all others": round(max(1 - sum(found.values()), 0), 4)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_step", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, metavar="LOG", help="event log; synthetic if left out")
    parser.add_argument("--users", type=int, help="users of the synthetic log; default: Beauty's")
    parser.add_argument("--items", type=int, help="items of the synthetic log; default: Beauty's")
    parser.add_argument("--steps", type=int, default=_STEPS, help="steps; default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print the result as the last line")
    options = parser.parse_args(arguments)

    from benchmarks.training_speed import load_training_part, our_model
    from mclrec_tf.data.batches import training_batches

    histories, num_items, name = load_training_part(options.data, options.users, options.items)
    model = our_model(num_items)
    batches = training_batches(histories)
    model.fit(batches.take(options.steps), verbose=0)
    found = operation_times(lambda: model.fit(batches.take(options.steps), verbose=0))
    result: dict[str, Any] = {
        "data": name,
        "steps": options.steps,
        "shares": shares(found),
        **provenance(),
    }
    for operation, share in result["shares"].items():
        print(f"{share:6.1%}  {operation}")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    main()
