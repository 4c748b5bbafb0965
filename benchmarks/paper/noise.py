"""Random items in the histories of the test, as in the paper's Figure 7."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.kept_results import read_json
from benchmarks.paper.curves import HEADING, METRIC, plot_lines
from benchmarks.paper.plan import Planned
from benchmarks.paper.runs import Run, split_log
from benchmarks.paper.tables import Metrics, Part, ranking_parts
from benchmarks.provenance import write_json
from benchmarks.quality import by_policy
from benchmarks.settings import POLICIES
from mclrec_tf.data.histories import Histories, positions
from mclrec_tf.evaluation.offline import rank_targets, summarize

SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)


def with_noise(histories: Histories, share: float, num_items: int, seed: int) -> Histories:
    """Histories with random items between their own, which keep their order.

    Which items are followed by more company is drawn among all of them, so that short histories
    get their part too: `round(share * N)` items are added to the N that there are, on average
    `share` of each history, at random places of it.

    Args:
        histories: The histories; they stay as they are.
        share: Items to add, as a share of those that there are, from 0 to 1.
        num_items: Size of the catalogue |I|, from which they are drawn evenly.
        seed: Seed of which, where and how many in each history.
    """
    random = np.random.default_rng([seed, 7])
    count, users = len(histories.items), len(histories)
    owner = np.repeat(np.arange(users), histories.lengths)
    chosen = random.choice(count, round(share * count), replace=False)
    added = np.bincount(owner[chosen], minlength=users)
    lengths = histories.lengths + added
    # The places of a user with the lowest draws get the random items.
    draws = random.random(lengths.sum())
    order = np.lexsort((draws, np.repeat(np.arange(users), lengths)))
    is_noise = np.empty(len(draws), bool)
    is_noise[order] = positions(lengths) < np.repeat(added, lengths)
    items = np.empty(len(draws), np.int32)
    items[~is_noise] = histories.items
    items[is_noise] = random.integers(1, num_items + 1, len(chosen))
    return Histories.from_lengths(items, lengths)


def measure(run: Run) -> None:
    """Ranks the test targets after noisy histories, and keeps the metrics beside the run."""
    file = run.beside("noise.json")
    if file.exists():
        return
    splits, num_items = split_log(run.log, run.k_core)
    model = run.trained_model()
    found = {}
    for share in SHARES:
        noisy = with_noise(splits.test.histories, share, num_items, run.seed)
        found[f"{share:g}"] = by_policy(summarize(rank_targets(model, noisy, splits.test.targets)))
    # Named, because tables of the folder's results pass over other benchmarks.
    write_json(file, {"benchmark": "noise", "test": found})


def noise_metrics(run: Run) -> dict[float, dict[str, Metrics]]:
    """Test metrics by share of noise and policy."""
    found = read_json(run.beside("noise.json"))["test"]
    return {0.0: run.result()["test"], **{float(share): one for share, one in found.items()}}


def show(title: str, data: str, planned: Sequence[Planned], against: str, stem: Path) -> list[Part]:
    """A plot, what the most noise costs, and a table for each share of noise.

    Args:
        title: Of the study.
        data: Name of the data set.
        planned: Its runs.
        against: Name of the variant from which the others are subtracted.
        stem: First part of the names of the images.
    """
    panels: dict[str, dict[str, dict[float, list[float]]]] = {policy: {} for policy in POLICIES}
    for variant, run in planned:
        for share, by_policies in noise_metrics(run).items():
            for policy, metrics in by_policies.items():
                points = panels[policy].setdefault(variant.name, {})
                points.setdefault(share, []).append(metrics[METRIC])
    file = stem.with_suffix(".png")
    plot_lines(file, panels, "random items, as a share of the history")
    most = max(SHARES)
    losses = [
        f"- {policy}, {name}: {HEADING} changes by {_change(points[0.0], points[most]):+.1%} "
        f"with {most:.0%} random items"
        for policy, lines in panels.items()
        for name, points in lines.items()
    ]
    parts = [Part("\n".join([f"![{title}, {data}]({file.name})", "", *losses]), [])]
    for share in (0.0, *SHARES):
        parts += ranking_parts(
            f"{data}, {share:.0%} random items, test",
            data,
            planned,
            lambda run, policy, share=share: noise_metrics(run)[share][policy],  # type: ignore[misc]
            against,
            with_published=False,
        )
    return parts


def _change(before: Sequence[float], after: Sequence[float]) -> float:
    """The change of the mean, as a share of it; 0 of nothing."""
    return sum(after) / sum(before) - 1 if sum(before) else 0.0
