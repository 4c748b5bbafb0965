"""Repeats the experiments of the MCLRec paper (arXiv 2304.07763), and further ones of their form.

    python -m benchmarks.paper table4 --data beauty.txt.gz --seeds 0 1 2 --out runs/paper

trains what the study compares and writes runs/paper/table4.md, .json and plots. A run, which is a
model on a log with a seed, is trained once, whichever studies ask for it: its files lie in
runs/paper/runs under a name that follows from its settings. A study that was killed goes on when
the same command is given again. --list shows the runs. To divide them among machines, give each one
--only 1/3, --only 2/3, ..., copy their folders runs/paper/runs into one, and give the command
there. --quick shows within a minute or two that a study runs, on the built-in sample if there is no
--data. The test split decides nothing.
"""

import argparse
import logging
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.command import benchmark_parser
from benchmarks.paper.studies import STUDIES
from benchmarks.provenance import print_json
from benchmarks.settings import UnusableSettings, add_run_settings, given_settings
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

_QUICK_EVENTS = 2_000


def part_of(text: str) -> tuple[int, int]:
    """The number of a share and how many there are, of `2/3`."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"{text!r} is no share such as 1/3, 2/3 or 3/3")
    return number, count


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser("paper", __doc__, "runs/paper")
    parser.epilog = "\n".join(
        ["studies:", *(f"  {name:18} {study.title}" for name, study in STUDIES.items())]
    )
    parser.add_argument("studies", nargs="+", choices=STUDIES, metavar="STUDY", help="see below")
    parser.add_argument(
        "--data", type=path, action="append", metavar="LOG", help="event log; may be repeated"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="default: 0")
    parser.add_argument("--k-core", type=int, default=5, help="as in load_interactions; default: 5")
    parser.add_argument("--quick", action="store_true", help="few and tiny runs")
    parser.add_argument("--list", action="store_true", help="show the runs, train nothing")
    parser.add_argument(
        "--only", type=part_of, metavar="I/N", default=(1, 1), help="the I-th of N shares of runs"
    )
    add_run_settings(parser)
    return parser


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    if len(set(options.seeds)) < len(options.seeds):
        parser.error("--seeds: the same seed is given twice")
    logs = options.data or ([_sample(options.out)] if options.quick else [])
    if not logs:
        parser.error("--data is needed, or --quick")

    # Imported now, so that --help answers at once.
    from benchmarks.kept_results import UnusableResult
    from benchmarks.paper.plan import Scope, distinct, share
    from benchmarks.paper.report import finish, how_far, is_done, write_report
    from benchmarks.quality import data_name

    # Each run has graphs of its own, which TensorFlow takes for a mistake.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if len({data_name(log) for log in logs}) < len(logs):
        parser.error("--data: two logs of one name cannot be told apart in the results")
    if missing := [str(log) for log in logs if not log.exists()]:
        parser.error(f"--data: {', '.join(missing)} is not there")
    scope = Scope(
        logs=logs,
        seeds=options.seeds,
        given=given_settings(options),
        k_core=options.k_core,
        folder=options.out / "runs",
        quick=options.quick,
    )
    options.out.mkdir(parents=True, exist_ok=True)  # a file of that name is told before a training
    results = []
    for name in options.studies:
        study = STUDIES[name]
        try:
            planned = scope.plan(study)
        except UnusableSettings as error:
            parser.error(str(error))
        if not planned:
            parser.error(f"{name}: --schedule {scope.given['schedule']} can train none of it")
        named = distinct(planned)
        mine = share(list(named), *options.only)
        if options.list:
            for run in mine:
                state = how_far(study, run)
                print(f"{name}  {state:7}  {run.file}  {', '.join(named[run])}")
            continue
        try:
            for place, run in enumerate(mine, start=1):
                state = "" if is_done(study, run) else ", to be done"
                print(f"{name} {place}/{len(mine)}: {run.file.stem}{state}", flush=True)
                with _without_graphs() if options.quick else nullcontext():
                    finish(study, run)
            if missing := [str(run.file) for run in named if not is_done(study, run)]:
                print(f"{name}: {len(missing)} of {len(named)} runs are missing: see --list")
                continue
            results.append(write_report(name, study, planned, scope.left_out(study), options.out))
        except (UnusableResult, UnusableSettings) as error:
            parser.error(str(error))
        print(f"written: {options.out / name}.md and .json")
    if options.json:
        print_json({"benchmark": "paper", "studies": results})


def _sample(out: Path) -> Path:
    """The built-in sample, small; it is written once."""
    from mclrec_tf.data.sample.sample_log import write_sample

    log = out / "sample.csv"
    if not log.exists():
        write_sample(log, _QUICK_EVENTS)
    return log


@contextmanager
def _without_graphs() -> Iterator[None]:
    """Eagerly, because a graph takes longer to make than a tiny model to train."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Even though the")  # tf.data keeps its graphs
            yield
    finally:
        tf.config.run_functions_eagerly(before)


if __name__ == "__main__":
    sys.exit(main())
