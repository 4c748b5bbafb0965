"""The cost of training and evaluation as the catalogue and the number of users grow.

    python -m benchmarks.training_cost --out runs/results/training_cost

writes training_cost.json and .png there: seconds per training step and epoch and peak memory with
10 k, 100 k and 1 M items (users as in Beauty) and with 1, 10 and 100 times Beauty's users (items as
in Beauty), and the seconds and memory of ranking the targets of 1,000 users. Users are synthetic.
Each size runs in its own process. Where an epoch would take long, a sample of its steps is timed
and scaled to the epoch, and the output says so.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import benchmark_parser, progress_bar
from benchmarks.plots import plot_file
from benchmarks.provenance import print_json, provenance, write_json
from pipeline.cli.os_errors import tells_os_errors

MEMORY_LIMIT_GB = 16.0
_SCALES = (
    ("training_by_items", "items"),
    ("training_by_users", "users"),
    ("evaluation_by_items", "items"),
)


def measure(
    items: Sequence[int],
    users: Sequence[int],
    base_items: int,
    base_users: int,
    options: Sequence[str],
) -> dict[str, list[dict[str, Any]]]:
    """Measures the cost of every size.

    Args:
        items: Sizes of the catalogue, each with `base_users` users.
        users: Numbers of users, each with `base_items` items.
        base_items: Size of the catalogue while the users grow.
        base_users: Number of users while the catalogue grows.
        options: Further arguments of `benchmarks.cost_of_size`.

    Returns:
        A row for each size, by the names in `_SCALES`.
    """
    sizes = [("training_by_items", "training", count, base_users) for count in items]
    sizes += [("training_by_users", "training", base_items, count) for count in users]
    sizes += [("evaluation_by_items", "evaluation", count, base_users) for count in items]
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind, _ in _SCALES}
    with progress_bar() as bar:
        task = bar.add_task("", total=len(sizes))
        for name, kind, num_items, num_users in sizes:
            what = f"{kind}, {num_items:,} items, {num_users:,} users"
            bar.update(task, description=what)
            cost = _cost_in_own_process(kind, num_items, num_users, options)
            found[name].append({"items": num_items, "users": num_users, **cost})
            bar.console.print(_line(what, cost), highlight=False, soft_wrap=True)
            bar.advance(task)
    return found


def _cost_in_own_process(
    kind: str, num_items: int, num_users: int, options: Iterable[str]
) -> dict[str, Any]:
    from benchmarks.synthetic import beauty_like

    # Simulated here, so that the peak memory of the other process is that of the training.
    histories = beauty_like(num_users, num_items)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "histories.npz")
        np.savez(file, items=histories.items, row_splits=histories.row_splits)
        command = [sys.executable, "-m", "benchmarks.cost_of_size", kind, str(file)]
        done = subprocess.run(
            [*command, f"--items={num_items}", *options],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[1],
        )
    if done.returncode:
        raise RuntimeError(f"{kind} with {num_items:,} items failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _line(what: str, cost: dict[str, Any]) -> str:
    if "seconds_per_step" in cost:
        how = "timed whole" if cost["whole_epoch_timed"] else f"from {cost['steps_timed']} steps"
        time = (
            f"{cost['seconds_per_step'] * 1000:,.1f} ms a step, "
            f"{cost['seconds_per_epoch']:,.1f} s an epoch ({how})"
        )
    else:
        time = f"{cost['seconds']:.2f} s to rank {cost['users_ranked']:,} users"
    return f"{what}: {time}, peak memory {cost['peak_memory_gb']:.2f} GB"


def plot(found: dict[str, list[dict[str, Any]]], file: Path) -> None:
    """Draws time and memory over size, each with the line of linear growth from the first point."""
    with plot_file(file, (12, 7), 2, 3) as axes:
        for column, (name, grows) in enumerate(_SCALES):
            rows = found[name]
            is_training = name.startswith("training")
            time = "seconds_per_epoch" if is_training else "seconds"
            label = "seconds an epoch" if is_training else "seconds to rank the users"
            for axis, key, text in (
                (axes[0][column], time, label),
                (axes[1][column], "peak_memory_gb", "peak memory, GB"),
            ):
                sizes = [row[grows] for row in rows]
                values = [row[key] for row in rows]
                axis.loglog(sizes, values, "o-", label="measured")
                linear = [values[0] * size / sizes[0] for size in sizes]
                axis.loglog(sizes, linear, "--", color="grey", label="linear")
                axis.set_xlabel(grows)
                axis.set_ylabel(text)
                axis.grid(alpha=0.3)
            axes[0][column].set_title(name.replace("_", " "))
        axes[0][0].legend()


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("training_cost", __doc__, "runs/results/training_cost")
    many: dict[str, Any] = {"type": int, "nargs": "+", "metavar": "N"}
    parser.add_argument("--items", default=[10_000, 100_000, 1_000_000], **many)
    parser.add_argument("--users", help="default: 1, 10 and 100 times the users of Beauty", **many)
    parser.add_argument("--base-items", type=int, help="while the users grow; default: Beauty's")
    parser.add_argument("--base-users", type=int, help="while the items grow; default: Beauty's")
    parser.add_argument("--steps", type=int, default=60, help="timed for a size; default: 60")
    parser.add_argument("--seconds", type=float, default=120, help="timed for a size; default: 120")
    parser.add_argument("--ranked-users", type=int, default=1000, help="default: 1000")
    options = parser.parse_args(arguments)

    from benchmarks.synthetic import BEAUTY_ITEMS, BEAUTY_USERS

    base_items = options.base_items or BEAUTY_ITEMS
    base_users = options.base_users or BEAUTY_USERS
    sample = {name: getattr(options, name) for name in ("steps", "seconds", "ranked_users")}
    found = measure(
        options.items,
        options.users or [BEAUTY_USERS * times for times in (1, 10, 100)],
        base_items,
        base_users,
        [f"--{name.replace('_', '-')}={value}" for name, value in sample.items()],
    )
    costs = [cost for rows in found.values() for cost in rows]
    peak = max(cost["peak_memory_gb"] for cost in costs)
    result = {
        "benchmark": "training_cost",
        **found,
        "peak_memory_gb": peak,
        "below_memory_limit": peak < MEMORY_LIMIT_GB,
        "configuration": {**sample, "base_items": base_items, "base_users": base_users},
        "seed": 0,
        **provenance(),
    }
    write_json(options.out.with_suffix(".json"), result)
    plot(found, options.out.with_suffix(".png"))
    verdict = "below" if result["below_memory_limit"] else "NOT below"
    print(f"peak memory {peak:.2f} GB, {verdict} the limit of {MEMORY_LIMIT_GB:g} GB")
    print(f"written: {options.out.with_suffix('.json')} and .png")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    sys.exit(main())
