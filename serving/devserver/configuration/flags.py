"""The flags of the server: those of tensorflow_model_server that mean something here."""

import argparse

from serving.command_line import not_empty
from serving.devserver.configuration.flag_types import (
    boolean,
    channel_arguments,
    count,
    integer,
    port,
    positive,
    seconds,
)

_MICROS = 1_000_000

# Flags of tensorflow_model_server for what this server does in one way only. That way may be
# named; None: no value would have an effect.
_FIXED: dict[str, str | None] = {
    "enable_grpc_healthcheck_service": "true",
    "enable_per_model_batching_parameters": "false",
    "enable_profiler": "false",
    "enable_serialization_as_tensor_content": "false",
    "enable_signature_method_name_check": "false",
    "flush_filesystem_caches": "true",
    "grpc_max_threads": None,
    "grpc_socket_path": None,
    "mixed_precision": None,
    "num_tflite_interpreters_per_pool": None,
    "num_tflite_pools": None,
    "num_unload_threads": "0",
    "per_process_gpu_memory_fraction": "0",
    "platform_config_file": None,
    "prefer_tflite_model": "false",
    "remove_unused_fields_from_bundle_metagraph": "true",
    "rest_api_enable_cors_support": "false",
    "rest_api_num_threads": None,
    "saved_model_tags": "serve",
    "skip_initialize_tpu": "true",
    "tensorflow_session_config_file": None,
    "thread_pool_factory_config_file": None,
    "use_alts_credentials": "false",
    "xla_cpu_compilation_enabled": "false",
    "xla_gpu_compilation_enabled": "false",
}


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
    _add_addresses(parser)
    _add_models(parser)
    _add_loading(parser)
    _add_running(parser)
    _add_limits(parser)
    for name in _FIXED:
        parser.add_argument(f"--{name}", nargs="?", action=_Fixed, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    _check(parser, options)
    return options


def _add_addresses(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("addresses")
    group.add_argument("--port", type=port, default=8500, help="for gRPC; 0: none (%(default)s)")
    group.add_argument(
        "--rest_api_port", type=port, default=0, help="for REST; 0: none (%(default)s)"
    )
    group.add_argument(
        "--host",
        type=not_empty,
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in, without a password, and "
        "unencrypted but for gRPC with --ssl_config_file (%(default)s; TF Serving has no such "
        "option and listens on all)",
    )
    group.add_argument(
        "--ssl_config_file",
        type=not_empty,
        help="SSLConfig as text: key and certificates for gRPC over TLS; REST stays unencrypted",
    )
    group.add_argument(
        "--grpc_channel_arguments",
        type=channel_arguments,
        default=[],
        metavar="KEY=VALUE,...",
        help="for the gRPC server, such as grpc.max_connection_age_ms=2000",
    )


def _add_models(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("models")
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


def _add_loading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("loading")
    group.add_argument(
        "--num_load_threads",
        type=count,
        default=0,
        help="how many models load at the same time; 0: one (%(default)s)",
    )
    group.add_argument(
        "--max_num_load_retries",
        type=count,
        default=5,
        help="how often a failed load of the same files is tried again (%(default)s)",
    )
    group.add_argument(
        "--load_retry_interval_micros",
        type=integer,
        default=60 * _MICROS,
        help="before it is tried again (%(default)s)",
    )
    _add_boolean(
        group,
        "--enable_model_warmup",
        default=True,
        help="replay the requests in a version's assets.extra before it serves (%(default)s)",
    )
    group.add_argument(
        "--num_request_iterations_for_warmup",
        type=count,
        default=1,
        help="how often each of them is replayed (%(default)s)",
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("requests")
    group.add_argument(
        "--max_request_mebibytes",
        type=count,
        default=64,
        help="a larger request is refused (%(default)s)",
    )
    group.add_argument(
        "--rest_api_timeout_in_ms",
        type=count,
        default=30_000,
        help="a REST request that takes longer is refused (%(default)s)",
    )
    _add_boolean(
        group,
        "--enable_batching",
        default=False,
        help="answer requests that arrive together with one run of the model (%(default)s)",
    )
    group.add_argument(
        "--batching_parameters_file",
        type=not_empty,
        help="BatchingParameters as text, for batching",
    )
    group.add_argument(
        "--monitoring_config_file",
        type=not_empty,
        help="MonitoringConfig as text: turns on Prometheus metrics at the REST port",
    )
    for kind in ("session", "intra_op", "inter_op"):
        group.add_argument(
            f"--tensorflow_{kind}_parallelism",
            type=count,
            default=0,
            help="threads of TensorFlow that a request may use, 0: its own alone (%(default)s); "
            "session sets both kinds, intra_op those within and inter_op those between operations",
        )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--max_concurrent_requests",
        type=positive,
        default=256,
        help="questions to models that run or wait at the same time; any other is refused at "
        "once (%(default)s)",
    )
    group.add_argument(
        "--max_items_per_request",
        type=positive,
        default=1_000_000,
        help="rows times k of a request; a row counts as at least 500 (%(default)s)",
    )
    group.add_argument(
        "--max_connections",
        type=positive,
        default=512,
        help="that gRPC and REST hold each (%(default)s)",
    )
    group.add_argument(
        "--slow_client_timeout_in_ms",
        type=positive,
        default=30_000,
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
    if options.batching_parameters_file and not options.enable_batching:
        parser.error("--batching_parameters_file needs --enable_batching")
    if options.model_config_file_poll_wait_seconds and not options.model_config_file:
        parser.error("--model_config_file_poll_wait_seconds needs --model_config_file")
    if options.monitoring_config_file and not options.rest_api_port:
        parser.error("--monitoring_config_file needs a --rest_api_port, where the metrics are")
    if options.tensorflow_session_parallelism and (
        options.tensorflow_intra_op_parallelism or options.tensorflow_inter_op_parallelism
    ):
        parser.error(
            "--tensorflow_session_parallelism sets both --tensorflow_intra_op_parallelism and "
            "--tensorflow_inter_op_parallelism: give it or them"
        )


class _Fixed(argparse.Action):
    """Refuses a flag that this server has no choice for."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        only = _FIXED[self.dest]
        value = "true" if values is None else str(values)
        if only is None:
            parser.error(f"{option_string} has no meaning for this server: leave it out")
        if value.lower() != only:
            parser.error(f"{option_string}={value}: this server knows {only} alone")


def _add_boolean(group: argparse._ArgumentGroup, flag: str, default: bool, help: str) -> None:
    """A flag that may stand alone or be followed by =true or =false."""
    group.add_argument(
        flag, type=boolean, nargs="?", const=True, default=default, metavar="true|false", help=help
    )
