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
    }.items() <= options.items()


@pytest.mark.parametrize(
    ("value", "expected"), [("", True), ("=true", True), ("=TRUE", True), ("=false", False)]
)
def test_a_boolean_stands_alone_or_has_a_value(value: str, expected: bool) -> None:
    options = _flags(f"--allow_version_labels_for_unavailable_models{value}")
    assert options.allow_version_labels_for_unavailable_models is expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--enable_batching=true"], "unrecognized arguments: --enable_batching=true"),
        (
            ["--allow_version_labels_for_unavailable_models=yes"],
            "'yes' is neither true nor false",
        ),
        (["--port=-1"], "--port: '-1' is not a port, 0 to 65535"),
        (["--port=x"], "--port: 'x' is not a port, 0 to 65535"),
        (["--rest_api_port=65536"], "--rest_api_port: '65536' is not a port, 0 to 65535"),
        *(
            ([f"--{name}="], f"--{name}: must not be empty; is a variable of the shell unset?")
            for name in (
                *("host", "model_name", "model_base_path", "model_config_file"),
                "request_log",
            )
        ),
        (["--max_concurrent_requests=1e6"], "'1e6' is not a whole number of 1 or more"),
        (["--max_request_mebibytes=0"], "'0' is not a whole number of 1 or more"),
        (["--model_config_file_poll_wait_seconds=-1"], "'-1' is not a number of seconds"),
        (["--model_config_file_poll_wait_seconds=nan"], "'nan' is not a number of seconds"),
        (["--model_config_file_poll_wait_seconds=1"], "needs --model_config_file"),
        (["--request_log=gs://b/log"], "'gs://b/log' is not a folder of this machine"),
        (["--request_log_sampling=1.5"], "'1.5' is not a number from 0 to 1"),
        (["--request_log_sampling=nan"], "'nan' is not a number from 0 to 1"),
        (["--request_log_max_mebibytes=0"], "'0' is not a whole number of 1 or more"),
        (["--request_log_max_days=0.5"], "'0.5' is not a whole number of 1 or more"),
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
