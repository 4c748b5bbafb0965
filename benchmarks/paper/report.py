"""What a study found: its page, its plots and its numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from benchmarks.kept_results import UnusableResult
from benchmarks.paper import curves, groups, noise, tables, views
from benchmarks.paper.plan import Planned, distinct
from benchmarks.paper.runs import Run
from benchmarks.paper.studies import Study
from benchmarks.paper.tables import Part
from benchmarks.provenance import provenance, write_json
from pipeline.whole_file import whole_file


class Show(Protocol):
    """Makes the results of one data set; images get names that begin with `stem`."""

    def __call__(
        self, study: Study, data: str, planned: Sequence[Planned], stem: Path
    ) -> list[Part]: ...


class Measure(Protocol):
    """Measures what a finished run does not have in its result, once."""

    def __call__(self, run: Run) -> None: ...


class Shown(NamedTuple):
    """A way to show a study, and what it needs measured."""

    show: Show
    measure: Measure | None = None
    measured: str = ""


def _views(names: Sequence[str]) -> Shown:
    def show(study: Study, data: str, planned: Sequence[Planned], stem: Path) -> list[Part]:
        return views.show(study.title, data, planned, study.against, stem, names)

    return Shown(show, views.measure, "views.npz")


SHOWN = {
    "table": Shown(lambda study, data, planned, stem: tables.show(data, planned, study.against)),
    "groups": Shown(lambda study, data, planned, stem: groups.show(data, planned, study.against)),
    "curves": Shown(
        lambda study, data, planned, stem: curves.show(study.title, data, planned, stem)
    ),
    "noise": Shown(
        lambda study, data, planned, stem: noise.show(
            study.title, data, planned, study.against, stem
        ),
        noise.measure,
        "noise.json",
    ),
    "learned_views": _views(views.LEARNED),
    "encoded_views": _views(views.ENCODED),
}


def is_done(study: Study, run: Run) -> bool:
    """Whether all that a study needs of a run is there."""
    measured = SHOWN[study.shown].measured
    return run.file.exists() and (not measured or run.beside(measured).exists())


def how_far(study: Study, run: Run) -> str:
    """A word for a run: missing, done or damaged."""
    if not is_done(study, run):
        return "missing"
    try:
        run.result()
    except UnusableResult:
        return "damaged"
    return "done"


def finish(study: Study, run: Run) -> None:
    """Trains a run and measures what the study needs of it, as far as that is not done."""
    run.train()
    if measure := SHOWN[study.shown].measure:
        measure(run)


def write_report(
    name: str, study: Study, planned: Sequence[Planned], left_out: Sequence[str], out: Path
) -> dict[str, Any]:
    """Writes `<name>.md`, `<name>.json` and the images; all runs must be done.

    Args:
        name: Name of the study.
        study: The study.
        planned: Its runs.
        left_out: Names of the variants that could not be trained.
        out: Folder of the files.

    Returns:
        What was written as JSON.
    """
    pages, numbers = [f"## {study.title}"], []
    if left_out:
        pages.append(f"The schedule cannot train, so they are left out: {', '.join(left_out)}.")
    for data in dict.fromkeys(run.data for _, run in planned):
        of_data = [one for one in planned if one.run.data == data]
        for part in SHOWN[study.shown].show(study, data, of_data, out / f"{name}-{data}"):
            pages.append(part.markdown)
            numbers += [{"data": data, **found} for found in part.numbers]
    result: dict[str, Any] = {
        "benchmark": "paper",
        "study": name,
        "title": study.title,
        "left_out": list(left_out),
        "found": numbers,
        "runs": [
            {"file": run.file.name, "names": names, "version": run.result()["version"]}
            for run, names in distinct(planned).items()
        ],
        **provenance(),
    }
    with whole_file(out / f"{name}.md") as unfinished:
        unfinished.write_text("\n\n".join(pages) + "\n")
    write_json(out / f"{name}.json", result)
    return result
