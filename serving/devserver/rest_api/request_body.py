"""Reads the body of an HTTP request, up to a limit."""

import zlib

import grpc
from starlette.requests import ClientDisconnect, Request

from serving.errors import Refused, ServingError, invalid_argument


class BodyTooLarge(Refused):
    """A body above the limit; HTTP has a status of its own for it.

    Args:
        max_bytes: The limit.
    """

    def __init__(self, max_bytes: int):
        super().__init__("large_body", f"Request body is larger than {max_bytes} bytes")

    @property
    def http_status(self) -> int:
        return 413


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The body of a request, unpacked if its headers declare gzip.

    Args:
        request: A request whose body has not been read.
        max_bytes: The largest size of the body, as it is sent and unpacked.

    Raises:
        BodyTooLarge: The body is larger.
        ServingError: INVALID_ARGUMENT, the body is not gzip; CANCELLED, the client went away.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise BodyTooLarge(max_bytes)
    except ClientDisconnect as error:
        raise ServingError(grpc.StatusCode.CANCELLED, "The client went away") from error
    if "gzip" in request.headers.get("content-encoding", ""):
        return _unpack(bytes(body), max_bytes)
    return bytes(body)


def _unpack(packed: bytes, max_bytes: int) -> bytes:
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        body = unpacking.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise invalid_argument(f"Request body is not gzip: {error}") from error
    if len(body) > max_bytes:
        raise BodyTooLarge(max_bytes)
    return body
