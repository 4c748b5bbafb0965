"""Writes the built-in sample to a file.

python -m mclrec_tf.data.sample runs/sample.csv --events 50000 --items runs/items.csv
"""

import argparse
import os
from collections.abc import Sequence

from mclrec_tf.data.sample.sample_log import (
    FLAW_SHARE,
    MAX_EVENTS,
    MIN_EVENTS,
    NOISE_SHARE,
    write_items,
    write_sample,
)
from mclrec_tf.data.sample.users import EVENTS_PER_USER


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the sample that the arguments of the command line describe."""
    parser = argparse.ArgumentParser(
        prog="python -m mclrec_tf.data.sample",
        description="Writes an event log of simulated users (columns user_id, item_id, timestamp) "
        "to try the project on. The same options give the same file, byte for byte.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("out", metavar="OUT", help="file to write: NAME.csv or NAME.csv.gz")
    parser.add_argument(
        "--events",
        metavar="N",
        type=int,
        default=50_000,
        help=f"rows to write, {MIN_EVENTS:,} to {MAX_EVENTS:,}: about one user to "
        f"{EVENTS_PER_USER} events; a million take about 31 MB, 8 MB as .gz",
    )
    parser.add_argument(
        "--seed", metavar="S", type=int, default=0, help="choose other users and items"
    )
    parser.add_argument(
        "--noise",
        metavar="SHARE",
        type=float,
        default=NOISE_SHARE,
        help="share of events that are random items, 0 to 0.5",
    )
    parser.add_argument(
        "--flaws",
        metavar="SHARE",
        type=float,
        default=FLAW_SHARE,
        help="share of rows that are duplicates, and again of rows that are unusable, 0 to 0.5",
    )
    parser.add_argument(
        "--items",
        metavar="ITEMS",
        default=argparse.SUPPRESS,  # so that the help names no default
        help="also write the catalogue (columns item_id, title, kind, styles, embedding) to this "
        "file, NAME.csv or NAME.csv.gz, for --items ITEMS and --item-names ITEMS:title; it has "
        "some new items without events, and the log stays the same",
    )
    options = parser.parse_args(arguments)
    items = getattr(options, "items", None)
    files = [options.out] if items is None else [options.out, items]
    for file in files:
        if os.path.lexists(file):
            parser.error(f"{file}: exists already. Give the name of a new file, or remove it.")
    if len({*map(os.path.realpath, files)}) < len(files):
        parser.error(f"--items: {items} is the file of the log. Name another one.")
    try:
        if items is not None:
            num_items = write_items(items, options.events, options.seed)
        try:
            contents = write_sample(
                options.out,
                options.events,
                options.seed,
                options.noise,
                options.flaws,
                progress=True,
            )
        except BaseException:
            if items is not None:
                os.unlink(items)  # or the next attempt would find it
            raise
    except (ValueError, OSError) as error:
        parser.error(str(error))
    print(
        f"{options.out}: {contents.events:,} rows of {contents.users:,} users and "
        f"{contents.items:,} items, among them {contents.duplicates:,} duplicates and "
        f"{contents.unusable:,} unusable rows"
    )
    if items is not None:
        print(f"{items}: {num_items:,} items with titles and features, some of them without events")


if __name__ == "__main__":
    main()
