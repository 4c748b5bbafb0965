"""Says whether TF Serving could serve an export, and what it would stumble over.

    python -m serving.export_check DIR

Compares its files with the checksums that were written with them, and looks at its graph: the
signatures are those of export_contract.py, every op is in stock_ops.txt,
nothing needs XLA or a file outside the export. Then runs a copy in a process without the code that
trained it: a V1 session loads it, and every signature and every warm-up request gets an answer.
"""

import argparse
import sys

from serving.command_line import not_empty, server_packages
from serving.tensorflow_log import load_tensorflow_quietly


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.export_check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "export", type=not_empty, metavar="DIR", help="the folder that holds saved_model.pb"
    )
    options = parser.parse_args(arguments)
    with server_packages():
        load_tensorflow_quietly()
        from serving.export_check.check import check_export

    findings = check_export(options.export)
    if not findings:
        print(f"{options.export}: TF Serving can serve it.")
        return 0
    print(f"{options.export}: TF Serving cannot serve it.")
    for finding in findings:
        print(f"  {finding.check}: {finding.message}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
