"""Chooses settings on validation, with one budget for all methods; the test split is never read.

    python -m benchmarks.search --data LOG --methods mclrec encoder --trials 8 --epochs 30

Each method has the same number of trials with the same number of epochs. Trial n draws its settings
from `SEARCH_SPACE` in benchmarks/settings.py with seed n, so both methods try the same values of
the settings that they share. --configurations names a JSON file with a list of settings to try
instead. Options such as --dim hold for every trial. A search that was killed resumes when the same
command is given again.
"""

import argparse
import json
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.command import benchmark_parser
from benchmarks.kept_results import UnusableResult, read_json
from benchmarks.provenance import log_digest, print_json, provenance, write_json
from benchmarks.quality import data_name, run, state_folder
from benchmarks.settings import (
    SEARCH_SPACE,
    UnusableSettings,
    add_run_settings,
    given_settings,
    settings_for,
)
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

_TRAINED = ("mclrec", "encoder")


def draw(trial: int) -> dict[str, Any]:
    """The settings of a trial; each has its own random stream, so adding one changes no other."""
    return {
        name: random.Random(f"{trial} {name}").choice(values)
        for name, values in SEARCH_SPACE.items()
    }


def summarize_trials(trials: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The trial of each method with the highest score; the first of equal ones."""
    best: dict[str, dict[str, Any]] = {}
    for trial in trials:
        method = trial["method"]
        if method not in best or trial["score"] > best[method]["score"]:
            best[method] = trial
    return best


def _trial(options: argparse.Namespace, method: str, number: int, chosen: dict[str, Any]) -> Any:
    import keras

    data = data_name(options.data)
    settings = settings_for(data, method, {**chosen, **given_settings(options)})
    identity = (log_digest(options.data), method, options.k_core, asdict(settings))
    state = state_folder(options.out, f"{method}-{data}-trial{number}", *identity, options.seed)
    file = options.out / "trials" / f"{state.name}.json"
    if not file.exists():
        keras.backend.clear_session()  # frees the graphs of the previous trial
        found = run(
            options.data, method, options.seed, settings, state, options.k_core, read_test=False
        )
        policy, metric = _policy_and_metric(settings.monitor)
        write_json(file, {**found, "score": found["validation"][policy][metric]})
    shutil.rmtree(state, ignore_errors=True)
    result = read_json(file)
    print(f"{method} trial {number}: {result['monitor']} {result['score']:.4f}  {chosen}")
    return {
        "method": method,
        "trial": number,
        "score": result["score"],
        "chosen": chosen,
        "configuration": result["configuration"],
        "best_epoch": result["best_epoch"],
        "epochs": result["epochs"],
        "training_seconds": result["training_seconds"],
    }


def _policy_and_metric(monitor: str) -> tuple[str, str]:
    policy, metric = monitor.removeprefix("val_").split("_items_")
    return f"{policy}_items", metric


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("search", __doc__, "runs/results/search")
    parser.add_argument("--data", type=path, required=True, metavar="LOG", help="event log")
    parser.add_argument("--methods", nargs="+", choices=_TRAINED, default=list(_TRAINED))
    parser.add_argument("--trials", type=int, default=8, help="a method; default: 8")
    parser.add_argument("--configurations", type=path, metavar="JSON", help="settings to try")
    parser.add_argument("--seed", type=int, default=0, help="of every training; default: 0")
    parser.add_argument("--k-core", type=int, default=5, help="default: 5")
    add_run_settings(parser)
    options = parser.parse_args(arguments)
    if options.configurations:
        tried = json.loads(options.configurations.read_text())
    else:
        tried = [draw(number) for number in range(options.trials)]

    try:
        trials = [
            _trial(options, method, number, chosen)
            for number, chosen in enumerate(tried)
            for method in options.methods
        ]
    except (UnusableResult, UnusableSettings) as error:
        parser.error(str(error))
    best = summarize_trials(trials)
    for method, trial in best.items():
        print(f"best {method}: {trial['score']:.4f} with {trial['chosen']}")
    result = {
        "benchmark": "search",
        "data": data_name(options.data),
        "seed": options.seed,
        "best": best,
        "trials": trials,
        **provenance(),
    }
    file = options.out / f"{data_name(options.data)}.json"
    write_json(file, result)
    print(f"written: {file}")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    sys.exit(main())
