"""Which model goes out: the evaluated one, or the one that went on over every event."""

import json
import os
from dataclasses import asdict, dataclass

from tfx.dsl.io import fileio

IN_ITS_PLACE = "in_its_place"
"""A custom property of a model: the folder of the model that is pushed in its place."""

_FILE = "refit.json"


@dataclass(frozen=True)
class RefitReport:
    """Which of the two models goes out, and why.

    Attributes:
        refitted: Whether the model that saw every event goes out; else the evaluated one does.
        refusals: Why it does not, one sentence each.
        users: The number of users it has learned from.
        events: The number of their events.
        held_out: How many of those were held out from the evaluated model.
        epochs: How many epochs it went on for.
        agreement: As in `pipeline.components.refit.guards.Guarded`; None if there was nothing to
            compare.
        effective_rank, evaluated_effective_rank: As there.
    """

    refitted: bool
    refusals: tuple[str, ...]
    users: int
    events: int
    held_out: int
    epochs: int
    agreement: float | None = None
    effective_rank: float | None = None
    evaluated_effective_rank: float | None = None

    def in_words(self) -> str:
        """What a reader of the run has to know about the model that goes out."""
        if not self.refitted:
            return (
                f"The evaluated model goes out. {' '.join(self.refusals)} So the model that went "
                "on over every event was dropped."
            )
        many = "epoch" if self.epochs == 1 else "epochs"
        return (
            f"The model that goes out is the evaluated one after {self.epochs} {many} over every "
            f"event, {self.held_out:,} of {self.events:,} of which the evaluated one has not "
            "learned from. Its 10 best items agree with those of the evaluated model by "
            f"{self.agreement:.2f}."
        )


def write_refit_report(model_uri: str, report: RefitReport) -> None:
    """Writes a report to the folder of the output of `Refit`."""
    with fileio.open(os.path.join(model_uri, _FILE), "w") as file:
        json.dump(asdict(report), file, indent=1)


def read_refit_report(model_uri: str) -> RefitReport | None:
    """What `Refit` has reported. None if it had no blessed model.

    Args:
        model_uri: The folder of its output.
    """
    path = os.path.join(model_uri, _FILE)
    if not fileio.exists(path):
        return None
    with fileio.open(path) as file:
        found = json.load(file)
    return RefitReport(**{**found, "refusals": tuple(found["refusals"])})
