"""Asks one model of one server: again while it is not there, within a time, with clear errors."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from serving.client.answers import ModelMetadata, ModelVersion
from serving.client.calls import ask_with_retries
from serving.client.contract import SIGNATURES
from serving.client.credentials import Tls
from serving.client.drivers import Driver
from serving.client.grpc_api import GrpcTransport
from serving.client.predict_requests import Outputs, Question
from serving.client.rest_api import RestTransport
from serving.client.target import Target
from serving.client.transport import Transport
from serving.errors import ServingError

_Answer = TypeVar("_Answer")

_NOT_YET = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)


class ModelConnection:
    """Asks one model of one server.

    The methods take the time, by `time.monotonic()`, when it has to be over, and raise a
    ServingError that names the model and the server.

    Args:
        driver: Does the I/O.
        target: The model.
        tls: None for an unencrypted connection.
        max_attempts: How often a server that is UNAVAILABLE is asked.
    """

    def __init__(self, driver: Driver, target: Target, tls: Tls | None, max_attempts: int):
        target.check()
        self._driver = driver
        self._target = target
        self._transport: Transport = (
            GrpcTransport(driver, target, tls)
            if target.protocol == "grpc"
            else RestTransport(driver, target, tls)
        )
        self._max_attempts = max_attempts
        self._closed = False

    async def predict(self, question: Question, end: float) -> Outputs:
        """The outputs that the contract gives the signature, with a row for each row of inputs."""
        num_rows = len(next(iter(question.inputs.values())))
        contract = SIGNATURES[question.signature_name]

        async def predict(timeout: float) -> Outputs:
            outputs = await self._transport.predict(question, timeout)
            for name in [*contract.outputs, *(contract.counts.keys() & outputs.keys())]:
                if name not in outputs or len(outputs[name]) != num_rows:
                    raise ServingError(
                        grpc.StatusCode.INTERNAL,
                        f"{question.signature_name} answers without {num_rows} rows of {name}; "
                        "is it a model of another kind?",
                    )
            return outputs

        return await self._ask(predict, end, self._max_attempts)

    async def model_status(self, end: float) -> list[ModelVersion]:
        """All versions of the model."""
        return await self._ask(self._transport.model_status, end, self._max_attempts)

    async def model_metadata(self, end: float) -> ModelMetadata:
        """The version that answers."""
        return await self._ask(self._transport.model_metadata, end, self._max_attempts)

    async def reason_not_ready(self, end: float) -> ServingError | None:
        """What still keeps the model from answering, if anything does; asked once.

        Raises:
            ServingError: What keeps it will not go away by waiting.
        """
        try:
            await self._ask(self._transport.model_metadata, end, max_attempts=1)
        except ServingError as error:
            may_be_assigned = (
                self._target.version_label is not None
                and error.code == grpc.StatusCode.INVALID_ARGUMENT
            )
            if error.code in _NOT_YET or may_be_assigned:
                return error
            raise
        return None

    async def close(self) -> None:
        """Ends the connection."""
        self._closed = True
        await self._transport.close()

    async def _ask(
        self,
        ask: Callable[[float], Awaitable[_Answer]],
        end: float,
        max_attempts: int,
    ) -> _Answer:
        begin = time.monotonic()
        attempts = 0

        async def attempt(timeout: float) -> _Answer:
            nonlocal attempts
            if self._closed:
                raise RuntimeError("the client is closed")
            attempts += 1
            return await ask(timeout)

        try:
            return await ask_with_retries(attempt, end, max_attempts, self._driver.sleep)
        except ServingError as error:
            message = error.message
            if error.code == grpc.StatusCode.NOT_FOUND:
                message += f"; {await self._what_there_is(end)}"
            elif error.code == grpc.StatusCode.DEADLINE_EXCEEDED:
                message += f" after {time.monotonic() - begin:.3g} s"
            if attempts > 1:
                message += f", asked {attempts} times"
            raise ServingError(error.code, f"{message} ({self._target})") from error

    async def _what_there_is(self, end: float) -> str:
        """Tells a model that the server does not know from a version that is not served."""
        try:
            versions = await self._transport.model_status(max(0.0, end - time.monotonic()))
        except ServingError as error:
            if error.code == grpc.StatusCode.NOT_FOUND:
                return "the server knows no model of this name"
            return "what it has could not be asked"
        states = [f"{v.version} {v.state}{f' ({v.error})' if v.error else ''}" for v in versions]
        return f"of this model it has: {', '.join(states) or 'no version'}"
