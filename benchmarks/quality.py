"""The quality of one training run: early stopping on validation, one evaluation on the test split.

    python -m benchmarks.quality --data LOG --method mclrec --seed 0 --out runs/results

writes runs/results/mclrec-<log>-0.json: the configuration, seed, version and machine, the
validation metrics and the duration of every epoch, and the test metrics of the best epoch under
both ranking policies; of a model with counts also those without them. A run that was killed resumes
when the same command is given again. `benchmarks.table` and `benchmarks.time_to_quality` read the
files.
"""

import argparse
import hashlib
import json
import math
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.command import benchmark_parser
from benchmarks.kept_results import UnusableResult, check_asked, read_result
from benchmarks.provenance import (
    log_digest,
    peak_memory_gb,
    print_json,
    provenance,
    write_json,
)
from benchmarks.settings import (
    BASELINES,
    METHODS,
    POLICIES,
    RunSettings,
    UnusableSettings,
    add_run_settings,
    given_settings,
    settings_for,
    usable,
)
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors


def run(
    log: Path,
    method: str,
    seed: int,
    settings: RunSettings,
    state: Path,
    k_core: int = 5,
    read_test: bool = True,
    keep: Callable[[Any, Any], object] | None = None,
) -> dict[str, Any]:
    """Trains and evaluates, and reads the test split once, at the end.

    Args:
        log: Path of the event log.
        method: One of `METHODS`.
        seed: Seed of all random numbers.
        settings: Model, objective, optimizer and schedule; baselines ignore them.
        state: Folder of the unfinished training; the caller removes it once the result is
            written.
        k_core: Fewest events of each user and of each item.
        read_test: Whether to evaluate on the test split, which a search must not.
        keep: Called with the trained model, or the baseline, and the `Ranks` of the test, to keep
            more than the result.

    Returns:
        The result without its name, as it is written to the file.
    """
    # Imported now, so that --help answers at once.
    from benchmarks.baselines import baseline
    from benchmarks.training import train, without_counts
    from mclrec_tf.data.histories import leave_one_out
    from mclrec_tf.data.interactions import load_interactions
    from mclrec_tf.evaluation.offline import rank_targets, summarize

    with usable():
        interactions = load_interactions(str(log), k_core=k_core)
        splits = leave_one_out(interactions.histories)
    num_items = len(interactions.item_ids)
    result: dict[str, Any] = {
        "data": data_name(log),
        "method": method,
        "seed": seed,
        "k_core": k_core,
        "log_sha256": log_digest(log),
        "configuration": {} if method in BASELINES else asdict(settings),
        **provenance(),
        "users": len(splits.train),
        "items": num_items,
        "training_events": len(splits.train.items),
    }
    if method in BASELINES:
        found = baseline(method, splits, num_items)
        scorer: Any = found.scorer
        result |= {"training_seconds": 0.0, "validation": by_policy(found.validation), "curve": []}
        result |= found.choice
    else:
        trained = train(settings, splits.train, splits.validation, num_items, seed, state)
        scorer = trained.model
        result |= learning_curve(trained.history, settings.monitor)
        if trained.counts is not None:
            # The curve has the weights from before they were learned.
            result["counts"] = trained.counts._asdict()
            result["without_counts"] = {"validation": result["validation"]}
            result["validation"] = by_policy(summarize(rank_targets(scorer, *splits.validation)))
    if read_test and "without_counts" in result:
        # The same training is a run of the model without counts, which is settled too by now.
        with without_counts(scorer):
            result["without_counts"]["test"] = by_policy(
                summarize(rank_targets(scorer, *splits.test))
            )
    if read_test:
        began = monotonic()
        ranks = rank_targets(scorer, *splits.test, verbose=int(sys.stdout.isatty()))
        result["test"] = by_policy(summarize(ranks))
        result["test_seconds"] = round(monotonic() - began, 3)
        if keep:
            keep(scorer, ranks)
    result["peak_memory_gb"] = peak_memory_gb()
    return result


def by_policy(metrics: dict[str, float]) -> dict[str, dict[str, float]]:
    """Splits metrics such as `all_items_ndcg_at_10` by ranking policy and rounds them."""
    return {
        policy: {
            name.removeprefix(f"{policy}_"): round(value, 6)
            for name, value in metrics.items()
            if name.startswith(policy)
        }
        for policy in POLICIES
    }


