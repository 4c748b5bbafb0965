"""The runs of a study: each variant on each log with each seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.paper.runs import Run
from benchmarks.paper.studies import Study, Variant
from benchmarks.quality import data_name
from benchmarks.settings import BASELINES, RunSettings, settings_for

QUICK_SETTINGS: dict[str, Any] = {"dim": 8, "num_layers": 1, "epochs": 1, "batch_size": 256}
"""The settings of --quick, which shows that a study runs, not what it finds."""


class Planned(NamedTuple):
    """A run, and what a study calls it."""

    variant: Variant
    run: Run


@dataclass(frozen=True)
class Scope:
    """What the command says about the runs of every study.

    Attributes:
        logs: The event logs.
        seeds: Seeds of each variant. Baselines have no random numbers, so the first one alone.
        given: Settings that were given on the command line.
        k_core: Fewest events of each user and of each item.
        folder: Folder of the files of all runs.
        quick: Whether runs are few and small.
    """

    logs: Sequence[Path]
    seeds: Sequence[int]
    given: Mapping[str, Any]
    k_core: int
    folder: Path
    quick: bool = False

    def plan(self, study: Study) -> list[Planned]:
        """The runs of a study, by log, variant and seed.

        Variants that the schedule cannot train are left out; `left_out` names them.
        """
        return [
            Planned(variant, Run(log, method, seed, settings, self.k_core, self.folder))
            for log in self.logs
            for variant, method, settings in self._variants(study, log)
            if settings.fits_schedule
            for seed in (self.seeds[:1] if method in BASELINES else self.seeds)
        ]

    def left_out(self, study: Study) -> list[str]:
        """Names of the variants that the schedule cannot train."""
        return [
            variant.name
            for variant, _, settings in self._variants(study, self.logs[0])
            if not settings.fits_schedule
        ]

    def _variants(self, study: Study, log: Path) -> list[tuple[Variant, str, RunSettings]]:
        given = {**QUICK_SETTINGS, **self.given} if self.quick else self.given
        return [
            (variant, *method_and_settings(variant, data_name(log), given))
            for variant in study.variants
            if variant.in_quick or not self.quick
        ]


def method_and_settings(
    variant: Variant, data: str, given: Mapping[str, Any]
) -> tuple[str, RunSettings]:
    """What a variant is on a data set.

    Args:
        variant: The variant.
        data: Name of the data set.
        given: Settings that every run of the study has, unless the variant changes them.
    """
    # The paper's model, but for the authors' schedule, which has its own.
    base = {"encoder": "post_norm_sasrec", "preset": "paper"}
    values = {**({} if given.get("schedule") == "authors" else base), **given, **variant.changes}
    settings = settings_for(data, variant.method, values)
    if variant.lambda_if_none and settings.lambda_ == 0:
        settings = replace(settings, lambda_=variant.lambda_if_none)
    # With λ = β = 0 it is the same run as the encoder alone, and is not trained a second time.
    alone = variant.method == "mclrec" and settings.is_encoder_alone
    return ("encoder" if alone else variant.method), settings


def distinct(planned: Sequence[Planned]) -> dict[Run, list[str]]:
    """The runs, each once, with the names that the study has for it."""
    names: dict[Run, list[str]] = {}
    for variant, run in planned:
        names.setdefault(run, []).append(variant.name)
    return names


def share(runs: Sequence[Run], number: int, count: int) -> list[Run]:
    """The share of one of several machines; the shares together are all runs.

    Args:
        runs: The runs of a study.
        number: Which share, from 1.
        count: How many there are.
    """
    return list(runs)[number - 1 :: count]
