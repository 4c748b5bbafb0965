"""Command line: compares the histories in requests to a server with those of training.

Example:
    python -m pipeline.serving_skew --data events.csv --served served.jsonl
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from pipeline.cli.command_line import add_beam_args
from pipeline.cli.os_errors import tells_os_errors
from pipeline.cli.setting_options import add_options, chosen
from pipeline.settings import LOG_OPTIONS, DataSettings
from serving.command_line import not_empty
from serving.tensorflow_log import load_tensorflow_quietly

ERROR, SKEWED = 1, 3
_SETTINGS = ("schema", *LOG_OPTIONS, "max_bad_rows")

_EPILOG = f"""\
Served histories are JSON lines, {{"history": ["item", "item", ...]}}, oldest first, in a file whose
name ends in .jsonl; what a server has logged (TFRecord files of PredictionLog); TFRecord files of
Examples with user_id and history; or an event log. Those of a server are told by what they hold.

exit status: 0 alike; {SKEWED} skewed, one line for each limit; {ERROR} error; 2 wrong options
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m pipeline.serving_skew",
        description="Compares served histories with those of training by TensorFlow Data "
        "Validation. The skew_comparator of the schema is the limit.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--data",
        required=True,
        type=not_empty,
        metavar="LOG_OR_EXAMPLES",
        help="the training data: the event log, or the Examples of Split-test",
    )
    result.add_argument(
        "--served",
        required=True,
        type=not_empty,
        metavar="FILE",
        help="the served histories: a file, a folder or a glob pattern",
    )
    add_options(result, DataSettings, _SETTINGS)
    add_beam_args(result)
    return result


@tells_os_errors
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    options_parser = parser()
    options = options_parser.parse_args(arguments)
    load_tensorflow_quietly()
    try:
        settings = chosen(options, DataSettings, _SETTINGS)
        format = settings.format
    except ValueError as error:
        options_parser.error(str(error))
    # These imports take seconds. They are made here so that --help answers at once.
    from mclrec_tf.data.event_log.reader import EventLogError
    from pipeline.beam_args import complete_beam_args
    from pipeline.components.data_gate.schema_text import SchemaError
    from pipeline.jobs.batch_inference.user_histories import HistoriesError
    from pipeline.jobs.serving_skew.comparison import skew

    try:
        lines, notes = skew(
            data=options.data,
            served=options.served,
            schema=settings.schema,
            format=format,
            max_bad_rows=settings.max_bad_rows,
            beam_args=complete_beam_args(options.beam_args),
        )
    except (EventLogError, HistoriesError, SchemaError) as error:
        print(error, file=sys.stderr)
        return ERROR
    print(*notes, sep="\n", end="\n" if notes else "")
    print("\n".join(lines) or f"{options.served} is like {options.data}: no limit is violated")
    return SKEWED if lines else 0


if __name__ == "__main__":
    # Beam and TFX log warnings without consequences. Failures are reported in a sentence.
    logging.basicConfig(level=logging.CRITICAL)
    sys.exit(main())
