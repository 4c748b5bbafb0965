"""Command line: recommends k items to every user of a log, and writes them to Parquet.

Example:
    python -m pipeline.batch_inference --model runs/shop/models/mclrec --data events.csv \\
        --output runs/shop/recommendations --k 20
"""

import argparse
import logging
import sys

from pipeline.cli.command_line import add_beam_args
from pipeline.cli.os_errors import tells_os_errors
from pipeline.cli.setting_options import add_options, chosen
from pipeline.settings import LOG_OPTIONS, DataSettings
from serving.command_line import not_empty
from serving.tensorflow_log import load_tensorflow_quietly

_SETTINGS = (*LOG_OPTIONS, "max_bad_rows")
_EPILOG = """\
The columns of the output are user_id, item_ids and scores (best first), model_version, known_items
and history_items: how many items of the history the model knows, and out of how many. The
recommendations equal those of a server of the model. DIR appears when it is complete; a run that
fails or is killed leaves none.

exit status: 0 written; 1 error, also where the model knows no item of any user; 2 wrong options
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m pipeline.batch_inference",
        description="Recommends k items to every user of an event log or of Examples.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--model",
        required=True,
        type=not_empty,
        metavar="DIR",
        help="a pushed version, or the folder of versions, of which the newest is used",
    )
    result.add_argument(
        "--data",
        required=True,
        type=not_empty,
        metavar="LOG_OR_EXAMPLES",
        help="an event log as for pipeline.run_local, from which each user's whole history is "
        "used, or TFRecord files of Examples with user_id and history",
    )
    result.add_argument(
        "--output", required=True, type=not_empty, metavar="DIR", help="a new folder to write"
    )
    result.add_argument(
        "--k", type=int, default=20, metavar="INT", help="items per user (default: %(default)s)"
    )
    result.add_argument(
        "--candidates",
        type=not_empty,
        metavar="FILE",
        help="recommend only the items of this file, an id a line, plain or packed by gzip; with "
        "--candidate-set those of either",
    )
    result.add_argument(
        "--candidate-set",
        type=not_empty,
        metavar="NAME",
        help="recommend only items of this set, which pipeline.item_sets gave the model",
    )
    result.add_argument(
        "--exclude",
        type=not_empty,
        metavar="FILE",
        help="never recommend the items of this file",
    )
    add_options(result, DataSettings, _SETTINGS)
    add_beam_args(result)
    return result


@tells_os_errors
def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    options_parser = parser()
    options = options_parser.parse_args(arguments)
    if options.k < 1:
        options_parser.error(f"--k must be at least 1, got {options.k}.")
    load_tensorflow_quietly()
    try:
        data = chosen(options, DataSettings, _SETTINGS)
        format = data.format
    except ValueError as error:
        options_parser.error(str(error))
    # These imports take seconds. They are made here so that --help answers at once.
    from mclrec_tf.data.event_log.reader import EventLogError
    from pipeline.beam_args import complete_beam_args
    from pipeline.jobs.batch_inference.allowed_items import allowed_items
    from pipeline.jobs.batch_inference.error import BatchInferenceError
    from pipeline.jobs.batch_inference.recommend_to_parquet import recommend_to_parquet
    from pipeline.jobs.batch_inference.user_histories import HistoriesError, find_histories
    from pipeline.jobs.item_list import ItemListError
    from pipeline.jobs.pushed_version import PushedModelError, find_model

    try:
        model = find_model(options.model)
        allowed = allowed_items(
            model, options.candidates or "", options.candidate_set or "", options.exclude or ""
        )
        for note in allowed.notes:
            print(note)
        coverage = recommend_to_parquet(
            model=model,
            users=find_histories(options.data, format, data.max_bad_rows),
            output=options.output,
            k=options.k,
            beam_args=complete_beam_args(options.beam_args),
            allowed=allowed,
        )
    except (
        BatchInferenceError,
        EventLogError,
        HistoriesError,
        ItemListError,
        PushedModelError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Written to {options.output}: {coverage}")
    return 0


if __name__ == "__main__":
    # Beam and TFX log warnings without consequences. Failures are reported in a sentence.
    logging.basicConfig(level=logging.CRITICAL)
    sys.exit(main())