def learning_curve(history: list[dict[str, float]], monitor: str) -> dict[str, Any]:
    """The part of a result that tells of the epochs.

    The times of a resumed run add up without the pauses. Tracing the graph is part of the first
    epoch.

    Args:
        history: Logs of every epoch, with `training_seconds` and `validation_seconds`.
        monitor: Metric that decides the best epoch.
    """
    curve, wall = [], 0.0
    for epoch, row in enumerate(history, start=1):
        wall += row["training_seconds"] + row["validation_seconds"]
        # JSON has no infinity, which a diagnostic of collapse may be.
        numbers = {k: round(v, 6) if math.isfinite(v) else None for k, v in row.items()}
        curve.append({"epoch": epoch, "wall_seconds": round(wall, 3), **numbers})
    best = max(history, key=lambda row: row[monitor])
    validation = {name.removeprefix("val_"): value for name, value in best.items()}
    return {
        "monitor": monitor,
        "epochs": len(history),
        "best_epoch": history.index(best) + 1,
        "training_seconds": round(sum(row["training_seconds"] for row in history), 3),
        "wall_seconds": round(wall, 3),
        "validation": by_policy(validation),
        "curve": curve,
    }


def data_name(log: Path) -> str:
    """Name of the data set of a log: `beauty` for `…/beauty.txt.gz`."""
    return log.name.split(".")[0]


def default_name(method: str, settings: RunSettings) -> str:
    """Name of a run that is given none: `popularity` or `mclrec-bsarec`."""
    return method if method in BASELINES else f"{method}-{settings.encoder}"


def result_name(text: str) -> str:
    """A name that can be part of a file's and a row's."""
    if not text or set(text) & set("/\\|\n"):
        raise argparse.ArgumentTypeError(f"{text!r} is empty, or has one of / \\ | in it")
    return text


def state_folder(out: Path, name: str, *identity: Any) -> Path:
    """The folder of an unfinished training.

    Args:
        out: Folder of the results.
        name: First part of the folder's name.
        identity: Values that JSON can hold; runs that differ in one have different folders.
    """
    text = json.dumps(identity, sort_keys=True)
    return out / "unfinished" / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def remove_state(state: Path) -> None:
    """Removes the folder of a training whose result is written."""
    shutil.rmtree(state, ignore_errors=True)
    with suppress(OSError):  # other runs are unfinished, or there was none
        state.parent.rmdir()


def _finished(options: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """The file and the result of the run that is asked for, which is made if it is not there."""
    method, k_core = options.method, options.k_core
    data = data_name(options.data)
    settings = settings_for(data, method, given_settings(options))
    name = options.name or default_name(method, settings)
    file = options.out / f"{name}-{data}-{options.seed}.json"
    asked = {
        "method": method,
        "k_core": k_core,
        "log_sha256": log_digest(options.data),
        "configuration": {} if method in BASELINES else asdict(settings),
    }
    state = state_folder(options.out, file.stem, asked)
    if file.exists():
        result = read_result(file)
        check_asked(file, result, asked)
        print(f"{file} is there already")
    else:
        options.out.mkdir(parents=True, exist_ok=True)
        result = run(options.data, method, options.seed, settings, state, k_core)
        result["name"] = name
        write_json(file, result)
    remove_state(state)
    return file, result


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("quality", __doc__, "runs/results")
    parser.add_argument("--data", type=path, required=True, metavar="LOG", help="event log")
    parser.add_argument("--method", choices=METHODS, default="mclrec", help="default: mclrec")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--name",
        type=result_name,
        help="name of the result in tables; method and encoder if left out",
    )
    parser.add_argument("--k-core", type=int, default=5, help="as in load_interactions; default: 5")
    add_run_settings(parser)
    options = parser.parse_args(arguments)
    try:
        file, result = _finished(options)
    except (UnusableResult, UnusableSettings) as error:
        parser.error(str(error))
    for policy, metrics in result["test"].items():
        shown = (f"{key} {metrics[key]:.4f}" for key in ("hit_rate_at_10", "ndcg_at_10"))
        print(f"{file.stem}  test {policy}: {', '.join(shown)}")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    sys.exit(main())
