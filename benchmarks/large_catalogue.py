"""What large catalogues cost to serve: by bounds, and by the product with the whole item table.

    python examples/beauty.py beauty.txt.gz --out model.keras
    python -m benchmarks.large_catalogue --model model.keras --items 12101 100000 1000000

A trained model is given more items, with vectors distributed like its own
(`benchmarks.grown_catalogue`), and exported twice. Both exports answer the same requests of
`serving_default`, raw item ids in and out, in turns; times are medians, and the answers are
compared. Memory is what a process grows by when it loads an export and answers once. Where
tensorflow-recommenders is installed, its exact indexes find the best inner products of the same
vectors, without the encoder, counts, names or items left out. Batches whose scores do not fit
into memory are left out. Writes large_catalogue.json and .md.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from benchmarks.catalogue_of_size import BATCH_SIZES, KINDS, cost
from benchmarks.command import benchmark_parser
from benchmarks.provenance import provenance, write_json
from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors
from pipeline.whole_file import whole_file

_INDEXES = ("brute_force", "streaming")


def table(sizes: Sequence[dict[str, Any]]) -> str:
    """The results as a table in Markdown."""
    head = ["items", "by", "export, GB", "memory, GB"]
    head += [f"{size} at once, ms" for size in BATCH_SIZES]
    head += ["users evaluated a second"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for found in sizes:
        for kind in (*KINDS, *(index for index in _INDEXES if index in found)):
            row = found[kind]
            cells = [f"{found['items']:,}", kind if kind in KINDS else f"tfrs {kind}"]
            cells += [_number(row.get(name)) for name in ("export_gb", "memory_gb")]
            cells += [_number(row.get(f"ms_for_{size}")) for size in BATCH_SIZES]
            cells += [_number(row.get("evaluated_a_second"))]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> None:
    parser = benchmark_parser("large_catalogue", __doc__, "runs/results/large_catalogue")
    parser.add_argument("--model", type=path, required=True, help="a trained model, .keras")
    parser.add_argument(
        "--items",
        type=int,
        nargs="+",
        default=[100_000, 1_000_000],
        metavar="N",
        help="sizes of the catalogue; default: 100000 1000000",
    )
    parser.add_argument("--turns", type=int, default=7, help="timings of each; default: 7")
    parser.add_argument("-k", type=int, default=100, help="items of an answer; default: 100")
    parser.add_argument(
        "--without-counts", action="store_true", help="leave out what the model counted"
    )
    options = parser.parse_args(arguments)
    sizes = []
    for num_items in options.items:
        with tempfile.TemporaryDirectory(dir=options.model.parent) as folder:
            given = options.model, num_items, not options.without_counts
            try:
                found = cost(*given, options.k, options.turns, Path(folder))
            except ValueError as error:
                parser.error(f"--items {num_items}: {error}")
            except BrokenProcessPool:
                sys.exit(f"{num_items:,} items: a process was ended; perhaps memory was short")
        sizes.append(found)
        print(table(sizes[-1:]), flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    result = {
        "benchmark": "large_catalogue",
        "model": options.model.name,
        "counts": not options.without_counts,
        "k": options.k,
        "sizes": sizes,
        **provenance(),
    }
    write_json(options.out / "large_catalogue.json", result)
    with whole_file(options.out / "large_catalogue.md") as unfinished:
        unfinished.write_text(table(sizes))
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    sys.exit(main())
