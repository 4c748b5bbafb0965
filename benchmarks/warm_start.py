"""A warm start from yesterday's model against a start from scratch.

    python -m benchmarks.warm_start --data ml-100k.inter.gz

Yesterday's log holds the first events by time and today's log holds all of them, with more users
and items. One model is trained on yesterday's log. Two are trained on today's, of which one starts
from the first. Writes warm_start.json and .png: the learning curves over wall time, the seconds to
shares of the quality that both reach, and the test metrics of the best epochs.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.command import benchmark_parser
from benchmarks.provenance import print_json, provenance, write_json
from benchmarks.quality import by_policy, data_name, learning_curve, state_folder
from benchmarks.settings import RunSettings, add_run_settings, given_settings, settings_for
from benchmarks.time_to_quality import compare, plot, print_comparison
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

# What needs TensorFlow is imported where it is used, so that --help answers at once.
if TYPE_CHECKING:
    from benchmarks.training import Trained
    from mclrec_tf.data.interactions import Interactions
    from mclrec_tf.models.next_item_model import NextItemTraining


def yesterday_and_today(log: Path, share: float) -> tuple[Interactions, Interactions]:
    """Yesterday's log and today's.

    Args:
        log: Path of an event log with times.
        share: Share of the events, the oldest ones, that yesterday's log holds.
    """
    from mclrec_tf.data.event_log.reader import Event, EventLogFormat, read_events
    from mclrec_tf.data.interactions import load_interactions

    events = [e for e in read_events(str(log), EventLogFormat()) if isinstance(e, Event)]
    moment = np.quantile([event.timestamp for event in events], share)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "yesterday.csv")
        with file.open("w", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(("user_id", "item_id", "timestamp"))
            writer.writerows(
                (e.user_id, e.item_id, e.timestamp) for e in events if e.timestamp < moment
            )
        return load_interactions(str(file)), load_interactions(str(log))


def run(log: Path, share: float, seed: int, settings: RunSettings, out: Path) -> dict[str, Any]:
    """Trains and evaluates the three models.

    Args:
        log: Path of an event log with times.
        share: Share of the events, the oldest ones, that yesterday's log holds.
        seed: Seed of all three trainings.
        settings: Settings of all three models.
        out: Folder of the unfinished trainings, from which they resume.

    Returns:
        The result, as it is written to the file.
    """
    from benchmarks.training import train
    from mclrec_tf.data.histories import leave_one_out
    from mclrec_tf.evaluation.offline import rank_targets, summarize
    from mclrec_tf.models.warm_start import warm_start

    yesterday, today = yesterday_and_today(log, share)
    results: dict[str, dict[str, Any]] = {}

    def trained(
        name: str, on: Interactions, start: Callable[[NextItemTraining], object] | None = None
    ) -> Trained:
        splits = leave_one_out(on.histories)
        state = state_folder(out, name, str(log.resolve()), share, seed, asdict(settings))
        found = train(
            settings, splits.train, splits.validation, len(on.item_ids), seed, state, start
        )
        ranks = rank_targets(found.model, *splits.test)
        results[name] = {
            **{"name": name, "data": data_name(log), "seed": seed},
            **{"users": len(splits.train), "items": len(on.item_ids)},
            **learning_curve(found.history, settings.monitor),
            "test": by_policy(summarize(ranks)),
        }
        return found

    previous = trained("yesterday", yesterday).model
    trained("scratch", today)
    trained(
        "warm", today, lambda new: warm_start(new, previous, today.item_ids, yesterday.item_ids)
    )
    known = len(set(today.item_ids) & set(yesterday.item_ids))
    return {
        "benchmark": "warm_start",
        "share": share,
        "configuration": asdict(settings),
        "new_items": len(today.item_ids) - known,
        "runs": results,
        **compare([results["scratch"], results["warm"]], settings.monitor),
        **provenance(),
    }


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("warm_start", __doc__, "runs/results/warm_start")
    parser.add_argument("--data", type=path, required=True, metavar="LOG", help="log with times")
    parser.add_argument("--share", type=float, default=0.9, help="yesterday's; default: 0.9")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    add_run_settings(parser)
    options = parser.parse_args(arguments)
    settings = settings_for(data_name(options.data), "mclrec", given_settings(options))
    result = run(options.data, options.share, options.seed, settings, options.out.parent)
    for name, found in result["runs"].items():
        metrics = found["test"]["unseen_items"]
        print(
            f"{name}: {found['users']:,} users, {found['items']:,} items, best epoch "
            f"{found['best_epoch']} of {found['epochs']}, {found['wall_seconds']:,.0f} s, test "
            f"unseen_items ndcg_at_10 {metrics['ndcg_at_10']:.4f}"
        )
    print_comparison(result)
    write_json(options.out.with_suffix(".json"), result)
    plot(result, options.out.with_suffix(".png"))
    print(f"written: {options.out.with_suffix('.json')} and .png")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    sys.exit(main())
