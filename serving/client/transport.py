"""What both protocols do for a client."""

from __future__ import annotations

from typing import Protocol

from serving.client.answers import ModelMetadata, ModelVersion
from serving.client.predict_requests import Outputs, Question


class Transport(Protocol):
    """Asks one model of one server, once for each call.

    Every method raises a ServingError with the server's code and message; UNAVAILABLE when the
    server cannot be reached, DEADLINE_EXCEEDED when there is no answer after `timeout` seconds,
    UNIMPLEMENTED when what answers speaks another protocol.
    """

    async def predict(self, question: Question, timeout: float) -> Outputs:
        """The outputs of a signature, and those of its counts that the model has."""

    async def model_status(self, timeout: float) -> list[ModelVersion]:
        """All versions of the model."""

    async def model_metadata(self, timeout: float) -> ModelMetadata:
        """The version that answers."""

    async def close(self) -> None:
        """Ends the connection."""
