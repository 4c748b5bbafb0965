"""Command line: looks at what servers were asked, what they answered, and what users did then.

Example:
    python -m pipeline.watch --requests "log/mclrec-*.tfrecord" --data events.csv \\
        --model runs/shop/models/mclrec --out watch.html --metrics watch.prom
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import datetime, timezone

from pipeline.cli.command_line import path
from pipeline.cli.os_errors import tells_os_errors
from pipeline.cli.setting_options import add_options, chosen
from pipeline.jobs.watch.limits import WatchLimits
from pipeline.settings import LOG_OPTIONS, DataSettings
from serving.command_line import not_empty
from serving.tensorflow_log import load_tensorflow_quietly

ERROR, BROKEN = 1, 3
_SETTINGS = (*LOG_OPTIONS, "max_bad_rows")

_EPILOG = f"""\
Requests are TFRecord files of TensorFlow Serving's PredictionLog, as the local server writes them
(--request_log), plain or packed by gzip, of one or several servers. A request names no user: it is
joined with the events by its history, and the outcome is the next event.

exit status: 0 within the limits; {BROKEN} a version breaks a limit, a line each; {ERROR} error, or
nothing was logged; 2 wrong options
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m pipeline.watch",
        description="Looks at the versions that are live: unknown items, empty histories, drift, "
        "what is recommended, and the online hit rate.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--requests",
        required=True,
        type=not_empty,
        metavar="GLOB",
        help="what servers have logged: a file, a folder or a glob pattern",
    )
    result.add_argument(
        "--data",
        required=True,
        type=not_empty,
        metavar="LOG",
        help="the event log, as for pipeline.run_local, with the events after the requests",
    )
    result.add_argument(
        "--model",
        type=not_empty,
        metavar="DIR",
        help="the folder of versions: tells the size of their catalogues, and which items exports "
        "of earlier versions know",
    )
    result.add_argument(
        "--since",
        type=_seconds,
        metavar="TIME",
        help="look at requests from this time on (2026-01-31T10:15, UTC unless it says otherwise), "
        "and compare them with those before",
    )
    result.add_argument(
        "--out", type=path, required=True, metavar="PAGE", help="the page to write, as HTML"
    )
    result.add_argument(
        "--metrics",
        type=path,
        metavar="FILE",
        help="also write metrics for the textfile collector of Prometheus' node exporter; the name "
        "must end in .prom",
    )
    add_options(result.add_argument_group("limits"), WatchLimits)
    add_options(result.add_argument_group("the event log"), DataSettings, _SETTINGS)
    return result


def _seconds(text: str) -> int:
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
        utc = time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time such as 2026-01-31T10:15, of the years 1 to 9999 in UTC."
        ) from None
    return int(utc.timestamp())


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    options_parser = parser()
    options = options_parser.parse_args(arguments)
    if options.metrics and options.metrics.suffix != ".prom":
        options_parser.error(
            f"--metrics must end in .prom, or Prometheus does not read it, got {options.metrics}."
        )
    load_tensorflow_quietly()
    try:
        data = chosen(options, DataSettings, _SETTINGS)
        limits = chosen(options, WatchLimits)
        format = data.format
    except ValueError as error:
        options_parser.error(str(error))
    # These imports take seconds. They are made here so that --help answers at once.
    from mclrec_tf.data.event_log.reader import EventLogError
    from pipeline.jobs.request_log.record_files import RequestLogError
    from pipeline.jobs.watch.catalogues import CataloguesError
    from pipeline.jobs.watch.metrics_file import write_metrics
    from pipeline.jobs.watch.page import write_page
    from pipeline.jobs.watch.watching import watch

    try:
        watched = watch(
            requests=options.requests,
            data=options.data,
            model=options.model or "",
            since=options.since,
            format=format,
            max_bad_rows=data.max_bad_rows,
            limits=limits,
        )
    except (CataloguesError, EventLogError, RequestLogError) as error:
        print(error, file=sys.stderr)
        return ERROR
    write_page(options.out, watched, limits, options.requests)
    if options.metrics:
        write_metrics(options.metrics, watched)
    broken = [
        f"{report.by.model} {report.by.version}: {line}"
        for report in watched.reports
        for line in report.broken.values()
    ]
    print("\n".join([*watched.notes, *broken, f"Written to {options.out}"]))
    return BROKEN if broken else 0


if __name__ == "__main__":
    # TFX logs warnings without consequences. Failures are reported in a sentence.
    logging.basicConfig(level=logging.CRITICAL)
    sys.exit(main())
