"""Command line: runs a compiled spec on this machine, as a test before it is submitted.

Example:
    python -m pipeline.runners.kubeflow.try_spec mclrec.yaml --store runs/store \\
        --parameter data_folder=$PWD/events
"""

import argparse
import sys
import time

from pipeline.cli.command_line import path
from pipeline.cli.os_errors import sentence, tells_os_errors
from serving.tensorflow_log import load_tensorflow_quietly

_EPILOG = """\
Each task runs the command that its container would run, in a process of its own, one after the
other. Inside the image this tests whether the image has all that the pipeline needs. The store is a
folder of this machine; the pipeline root of the spec is not used.

exit status: 0 all tasks succeeded; 1 a task failed; 2 wrong options
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m pipeline.runners.kubeflow.try_spec",
        description="Runs the tasks of a compiled spec on this machine, in their order.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("spec", type=path, help="a spec that pipeline.run_kubeflow has written")
    result.add_argument(
        "--store",
        type=path,
        required=True,
        metavar="DIR",
        help="artifacts and logs go to a new folder in it",
    )
    result.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="value for a parameter of the spec; may be repeated (default: as compiled)",
    )
    return result


@tells_os_errors
def main(arguments: list[str] | None = None) -> int:
    """Runs a spec and returns the exit status."""
    options_parser = parser()
    options = options_parser.parse_args(arguments)
    load_tensorflow_quietly()
    # These imports take seconds. They are made here so that --help answers at once.
    from pipeline.runners.kubeflow.spec import read_spec
    from pipeline.runners.kubeflow.task_runner import TaskError, TaskRunner

    wrong = [parameter for parameter in options.parameter if "=" not in parameter]
    if wrong:
        options_parser.error(f"--parameter must be NAME=VALUE, got {wrong[0]!r}.")
    parameters = dict(parameter.split("=", 1) for parameter in options.parameter)
    folder = (options.store / time.strftime("%Y%m%d-%H%M%S")).absolute()
    try:
        runner = TaskRunner(read_spec(options.spec), folder, parameters)
    except ValueError as error:
        options_parser.error(str(error))
    except OSError as error:
        options_parser.error(sentence(error))
    print(f"Artifacts and logs go to {folder}", flush=True)
    try:
        for name, seconds in runner.run():
            print(f"{name} done, {seconds:.1f} s", flush=True)
    except TaskError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
