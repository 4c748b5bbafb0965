"""The one error of a request, with the codes that gRPC and HTTP give it."""

import grpc

_HTTP_STATUS = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_CODE_OF_HTTP_STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    499: grpc.StatusCode.CANCELLED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    502: grpc.StatusCode.UNAVAILABLE,  # a proxy cannot reach the server
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_CODE_OF_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


class ServingError(Exception):
    """A request that was refused or failed.

    Args:
        code: What went wrong, as gRPC names it. REST answers carry the HTTP status of this code,
            several codes share one status.
        message: For the person who sent the request.

    Example:

    >>> raise ServingError(grpc.StatusCode.NOT_FOUND, "no model of that name")
    Traceback (most recent call last):
    serving.errors.ServingError: NOT_FOUND: no model of that name
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        return _HTTP_STATUS.get(self.code, 500)


class ServableNotFound(ServingError):
    """A request names a model, a version or a label that is not served."""


class Refused(ServingError):
    """A request that the server does not take on, to protect itself.

    Args:
        reason: Under which the metrics count it; one of a few fixed words.
        message: For the person who sent the request.
        code: As gRPC names it.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        code: grpc.StatusCode = grpc.StatusCode.RESOURCE_EXHAUSTED,
    ):
        super().__init__(code, message)
        self.reason = reason


def invalid_argument(message: str) -> ServingError:
    """The error of a request that no server would answer."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> ServingError:
    """The error of a request for what is not there."""
    return ServingError(grpc.StatusCode.NOT_FOUND, message)


def code_of_http_status(status: int) -> grpc.StatusCode:
    """The code that stands for an HTTP status: the commonest of those that share it."""
    return _CODE_OF_HTTP_STATUS.get(status, grpc.StatusCode.UNKNOWN)


def code_of_number(number: int) -> grpc.StatusCode:
    """The code of a number that TensorFlow gives an error (the same numbers as gRPC's)."""
    return _CODE_OF_NUMBER.get(number, grpc.StatusCode.UNKNOWN)
