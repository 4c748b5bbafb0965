"""The flags of the server: those of tensorflow_model_server for what both do, and its limits."""

import argparse

from serving.command_line import not_empty
from serving.devserver.limits import Limits

_LAST_PORT = 2**16 - 1
_LIMITS = Limits()


def parse_flags(arguments: list[str] | None, description: str) -> argparse.Namespace:
    """The values of all flags; ends the process with a message when one makes no sense.

    Args:
        arguments: The arguments of the command line; None for those of the process.
        description: The text that `--help` begins with.

    Raises:
        SystemExit: The arguments are wrong, or ask for help.
    """
    parser = argparse.ArgumentParser(
        prog="python -m serving.devserver",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_addresses(parser.add_argument_group("addresses"))
    _add_models(parser.add_argument_group("models"))
    _add_limits(parser.add_argument_group("limits"))
    _add_request_log(parser.add_argument_group("log of requests"))
    options = parser.parse_args(arguments)
    if not options.model_base_path and not options.model_config_file:
        parser.error("give --model_base_path or --model_config_file")
    if not options.port and not options.rest_api_port:
        parser.error("give a --port or a --rest_api_port other than 0")
    if options.port == options.rest_api_port:
        parser.error("--port and --rest_api_port have to differ")
    if options.model_config_file_poll_wait_seconds and not options.model_config_file:
        parser.error("--model_config_file_poll_wait_seconds needs --model_config_file")
    return options


def _add_addresses(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--port", type=_port, default=8500, help="for gRPC; 0: none (%(default)s)")
    group.add_argument(
        "--rest_api_port", type=_port, default=0, help="for REST; 0: none (%(default)s)"
    )
    group.add_argument(
        "--host",
        type=not_empty,
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in, without a password and "
        "unencrypted (%(default)s; TF Serving has no such option and listens on all)",
    )


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--model_name", type=not_empty, default="mclrec", help="in requests (%(default)s)"
    )
    group.add_argument(
        "--model_base_path",
        type=not_empty,
        help="folder that holds a numbered folder for each version",
    )
    group.add_argument(
        "--model_config_file",
        type=not_empty,
        help="ModelServerConfig as text: several models, version policies, labels; "
        "instead of the two options above",
    )
    group.add_argument(
        "--model_config_file_poll_wait_seconds",
        type=_seconds,
        default=0,
        help="between two looks for changes in that file; 0: never (%(default)s)",
    )
    group.add_argument(
        "--allow_version_labels_for_unavailable_models",
        type=_boolean,
        nargs="?",
        const=True,
        default=False,
        metavar="true|false",
        help="a new label may name a version that is not loaded yet; needed for labels in the "
        "first configuration (%(default)s)",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rest_api_timeout_in_ms",
        type=_positive,
        default=round(_LIMITS.rest_timeout_seconds * 1000),
        help="a REST request that takes longer is refused (%(default)s)",
    )
    group.add_argument(
        "--max_request_mebibytes",
        type=_positive,
        default=_LIMITS.max_request_bytes // 2**20,
        help="a larger request is refused (%(default)s)",
    )
    group.add_argument(
        "--max_concurrent_requests",
        type=_positive,
        default=_LIMITS.max_concurrent_requests,
        help="inference requests that run or wait at the same time; any other is refused at "
        "once (%(default)s)",
    )
    group.add_argument(
        "--max_items_per_request",
        type=_positive,
        default=_LIMITS.max_items_per_request,
        help="rows times k of a request; a row counts as at least 500 (%(default)s)",
    )


def _add_request_log(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--request_log",
        type=_local_folder,
        metavar="DIR",
        help="folder for requests and their answers, as TFRecord files of PredictionLog that only "
        "their owner may read; histories are personal data (by default nothing is logged)",
    )
    group.add_argument(
        "--request_log_sampling",
        type=_share,
        default=1.0,
        metavar="SHARE",
        help="share of the requests that is logged, from 0 to 1, for models without a "
        "logging_config (%(default)s)",
    )
    group.add_argument(
        "--request_log_max_mebibytes",
        type=_positive,
        default=1024,
        help="size of all files of a model; the oldest are deleted (%(default)s)",
    )
    group.add_argument(
        "--request_log_max_days",
        type=_positive,
        default=30,
        help="age at which a file is deleted (%(default)s)",
    )


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0 to {_LAST_PORT}")
    return int(text)


def _local_folder(text: str) -> str:
    if "://" in not_empty(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder of this machine")
    return text


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return number


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")
    return number
