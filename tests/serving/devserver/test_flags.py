"""The flags of the server, read as tensorflow_model_server reads them."""

import re
from typing import Any

import pytest

from serving.devserver.configuration.flags import parse_flags

_MODEL = "--model_base_path=/models/m"


def _flags(*arguments: str) -> Any:
    return parse_flags([_MODEL, *arguments], "")


def test_defaults_are_those_of_tf_serving() -> None:
    options = vars(_flags())
    assert {
        "port": 8500,
        "rest_api_port": 0,
        "rest_api_timeout_in_ms": 30_000,
        "model_config_file_poll_wait_seconds": 0,
        "allow_version_labels_for_unavailable_models": False,
        "enable_batching": False,
        "enable_model_warmup": True,
        "num_load_threads": 0,
        "max_num_load_retries": 5,
        "load_retry_interval_micros": 60_000_000,
        "tensorflow_session_parallelism": 0,
    }.items() <= options.items()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("--enable_batching", True),
        ("--enable_batching=true", True),
        ("--enable_batching=TRUE", True),
        ("--enable_batching=false", False),
    ],
)
def test_booleans_stand_alone_or_have_a_value(argument: str, value: bool) -> None:
    assert _flags(argument).enable_batching is value


def test_channel_arguments_are_numbers_and_texts() -> None:
    options = _flags("--grpc_channel_arguments=grpc.max_connection_age_ms=2000,grpc.name=a=b")
    assert options.grpc_channel_arguments == [
        ("grpc.max_connection_age_ms", 2000),
        ("grpc.name", "a=b"),
    ]


@pytest.mark.parametrize(
    "argument",
    [
        "--flush_filesystem_caches",
        "--saved_model_tags=serve",
        "--use_alts_credentials=false",
        "--per_process_gpu_memory_fraction=0",
        "--enable_profiler=False",
    ],
)
def test_a_flag_without_a_choice_may_name_what_is_done_anyway(argument: str) -> None:
    _flags(argument)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rest_api_num_threads=8"], "--rest_api_num_threads has no meaning for this server"),
        (["--platform_config_file=x"], "--platform_config_file has no meaning"),
        (["--saved_model_tags=gpu"], "--saved_model_tags=gpu: this server knows serve alone"),
        (["--prefer_tflite_model"], "--prefer_tflite_model=true: this server knows false alone"),
        (["--enable_batching=yes"], "--enable_batching: 'yes' is neither true nor false"),
        (["--port=-1"], "--port: '-1' is no port, 0 to 65535"),
        (["--port=x"], "--port: 'x' is no port, 0 to 65535"),
        (["--rest_api_port=65536"], "--rest_api_port: '65536' is no port, 0 to 65535"),
        *(
            ([f"--{name}="], f"--{name}: must not be empty; is a variable of the shell unset?")
            for name in (
                *("host", "model_name", "model_base_path", "model_config_file"),
                *("ssl_config_file", "batching_parameters_file", "monitoring_config_file"),
            )
        ),
        (["--load_retry_interval_micros=1e6"], "'1e6' is no whole number"),
        (["--file_system_poll_wait_seconds=-1"], "'-1' is no number of seconds"),
        (["--file_system_poll_wait_seconds=nan"], "'nan' is no number of seconds"),
        (["--grpc_channel_arguments=grpc.name"], "'grpc.name' is not of the form KEY=VALUE"),
        (["--batching_parameters_file=x"], "needs --enable_batching"),
        (["--model_config_file_poll_wait_seconds=1"], "needs --model_config_file"),
        (["--monitoring_config_file=x"], "needs a --rest_api_port"),
        (
            ["--tensorflow_session_parallelism=1", "--tensorflow_intra_op_parallelism=1"],
            "give it or them",
        ),
        (["--unknown_flag"], "unrecognized arguments: --unknown_flag"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _flags(*arguments)
    assert ended.value.code == 2
    assert message in re.sub(r"\s+", " ", capsys.readouterr().err)
