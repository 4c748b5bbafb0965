"""One call of a server's API: what is sent, and how the answer is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """What to send to a server, and how to read what comes back.

    Args:
        method: The path of a gRPC method, or a URL.
        body: The bytes to send. Over HTTP they are sent with POST, and None is sent with GET.
        read: Makes the answer of the bytes that come back, or raises a ServingError.
    """

    method: str
    body: bytes | None
    read: Callable[[bytes], Answer]
