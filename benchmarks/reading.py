"""The time to read an event log in every format, compared with the csv module row by row.

    python -m benchmarks.reading --rows 1000000

writes one log of simulated users (`mclrec_tf.data.sample`) in each format and reads each
`--repeats` times with `load_interactions`. The formats take turns, so that other work on the
machine affects all of them alike. The baseline is the least that a reader in Python does: it takes
the rows of the CSV from `csv.reader`, makes a number of each time, and numbers users and items with
a dictionary. Prints the medians and writes reading.json.
"""

import bz2
import csv
import gzip
import json
import lzma
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmarks.command import benchmark_parser, progress_bar
from benchmarks.provenance import print_json, provenance, write_json
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors

BASELINE = "csv module, row by row"
EVENTS_PER_ITEM = 100


def write_logs(folder: Path, rows: int) -> dict[str, Path]:
    """Writes one log in each format.

    Args:
        folder: Folder for the logs.
        rows: Number of events.

    Returns:
        The paths by name of the format.
    """
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    from mclrec_tf.data.sample.sample_log import write_sample

    plain = folder / "log.csv"
    # The sample has no flawed rows, which not all formats could hold.
    write_sample(plain, rows, flaw_share=0, num_items=max(rows // EVENTS_PER_ITEM, 10))
    table = arrow_csv.read_csv(plain)
    logs = {"CSV": plain}
    for name, package in (("gzip", gzip), ("bzip2", bz2), ("xz", lzma)):
        logs[f"CSV, {name}"] = folder / f"log.csv.{name}"
        # The fastest level, because the level has little effect on the time of decompression.
        level = {"preset": 1} if package is lzma else {"compresslevel": 1}
        with plain.open("rb") as source, package.open(logs[f"CSV, {name}"], "wb", **level) as sink:
            shutil.copyfileobj(source, sink)
    logs["CSV, Zstandard"] = folder / "log.csv.zst"
    with (
        plain.open("rb") as source,
        pyarrow.output_stream(logs["CSV, Zstandard"], compression="zstd") as stream,
    ):
        shutil.copyfileobj(source, stream)
    logs["CSV, quoted"] = folder / "quoted.csv"
    logs["CSV, ISO 8601 times"] = folder / "dates.csv"
    logs["JSON lines"] = folder / "log.jsonl"
    _write_rows(plain, logs)
    logs["Parquet"] = folder / "log.parquet"
    parquet.write_table(table, logs["Parquet"])
    return logs


def _write_rows(plain: Path, logs: dict[str, Path]) -> None:
    from datetime import datetime, timezone

    with (
        plain.open(newline="") as source,
        logs["CSV, quoted"].open("w", newline="") as quoted,
        logs["CSV, ISO 8601 times"].open("w", newline="") as dates,
        logs["JSON lines"].open("w") as objects,
    ):
        reader = csv.reader(source)
        names = next(reader)
        place = names.index("timestamp")
        in_quotes = csv.writer(quoted, quoting=csv.QUOTE_ALL)
        with_dates = csv.writer(dates)
        in_quotes.writerow(names)
        with_dates.writerow(names)
        for row in reader:
            in_quotes.writerow(row)
            objects.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")
            row[place] = datetime.fromtimestamp(int(row[place]), timezone.utc).isoformat()
            with_dates.writerow(row)


def read_by_rows(path: Path) -> int:
    """Reads a log as the baseline does; returns the number of rows."""
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    numbered = []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file, strict=True)
        names = next(reader)
        user, item, timestamp = (names.index(n) for n in ("user_id", "item_id", "timestamp"))
        for row in reader:
            numbered.append(
                (
                    users.setdefault(row[user], len(users)),
                    items.setdefault(row[item], len(items)),
                    int(row[timestamp]),
                )
            )
    return len(numbered)


def read_whole(path: Path) -> int:
    """Reads a log as training does; returns the number of rows."""
    from mclrec_tf.data.interactions import load_interactions

    return load_interactions(path, k_core=0).report.rows


def measure(folder: Path, rows: int, repeats: int) -> list[dict[str, Any]]:
    """Times every format.

    Args:
        folder: Folder for the logs.
        rows: Number of events.
        repeats: Timed readings of each format, after one of warm-up.

    Returns:
        A row for each format, the baseline first.
    """
    with progress_bar() as bar:
        task = bar.add_task("writing the logs", total=None)
        logs = write_logs(folder, rows)
        readers: dict[str, tuple[Callable[[Path], int], Path]] = {
            BASELINE: (read_by_rows, logs["CSV"]),
            **{name: (read_whole, path) for name, path in logs.items()},
        }
        found: dict[str, list[float]] = {name: [] for name in readers}
        bar.update(task, total=len(readers) * (repeats + 1))
        for turn in range(repeats + 1):
            for name, (read, path) in readers.items():
                bar.update(task, description=name)
                begin = time.perf_counter()
                counted = read(path)
                seconds = time.perf_counter() - begin
                if counted != rows:
                    raise RuntimeError(f"{name}: {counted:,} rows were read, not {rows:,}.")
                if turn:  # the first turn loads libraries and fills the page cache
                    found[name].append(seconds)
                bar.advance(task)
    baseline = median(found[BASELINE])
    return [
        {
            "format": name,
            "seconds": round(median(seconds), 3),
            "all_seconds": [round(one, 3) for one in seconds],
            "of_baseline": round(median(seconds) / baseline, 3),
            "bytes": readers[name][1].stat().st_size,
        }
        for name, seconds in found.items()
    ]


def print_table(rows: int, found: Sequence[dict[str, Any]]) -> None:
    """Prints a row for each format."""
    measured = pd.DataFrame(found).set_index("format").rename_axis(None)
    table = pd.DataFrame(
        {
            "seconds": measured["seconds"].map("{:.2f}".format),
            "of the baseline": measured["of_baseline"].map("{:.2f}".format),
            "MB": (measured["bytes"] / 1e6).map("{:,.1f}".format),
            "rows a second": (rows / measured["seconds"]).map("{:,.0f}".format),
        }
    )
    print(f"{rows:,} rows", table.to_string(), sep="\n\n")


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = benchmark_parser("reading", __doc__, "runs/results/reading")
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="after one of warm-up")
    parser.add_argument(
        "--folder", type=path, help="for the logs while it runs; default: a temporary one"
    )
    options = parser.parse_args(arguments)
    if options.rows < 1000 or options.repeats < 1:
        parser.error("--rows must be 1000 or more, --repeats 1 or more")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = measure(Path(folder), options.rows, options.repeats)
    result = {
        "benchmark": "reading",
        "rows": options.rows,
        "formats": found,
        "configuration": {"repeats": options.repeats},
        "seed": 0,
        **provenance(),
    }
    out = options.out.with_suffix(".json")
    write_json(out, result)
    print_table(options.rows, found)
    print(f"written: {out}")
    if options.json:
        print_json(result)


if __name__ == "__main__":
    sys.exit(main())
