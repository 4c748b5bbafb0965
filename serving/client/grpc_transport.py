"""Calls over gRPC, in the calling thread and on an event loop of asyncio."""

from __future__ import annotations

import threading

import grpc

from serving.client.calls import Answer, Call
from serving.client.grpc_api import CHANNEL_OPTIONS, serving_error


class GrpcTransport:
    """Sends calls in the calling thread. Safe to use from several threads.

    Args:
        address: Of the server.
        credentials: None for an unencrypted connection.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None):
        self._address = address
        self._credentials = credentials
        self._channel: grpc.Channel | None = None
        self._opening = threading.Lock()

    def send(self, call: Call[Answer], timeout: float) -> Answer:
        """The answer to a call, within a timeout in seconds; raises a ServingError."""
        try:
            content = self._open().unary_unary(call.method)(call.body, timeout=timeout)
        except grpc.RpcError as error:
            raise serving_error(error) from error
        return call.read(content)

    def close(self) -> None:
        if self._channel:
            self._channel.close()

    def _open(self) -> grpc.Channel:
        """The channel, opened by the first call, so that a process may fork before it."""
        with self._opening:
            if self._channel is None:
                self._channel = (
                    grpc.secure_channel(self._address, self._credentials, CHANNEL_OPTIONS)
                    if self._credentials
                    else grpc.insecure_channel(self._address, CHANNEL_OPTIONS)
                )
            return self._channel


class AsyncGrpcTransport:
    """Sends calls on the event loop that runs at the first of them.

    Args:
        address: Of the server.
        credentials: None for an unencrypted connection.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None):
        self._address = address
        self._credentials = credentials
        self._channel: grpc.aio.Channel | None = None

    async def send(self, call: Call[Answer], timeout: float) -> Answer:
        """The answer to a call, within a timeout in seconds; raises a ServingError."""
        try:
            content = await self._open().unary_unary(call.method)(call.body, timeout=timeout)
        except grpc.RpcError as error:
            raise serving_error(error) from error
        return call.read(content)

    async def close(self) -> None:
        if self._channel:
            await self._channel.close()

    def _open(self) -> grpc.aio.Channel:
        """The channel, opened by the first call, since it belongs to the event loop of then."""
        if self._channel is None:
            self._channel = (
                grpc.aio.secure_channel(self._address, self._credentials, CHANNEL_OPTIONS)
                if self._credentials
                else grpc.aio.insecure_channel(self._address, CHANNEL_OPTIONS)
            )
        return self._channel
