"""What a served model gains from the events on which it was evaluated.

    python -m benchmarks.refit --data runs/sample.csv --nights 3

Each night a model is trained on the log so far, of which the last two events of each user are held
out, and is asked for what its users do next: the first event of each in the time until the next
night. Compared are that model, the same one after it went on over every event
(`mclrec_tf.models.refit`), and a model trained from scratch on every event for as many epochs as
the evaluated one had at its best. Of a log without times there is one night, before the last event
of each user. Writes refit.json: hit rate and NDCG@10 under both ranking policies, what each gains
on the same users, with an interval, and the seconds of training.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.command import benchmark_parser
from benchmarks.provenance import print_json, provenance, write_json
from benchmarks.quality import data_name, learning_curve, remove_state, state_folder
from benchmarks.settings import (
    POLICIES,
    RunSettings,
    UnusableSettings,
    add_run_settings,
    given_settings,
    settings_for,
)
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

# What needs TensorFlow is imported where it is used, so that --help answers at once.
if TYPE_CHECKING:
    from mclrec_tf.data.histories import HeldOut
    from mclrec_tf.data.interactions import Interactions

BEFORE = 0.7
"""Share of the events, the oldest ones, before the first night."""

MODELS = ("evaluated", "refitted", "from_scratch")
_CONFIDENCE = 1.96  # of an interval of 95 %, in standard errors


def nights(log: Path, count: int) -> Iterator[tuple[Interactions, HeldOut]]:
    """What is known in each night, and what users do next.

    Args:
        log: Path of an event log.
        count: Nights; 1 if the log has no times.
    """
    from mclrec_tf.data.event_log.reader import Event, EventLogFormat, read_events
    from mclrec_tf.data.histories import HeldOut, positions
    from mclrec_tf.data.interactions import load_interactions

    everything = load_interactions(str(log))
    histories = everything.histories
    if (everything.timestamps == positions(histories.lengths) + 1).all():  # there are no times
        known = histories.without_last(1)
        last = histories.items[histories.row_splits[1:] - 1]
        yield replace(everything, histories=known), HeldOut(known, last)
        return
    events = [e for e in read_events(str(log), EventLogFormat()) if isinstance(e, Event)]
    times = [event.timestamp for event in events]
    # The last night is followed by all that comes.
    moments = [*np.quantile(times, np.linspace(BEFORE, 1, count + 1))[:-1], np.inf]
    for begin, end in zip(moments[:-1], moments[1:], strict=True):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "known.csv")
            with file.open("w", newline="") as opened:
                writer = csv.writer(opened)
                writer.writerow(("user_id", "item_id", "timestamp"))
                writer.writerows(
                    (e.user_id, e.item_id, e.timestamp) for e in events if e.timestamp < begin
                )
            so_far = load_interactions(str(file))
        item = {name: number for number, name in enumerate(so_far.item_ids, start=1)}
        coming = (e for e in events if begin <= e.timestamp < end)
        following: dict[str, str] = {}
        for event in sorted(coming, key=lambda event: event.timestamp):
            following.setdefault(event.user_id, event.item_id)
        users = np.array(
            [place for place, user in enumerate(so_far.user_ids) if user in following], np.int64
        )
        targets = [item.get(following[so_far.user_ids[user]], 0) for user in users]
        if len(users):  # else nobody of them comes back before the next night
            yield so_far, HeldOut(so_far.histories.take(users), np.array(targets, np.int32))


def night(
    known: Interactions, following: HeldOut, seed: int, settings: RunSettings, state: Path
) -> dict[str, Any]:
    """Trains the three models on what is known, and ranks what follows.

    Args:
        known: The log so far.
        following: What is known of each user who comes back, and the user's next item.
        seed: Seed of all trainings.
        settings: Settings of all models.
        state: Folder of the unfinished trainings, from which they resume.

    Returns:
        Of each model the `seconds` of its training and the `ranks` by policy; the `epochs` of the
        evaluated one, and how many users came back.
    """
    from benchmarks.training import batches_of, model_of, train
    from mclrec_tf.data.histories import leave_one_out
    from mclrec_tf.evaluation.offline import rank_targets
    from mclrec_tf.models.recipe import train_model
    from mclrec_tf.models.refit import refit, refit_epochs
    from mclrec_tf.training.early_stopping import ResumableEarlyStopping

    items, every = known.item_ids, known.histories
    found: dict[str, Any] = {"users": len(following.targets), "models": {}}

    def batches(first_epoch: int) -> Any:
        return batches_of(settings, every, seed, first_epoch)

    def keep(name: str, model: Any, began: float) -> None:
        seconds = round(monotonic() - began, 1)
        ranks = rank_targets(model, *following)
        found["models"][name] = {
            "seconds": seconds,
            "ranks": {policy: getattr(ranks, policy).tolist() for policy in POLICIES},
        }

    began, splits = monotonic(), leave_one_out(every)
    trained = train(settings, splits.train, splits.validation, len(items), seed, state / "first")
    keep("evaluated", trained.model, began)
    best = learning_curve(trained.history, settings.monitor)["best_epoch"]
    found["epochs"] = best

    began, model = monotonic(), model_of(settings, every, len(items), seed)
    stopping = ResumableEarlyStopping(state / "refitted", None, epochs=refit_epochs(best))
    refit(model, trained.model, items, items, every, stopping, batches=batches, seed=seed)
    keep("refitted", model, began)

    began, model = monotonic(), model_of(settings, every, len(items), seed)
    counts, learned = model.counts, trained.model.counts
    if counts is not None and learned is not None:
        counts.feature_weights.assign(learned.feature_weights)
    train_model(
        model,
        every,
        None,
        ResumableEarlyStopping(state / "from_scratch", monitor=None, epochs=best),
        batches=batches,
        item_start=settings.item_start,
        learning_rate_decay=settings.learning_rate_decay,
        seed=seed,
    )
    keep("from_scratch", model, began)
    return found


def summary(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Metrics of the users of all nights, and what is gained over the evaluated model.

    A gain is the mean of the differences of the same users, with its interval of 95 %.

    Args:
        found: What `night` returns, of each night.
    """
    result: dict[str, Any] = {}
    for policy in POLICIES:
        values = {
            name: _of_ranks(np.concatenate([n["models"][name]["ranks"][policy] for n in found]))
            for name in MODELS
        }
        result[policy] = {}
        for name, of_model in values.items():
            row: dict[str, Any] = {}
            for metric, by_user in of_model.items():
                row[metric] = round(float(by_user.mean()), 6)
                if name != "evaluated":
                    gain = by_user - values["evaluated"][metric]
                    error = float(gain.std(ddof=1)) / len(gain) ** 0.5
                    row[f"{metric}_gain"] = [
                        round(float(gain.mean()) + times * error, 6)
                        for times in (0, -_CONFIDENCE, _CONFIDENCE)
                    ]
            result[policy][name] = row
    return result


