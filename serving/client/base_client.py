"""What both clients share: their settings, and all that they decide without I/O."""

from __future__ import annotations

import ssl
import time
from abc import ABC, abstractmethod
from typing import Any

import grpc

from serving.client import arguments
from serving.client.answers import ModelMetadata, ModelVersion
from serving.client.calls import Attempts
from serving.client.credentials import Tls
from serving.client.grpc_api import GrpcApi
from serving.client.rest_api import RestApi
from serving.client.target import Protocol, Target
from serving.errors import ServingError
from serving.export_contract import DEFAULT_SIGNATURE, history_width

_ANY_K = 2**31
_ITEMS_PER_REQUEST = 1_000_000  # what the local server answers at once, unless told otherwise
# What a request ends with whose histories have another width than the export; INTERNAL where the
# server has joined it with those of others.
OF_OTHER_WIDTH = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)
_NOT_YET = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)


class BaseClient(ABC):
    """The settings of a client. `RecommendationClient` says what the arguments are."""

    _transport: Any

    def __init__(
        self,
        address: str,
        model_name: str = "mclrec",
        protocol: Protocol = "grpc",
        timeout: float = 10.0,
        *,
        version: int | None = None,
        version_label: str | None = None,
        tls: Tls | None = None,
        max_attempts: int = 3,
        rows_per_request: int = 128,
        requests_in_flight: int = 4,
    ):
        if tls is not None and not isinstance(tls, Tls):
            raise TypeError(f"tls is {tls!r}; give a Tls")
        self._max_attempts = arguments.whole_number("max_attempts", max_attempts, at_least=1)
        self._timeout = arguments.seconds("timeout", timeout)
        self._rows_per_request = arguments.whole_number(
            "rows_per_request", rows_per_request, at_least=1
        )
        self._requests_in_flight = arguments.whole_number(
            "requests_in_flight", requests_in_flight, at_least=1
        )
        self._target = Target(address, model_name, protocol, version, version_label)
        self._target.check()
        self._api: GrpcApi | RestApi
        if protocol == "grpc":
            self._api = GrpcApi(self._target)
            self._transport = self._grpc_transport(tls.channel_credentials() if tls else None)
        else:
            base_url = self._target.base_url(encrypted=tls is not None)
            if base_url.startswith("https:"):
                tls = tls or Tls()
            elif tls:
                raise ValueError(f"address is {address!r}, but with tls its URL is of https")
            self._api = RestApi(self._target, base_url)
            self._transport = self._http_transport(tls.ssl_context() if tls else None)
        self._closed = False
        self._width: int | None = None  # of the histories, once the export has told it
        self._default_k = _ANY_K  # how many items the signature without options was seen to return

    @abstractmethod
    def _grpc_transport(self, credentials: grpc.ChannelCredentials | None) -> Any:
        """What sends calls over gRPC; None for an unencrypted connection."""

    @abstractmethod
    def _http_transport(self, ssl_context: ssl.SSLContext | None) -> Any:
        """What sends calls over HTTP; the context is for https."""

    def _deadline(self) -> float:
        """When a request that begins now has to be over, by `time.monotonic()`."""
        return time.monotonic() + self._timeout

    def _attempts(self, deadline: float, max_attempts: int | None = None) -> Attempts:
        return Attempts(deadline, max_attempts or self._max_attempts)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the client is closed")

    def _parts(self, size: int, items_per_row: int) -> list[range]:
        """The rows of each of the requests that a batch of a size is split into."""
        rows = min(self._rows_per_request, max(_ITEMS_PER_REQUEST // items_per_row, 1))
        return [range(start, min(start + rows, size)) for start in range(0, size, rows)]

    def _take_width(self, metadata: ModelMetadata) -> int:
        """Keeps how many columns the export wants the histories to have."""
        signature = metadata.signatures.get(DEFAULT_SIGNATURE)
        history = signature.inputs.get("history") if signature else None
        self._width = history_width(history.shape if history else None)
        return self._width

    def _may_become_ready(self, error: ServingError) -> bool:
        """Whether waiting may help; a label is refused as long as no version has it."""
        return error.code in _NOT_YET or (
            self._target.version_label is not None
            and error.code == grpc.StatusCode.INVALID_ARGUMENT
        )


class Wait:
    """The time for which a client waits for a model, asking now and then.

    Args:
        seconds: To wait at most.
    """

    POLL_SECONDS = 0.2

    def __init__(self, seconds: float):
        self._seconds = seconds
        self.deadline = time.monotonic() + seconds
        self._last: ServingError | None = None

    def go_on(self, reason: ServingError) -> None:
        """Takes in why the model does not answer yet.

        Raises:
            ServingError: DEADLINE_EXCEEDED: The time is up.
        """
        # When the time is up, what was known before it says more.
        if self._last is None or reason.code != grpc.StatusCode.DEADLINE_EXCEEDED:
            self._last = reason
        if time.monotonic() + self.POLL_SECONDS >= self.deadline:
            raise ServingError(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"not ready after {self._seconds:g} s, last: {self._last}",
            ) from self._last


def what_there_is(versions: list[ModelVersion]) -> str:
    """The versions of a model, for the error of a request that did not find one."""
    states = [f"{v.version} {v.state}{f' ({v.error})' if v.error else ''}" for v in versions]
    return f"of this model it has: {', '.join(states) or 'no version'}"


def why_nothing_is_known(error: ServingError) -> str:
    """The same when the server did not tell its versions."""
    if error.code == grpc.StatusCode.NOT_FOUND:
        return "the server knows no model of this name"
    return "what it has could not be asked"
