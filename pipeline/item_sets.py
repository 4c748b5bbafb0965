"""Command line: gives a pushed model named sets of items, among which requests may choose.

Example:
    python -m pipeline.item_sets --model runs/shop/models/mclrec --set "in stock=stock.txt"
"""

import argparse
import sys

from pipeline.cli.os_errors import tells_os_errors
from serving.command_line import not_empty
from serving.tensorflow_log import load_tensorflow_quietly

_EPILOG = """\
A file has an item id a line, in UTF-8, plain or packed by gzip; ids that the model does not know
yet are kept for a model that does. The newest version is copied with its new sets to the next
number, and a server that follows the folder takes that up; a push by the pipeline takes the sets
along. Each copy is a whole model: remove versions that no server needs. A name holds no "=".
Without --set and --remove the sets of the newest version are listed.

exit status: 0 written, or listed; 1 error; 2 wrong options
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m pipeline.item_sets",
        description='Registers named sets of items, such as "in stock", with a pushed model.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--model",
        required=True,
        type=not_empty,
        metavar="DIR",
        help="the folder of versions, as of a server's --model_base_path",
    )
    result.add_argument(
        "--set",
        action="append",
        default=[],
        type=_named_file,
        metavar="NAME=FILE",
        help="add this set, or replace the one of that name; may be given several times",
    )
    result.add_argument(
        "--remove",
        action="append",
        default=[],
        type=not_empty,
        metavar="NAME",
        help="remove this set; may be given several times",
    )
    return result


@tells_os_errors
def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    options_parser = parser()
    options = options_parser.parse_args(arguments)
    names = [name for name, _ in options.set] + options.remove
    if twice := next((name for name in names if names.count(name) > 1), None):
        options_parser.error(f"--set, --remove: the set {twice!r} is given more than once.")
    load_tensorflow_quietly()
    # These imports take seconds. They are made here so that --help answers at once.
    from mclrec_tf.export.registered_sets import read_catalogue, read_item_sets
    from pipeline.jobs.item_list import ItemListError, known_of, read_item_list
    from pipeline.jobs.item_sets.register import ItemSetsError, register
    from pipeline.jobs.pushed_version import PushedModelError, find_model

    try:
        given = {name: read_item_list("--set", file) for name, file in options.set}
        if names:
            path = register(options.model, given, options.remove)
        else:
            path = find_model(options.model).path
        sets, known = read_item_sets(path), set(read_catalogue(path))
        print(f"{'Written to ' if names else ''}{path}: {len(sets)} sets")
        for name, items in sets.items():
            print(f"  {name}: {known_of(items, known)}")
    except (ItemListError, ItemSetsError, PushedModelError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _named_file(text: str) -> tuple[str, str]:
    name, sign, file = text.partition("=")
    if not (name and sign and file):
        raise argparse.ArgumentTypeError(f"must be NAME=FILE, got {text!r}")
    return name, file


if __name__ == "__main__":
    sys.exit(main())
