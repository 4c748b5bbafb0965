"""Seconds per epoch: our schedule against the schedule of the authors' code, in one run.

    python -m benchmarks.training_speed --data LOG

Ours is MCLRec with preset "paper" and `training_batches(schedule="causal")`. The
authors' schedule is in `benchmarks/authors_schedule.py`: the same predictions, the same network and
the losses of preset "reference". Of ours, whole epochs are timed. An epoch of the authors' takes
many minutes, so a sample of batches is timed after a warm-up, and their median is multiplied by the
number of batches. The two take turns, so that other work on the machine affects both alike.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.command import benchmark_parser, progress_bar
from benchmarks.provenance import peak_memory_gb, print_json, provenance
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

if TYPE_CHECKING:
    from benchmarks.authors_schedule import AuthorsMCLRec
    from mclrec_tf import MCLRec
    from mclrec_tf.data.histories import Histories

_WARM_UP_BATCHES = 2


def load_training_part(
    log: Path | None, users: int | None = None, items: int | None = None
) -> "tuple[Histories, int, str]":
    """The training histories, |I| and a name for both.

    Args:
        log: Path of an event log; None for synthetic histories of Beauty's shape.
        users: Users of the synthetic histories; Beauty's by default.
        items: Items of the synthetic histories; Beauty's by default.
    """
    from benchmarks.synthetic import BEAUTY_ITEMS, BEAUTY_USERS, beauty_like
    from mclrec_tf.data.histories import leave_one_out
    from mclrec_tf.data.interactions import load_interactions

    if log is None:
        users, items = users or BEAUTY_USERS, items or BEAUTY_ITEMS
        name = f"synthetic, {users:,} users of Beauty's shape"
        return beauty_like(users, items).without_last(2), items, name
    interactions = load_interactions(str(log))
    return leave_one_out(interactions.histories).train, len(interactions.item_ids), log.name


def our_model(num_items: int, seed: int = 0) -> "MCLRec":
    """The paper's MCLRec on PostNormSASRec, compiled."""
    import keras

    from mclrec_tf import MCLRec, PostNormSASRec

    keras.utils.set_random_seed(seed)
    model = MCLRec(PostNormSASRec(num_items), preset="paper", seed=seed)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return model


def authors_model(num_items: int, seed: int = 0) -> "AuthorsMCLRec":
    """The same network with the authors' objective and training step, compiled."""
    import keras

    from benchmarks.authors_schedule import AuthorsMCLRec, PlainSASRec

    keras.utils.set_random_seed(seed)
    model = AuthorsMCLRec(PlainSASRec(num_items), preset="reference", seed=seed)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return model


