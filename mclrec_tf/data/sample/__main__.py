"""Writes the built-in sample to a file.

python -m mclrec_tf.data.sample runs/sample.csv --events 50000
"""

import argparse
import os
from collections.abc import Sequence

from mclrec_tf.data.sample.sample_log import (
    FLAW_SHARE,
    MAX_EVENTS,
    MIN_EVENTS,
    NOISE_SHARE,
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
    options = parser.parse_args(arguments)
    if os.path.lexists(options.out):
        parser.error(f"{options.out}: exists already. Give the name of a new file, or remove it.")
    try:
        contents = write_sample(
            options.out, options.events, options.seed, options.noise, options.flaws, progress=True
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))
    print(
        f"{options.out}: {contents.events:,} rows of {contents.users:,} users and "
        f"{contents.items:,} items, among them {contents.duplicates:,} duplicates and "
        f"{contents.unusable:,} unusable rows"
    )


if __name__ == "__main__":
    main()
