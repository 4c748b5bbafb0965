"""What `ItemCounts` cost: time to count, memory, and time to score, with and without them.

    python -m benchmarks.counts_cost --items 12101 1000000

For each catalogue, synthetic histories of Beauty's shape (as many users as items) are counted,
and batches of histories are scored by the same model with and without its counts, in turns. Times
are medians.
"""

import sys
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.command import benchmark_parser
from benchmarks.provenance import peak_memory_gb, print_json, provenance
from pipeline.cli.os_errors import tells_os_errors


def cost(num_items: int, num_neighbours: int, batch_sizes: Sequence[int], turns: int) -> Any:
    """The cost at one size.

    Args:
        num_items: Size of the catalogue, |I|.
        num_neighbours: Neighbours kept of each item.
        batch_sizes: Histories scored at once.
        turns: How often each is timed.
    """
    import tensorflow as tf

    from benchmarks.synthetic import beauty_like
    from mclrec_tf import BSARec, ItemCounts, NextItemModel

    histories = beauty_like(num_items, num_items).without_last(2)
    began = perf_counter()
    counts = ItemCounts.from_histories(histories, num_items, num_neighbours)
    counting = perf_counter() - began
    encoder = BSARec(num_items)
    models = {
        "encoder": NextItemModel(encoder),
        "encoder and counts": NextItemModel(encoder, counts=counts),
    }
    spec = [tf.TensorSpec([None, None], tf.int32)]
    scorers = {
        name: tf.function(lambda ids, model=model: tf.math.top_k(model.scores(ids), 10), spec)
        for name, model in models.items()
    }
    found: dict[str, Any] = {
        "items": num_items,
        "events": len(histories.items),
        "seconds_to_count": round(counting, 2),
        "table_mb": sum(w.numpy().nbytes for w in counts.weights) / 1e6,
    }
    for size in batch_sizes:
        ids = tf.ragged.constant([histories[u].tolist() for u in range(size)]).to_tensor()
        times: dict[str, list[float]] = {name: [] for name in scorers}
        for _ in range(turns + 1):  # the first traces
            for name, scorer in scorers.items():
                began = perf_counter()
                scorer(ids).values.numpy()
                times[name].append(1000 * (perf_counter() - began))
        found[f"ms_for_{size}"] = {name: round(median(ms[1:]), 2) for name, ms in times.items()}
    return found


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("counts_cost", __doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[12_101, 100_000, 1_000_000])
    parser.add_argument("--neighbours", type=int, default=20, help="of each item; default: 20")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--turns", type=int, default=20, help="timings of each; default: 20")
    options = parser.parse_args(arguments)
    found = []
    for num_items in options.items:
        found.append(cost(num_items, options.neighbours, options.batch_sizes, options.turns))
        print(found[-1], flush=True)
    result = {"benchmark": "counts_cost", "sizes": found, "peak_memory_gb": peak_memory_gb()}
    if options.json:
        print_json({**result, **provenance()})


if __name__ == "__main__":
    sys.exit(main())