def measure(
    histories: "Histories",
    num_items: int,
    epochs: int,
    authors_batches_timed: int,
    seed: int = 0,
    profile: bool = False,
) -> dict[str, Any]:
    """Times both schedules, which take turns.

    Args:
        histories: The training part of each user.
        num_items: Size of the catalogue, |I|.
        epochs: Epochs of ours to time, after one of warm-up.
        authors_batches_timed: Batches of the authors' schedule to time, in as many parts as epochs.
        seed: Seed of weights and batches.
        profile: Whether to add the time of our step by type of operation.
    """
    from benchmarks.arithmetic import Shape, epoch_multiply_adds, matrix_product_rate
    from benchmarks.authors_schedule import authors_batches
    from benchmarks.operation_profile import operation_times, shares
    from mclrec_tf.data.batches import causal_windows, training_batches

    ours, authors = our_model(num_items, seed), authors_model(num_items, seed)
    our_batches = training_batches(histories, seed=seed)
    their_batches = authors_batches(histories, seed=seed)
    theirs = iter(their_batches.repeat())
    per_turn = -(-authors_batches_timed // epochs)

    our_seconds: list[float] = []
    their_seconds: list[float] = []
    rates: list[float] = []
    with progress_bar() as bar:
        task = bar.add_task("warm-up", total=1 + epochs * 2)
        ours.fit(our_batches, verbose=0)
        for _ in range(_WARM_UP_BATCHES):
            authors.train_on_batch(*next(theirs))
        bar.advance(task)
        for epoch in range(epochs):
            bar.update(task, description=f"epoch {epoch + 1} of ours")
            our_seconds.append(_seconds(lambda: ours.fit(our_batches, verbose=0)))
            bar.update(task, advance=1, description=f"{per_turn} batches of the authors' schedule")
            for _ in range(per_turn):
                step = partial(authors.train_on_batch, *next(theirs))
                their_seconds.append(_seconds(step))
            rates.append(matrix_product_rate(512, ours.encoder.dim, num_items))
            bar.advance(task)
        profiled = operation_times(lambda: ours.fit(our_batches, verbose=0)) if profile else {}

    shape = Shape(num_items, ours.encoder.dim, ours.encoder.inner_dim, ours.encoder.num_layers)
    lengths = causal_windows(histories, ours.encoder.max_length).length
    counted = epoch_multiply_adds(shape, lengths, int(our_batches.cardinality()))
    rate = median(rates)
    seconds = median(our_seconds)
    authors_seconds = median(their_seconds) * int(their_batches.cardinality())
    floor = sum(counted.values()) / rate
    return {
        "speedup": round(authors_seconds / seconds, 2),
        "seconds_per_epoch": round(seconds, 3),
        "authors_seconds_per_epoch": round(authors_seconds, 3),
        "all_seconds_per_epoch": [round(value, 3) for value in our_seconds],
        "authors_seconds_per_batch": [round(value, 4) for value in their_seconds],
        "batches": int(our_batches.cardinality()),
        "authors_batches": int(their_batches.cardinality()),
        "predictions": int(lengths.sum()),
        "items": num_items,
        "multiply_adds": {name: round(value) for name, value in counted.items()},
        "multiply_adds_per_second": round(rate),
        "floor_seconds_per_epoch": round(floor, 3),
        "times_floor": round(seconds / floor, 2),
        **({"profile": shares(profiled)} if profile else {}),
        "configuration": {"ours": _configuration(ours), "authors": _configuration(authors)},
        "seed": seed,
        "peak_memory_gb": peak_memory_gb(),
        **provenance(),
    }


def _configuration(model: "MCLRec") -> dict[str, Any]:
    """The arguments of a model and of its encoder, without those of every Keras layer."""
    arguments, encoder = model.get_config(), model.encoder.get_config()
    for name in ("name", "trainable", "dtype"):
        del arguments[name], encoder[name]
    return {**arguments, "encoder": {"class": type(model.encoder).__name__, **encoder}}


def _seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("training_speed", __doc__)
    parser.add_argument("--data", type=path, metavar="LOG", help="event log; synthetic if left out")
    parser.add_argument("--users", type=int, help="users of the synthetic log; default: Beauty's")
    parser.add_argument("--items", type=int, help="items of the synthetic log; default: Beauty's")
    parser.add_argument("--epochs", type=int, default=3, help="of ours; default: %(default)s")
    parser.add_argument(
        "--authors-batches",
        type=int,
        default=24,
        help="batches of the authors' schedule to time; default: %(default)s",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--profile", action="store_true", help="print the time of our step by operation"
    )
    options = parser.parse_args(arguments)
    if options.epochs < 1 or options.authors_batches < 1:
        parser.error("--epochs and --authors-batches must be at least 1")
    histories, num_items, name = load_training_part(options.data, options.users, options.items)
    found = measure(
        histories, num_items, options.epochs, options.authors_batches, options.seed, options.profile
    )
    print(
        f"{name}: {found['predictions']:,} predictions, {num_items:,} items\n"
        f"ours     {found['seconds_per_epoch']:10.2f} s an epoch (median of "
        f"{options.epochs}), {found['times_floor']:.1f} times the arithmetic floor of "
        f"{found['floor_seconds_per_epoch']:.2f} s\n"
        f"authors' {found['authors_seconds_per_epoch']:10.2f} s an epoch (median of "
        f"{len(found['authors_seconds_per_batch'])} batches, times {found['authors_batches']})\n"
        f"speed-up {found['speedup']:10.2f}"
    )
    for operation, share in found.get("profile", {}).items():
        print(f"{share:8.1%}  {operation}")
    if options.json:
        print_json({"benchmark": "training_speed", "data": name, **found})


if __name__ == "__main__":
    sys.exit(main())
