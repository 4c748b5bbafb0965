"""The flags of the server: those of tensorflow_model_server for what both do, and its limits."""

import argparse

from serving.command_line import not_empty
from serving.devserver.configuration.flag_types import boolean, port, positive, seconds
from serving.devserver.limits import Limits

_LIMITS = Limits()


def parse_flags(arguments: list[str] | None, description: str) -> argparse.Namespace:
    """The values of all flags; ends the process with a message when one makes no sense.

    Args:
        arguments: Of the command line; None for those of the process.
        description: What `--help` says of the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m serving.devserver",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_addresses(parser.add_argument_group("addresses"))
    _add_models(parser.add_argument_group("models"))
    _add_requests(parser.add_argument_group("requests"))
    options = parser.parse_args(arguments)
    _check(parser, options)
    return options


def _add_addresses(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--port", type=port, default=8500, help="for gRPC; 0: none (%(default)s)")
    group.add_argument(
        "--rest_api_port", type=port, default=0, help="for REST; 0: none (%(default)s)"
    )
    group.add_argument(
        "--host",
        type=not_empty,
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in, without a password and "
        "unencrypted (%(default)s; TF Serving has no such option and listens on all)",
    )
    group.add_argument(
        "--monitoring_config_file",
        type=not_empty,
        help="MonitoringConfig as text: turns on Prometheus metrics at the REST port",
    )


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--model_name", type=not_empty, default="mclrec", help="in requests (%(default)s)"
    )
    group.add_argument(
        "--model_base_path", type=not_empty, help="folder that holds a numbered folder a version"
    )
    group.add_argument(
        "--model_config_file",
        type=not_empty,
        help="ModelServerConfig as text: several models, version policies, labels; "
        "instead of the two options above",
    )
    group.add_argument(
        "--model_config_file_poll_wait_seconds",
        type=seconds,
        default=0,
        help="between two looks for changes in that file; 0: never (%(default)s)",
    )
    group.add_argument(
        "--file_system_poll_wait_seconds",
        type=seconds,
        default=0.25,
        help="between two looks for new versions; 0: never (%(default)s; of TF Serving 1)",
    )
    _add_boolean(
        group,
        "--allow_version_labels_for_unavailable_models",
        default=False,
        help="a new label may name a version that is not loaded yet; needed for labels in the "
        "first configuration (%(default)s)",
    )
    _add_boolean(
        group,
        "--enable_model_warmup",
        default=True,
        help="replay the requests in a version's assets.extra before it serves (%(default)s)",
    )


def _add_requests(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rest_api_timeout_in_ms",
        type=positive,
        default=30_000,
        help="a REST request that takes longer is refused (%(default)s)",
    )
    group.add_argument(
        "--max_request_mebibytes",
        type=positive,
        default=64,
        help="a larger request is refused (%(default)s)",
    )
    group.add_argument(
        "--max_concurrent_requests",
        type=positive,
        default=_LIMITS.max_concurrent_requests,
        help="questions to models that run or wait at the same time; any other is refused at "
        "once (%(default)s)",
    )
    group.add_argument(
        "--max_items_per_request",
        type=positive,
        default=_LIMITS.max_items_per_request,
        help="rows times k of a request; a row counts as at least 500 (%(default)s)",
    )
    group.add_argument(
        "--max_connections",
        type=positive,
        default=_LIMITS.max_connections,
        help="that gRPC and REST hold each (%(default)s)",
    )
    group.add_argument(
        "--slow_client_timeout_in_ms",
        type=positive,
        default=round(_LIMITS.slow_client_seconds * 1000),
        help="a REST client that takes longer to send a request, or to take an answer, is cut "
        "off (%(default)s)",
    )


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if not options.model_base_path and not options.model_config_file:
        parser.error("give --model_base_path or --model_config_file")
    if not options.port and not options.rest_api_port:
        parser.error("give a --port or a --rest_api_port other than 0")
    if options.port == options.rest_api_port:
        parser.error("--port and --rest_api_port have to differ")
    if options.model_config_file_poll_wait_seconds and not options.model_config_file:
        parser.error("--model_config_file_poll_wait_seconds needs --model_config_file")
    if options.monitoring_config_file and not options.rest_api_port:
        parser.error("--monitoring_config_file needs a --rest_api_port, where the metrics are")


def _add_boolean(group: argparse._ArgumentGroup, flag: str, default: bool, help: str) -> None:
    """A flag that may stand alone or be followed by =true or =false."""
    group.add_argument(
        flag, type=boolean, nargs="?", const=True, default=default, metavar="true|false", help=help
    )
