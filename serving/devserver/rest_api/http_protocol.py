"""HTTP connections that slow or many clients cannot use up."""

import asyncio
import json
import time
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.devserver import metrics
from serving.devserver.limits import Limits

_MAX_HEAD_BYTES = 2**16
_MAX_FRAMING_BYTES = 8  # around a byte of a body, where each has a chunk of its own


class LimitedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits on what it waits for.

    A client has some seconds to send a request, from its first byte to its last, and as many to
    take an answer; uvicorn itself limits only the time between requests. When there are too many
    connections, that one goes whose client the server has been waiting for the longest.

    Args:
        limits: How many connections and seconds.
        options: Of uvicorn's protocol.
    """

    def __init__(self, *, limits: Limits, **options: Any):
        super().__init__(**options)
        self._limits = limits
        self._receiving: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None
        self._waiting_since: float | None = None
        self._has_begun = False
        self._body_bytes = 0
        self._other_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # pause_writing is called at any delay
        self._wait_for_client()
        if len(self.connections) > self._limits.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._receiving is None:
            self._wait_for_client()
        self._other_bytes += len(data)
        super().data_received(data)
        if self._other_bytes > _MAX_HEAD_BYTES + _MAX_FRAMING_BYTES * self._body_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "large_head")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._has_begun = True
        self._body_bytes = self._other_bytes = 0
        self._wait_for_client()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        self._other_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._has_begun = False
        self._other_bytes = 0
        if not self.cycle.response_complete:
            self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self._waiting_since is None:
            self._waiting_since = time.monotonic()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._sending = self.loop.call_later(self._limits.slow_client_seconds, self._give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._sending:
            self._sending.cancel()
            self._sending = None

    def _wait_for_client(self) -> None:
        self._stop_waiting()
        self._waiting_since = time.monotonic()
        self._receiving = self.loop.call_later(self._limits.slow_client_seconds, self._time_out)

    def _stop_waiting(self) -> None:
        self._waiting_since = None
        if self._receiving:
            self._receiving.cancel()
            self._receiving = None

    def _make_room(self) -> None:
        metrics.count_refusal("many_connections")
        connections: set[Any] = self.connections
        waiting = [c for c in connections if c._waiting_since is not None]
        longest = min(waiting, key=lambda connection: connection._waiting_since)
        longest.transport.abort()
        connections.discard(longest)  # it is told of its end only when this loop turns

    def _time_out(self) -> None:
        last = self.cycle
        if self.flow.read_paused or (last and not (last.more_body or last.response_complete)):
            self._wait_for_client()  # it is the client that waits for the server
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "slow_client")

    def _give_up(self) -> None:
        metrics.count_refusal("slow_client")
        self.transport.abort()

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Ends the connection, with an answer to a request that has begun and has none yet."""
        if self.transport.is_closing():
            return
        if self._has_begun:
            metrics.count_refusal(reason)
        if self._has_begun and self._may_answer():
            body = json.dumps({"error": status.phrase}).encode()
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n%s"
                % (status, status.phrase.encode(), len(body), body)
            )
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether no answer to the request that is coming in has begun, nor one before it runs."""
        last = self.cycle  # of a request whose head has come in
        if last is None or (last.response_complete and not last.more_body):
            return True
        return last.more_body and not last.response_started