def _of_ranks(ranks: np.ndarray) -> dict[str, np.ndarray]:
    """Hit rate and NDCG at 10 of each user, from ranks that begin with 1."""
    hit = ranks <= 10
    return {
        "hit_rate_at_10": hit.astype(float),
        "ndcg_at_10": np.where(hit, 1 / np.log2(ranks + 1.0), 0.0),
    }


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("refit", __doc__, "runs/results/refit.json")
    parser.add_argument("--data", type=path, required=True, metavar="LOG", help="event log")
    parser.add_argument("--nights", type=int, default=3, help="default: 3")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    add_run_settings(parser)
    options = parser.parse_args(arguments)
    if options.nights < 1:
        parser.error("--nights must be at least 1")
    try:
        settings = settings_for(data_name(options.data), "mclrec", given_settings(options))
        result = run(options.data, options.nights, options.seed, settings, options.out)
    except UnusableSettings as error:
        parser.error(str(error))
    for policy in POLICIES:
        for name, row in result[policy].items():
            shown = [f"{metric} {row[metric]:.4f}" for metric in ("hit_rate_at_10", "ndcg_at_10")]
            if "ndcg_at_10_gain" in row:
                gain = row["ndcg_at_10_gain"]
                shown.append(f"gain {gain[0]:+.4f} ({gain[1]:+.4f} to {gain[2]:+.4f})")
            print(f"{policy:>12} {name:>12}: {', '.join(shown)}")
    write_json(options.out, result)
    print(f"written: {options.out}")
    if options.json:
        print_json(result)


def run(log: Path, count: int, seed: int, settings: RunSettings, out: Path) -> dict[str, Any]:
    """Runs all nights.

    Args:
        log: Path of an event log.
        count: Nights.
        seed: Seed of all trainings.
        settings: Settings of all models.
        out: File of the result; unfinished trainings are kept beside it.

    Returns:
        The result, as it is written to the file.
    """
    found, states = [], []
    for number, (known, following) in enumerate(nights(log, count)):
        state = state_folder(
            out.parent,
            f"refit-{data_name(log)}-{number}",
            str(log.resolve()),
            count,
            seed,
            asdict(settings),
        )
        states.append(state)
        found.append(night(known, following, seed, settings, state))
    for state in states:
        remove_state(state)
    return {
        "benchmark": "refit",
        "data": data_name(log),
        "seed": seed,
        "configuration": asdict(settings),
        "nights": [
            {
                "users": one["users"],
                "epochs": one["epochs"],
                "seconds": {name: one["models"][name]["seconds"] for name in MODELS},
            }
            for one in found
        ],
        **summary(found),
        **provenance(),
    }


if __name__ == "__main__":
    sys.exit(main())
