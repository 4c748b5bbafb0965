"""A front of a server: passes requests on, or fails them as a test wants it."""

import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import httpx

from serving.errors import ServingError
from tests.serving.running_server import Addresses, grpc_server

Fate = Callable[[bytes], grpc.StatusCode | None]  # of a request to predict; None: pass it on

_TIMEOUT = 60


def answer(request: bytes) -> None:
    """The fate of a request that is passed on."""


@contextlib.contextmanager
def front(
    protocol: str,
    behind: Addresses,
    fate: Fate = answer,
    ssl_context: ssl.SSLContext | None = None,
    tls: grpc.ServerCredentials | None = None,
) -> Iterator[str]:
    """The address of the front, until the block ends.

    Args:
        protocol: "grpc" or "rest".
        behind: The server that answers.
        fate: Decides on each request to predict.
        ssl_context: For TLS, which it then speaks alone. For REST.
        tls: The same for gRPC.
    """
    if protocol == "grpc":
        with _grpc_front(behind.grpc, fate, tls) as address:
            yield address
    else:
        with _rest_front(behind.rest, fate, ssl_context) as address:
            yield address


@contextlib.contextmanager
def _grpc_front(behind: str, fate: Fate, tls: grpc.ServerCredentials | None) -> Iterator[str]:
    with grpc.insecure_channel(behind) as channel:

        class Handler(grpc.GenericRpcHandler):
            def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
                def pass_on(request: bytes, context: grpc.ServicerContext) -> bytes:
                    code = fate(request) if details.method.endswith("/Predict") else None
                    if code is not None:
                        context.abort(code, "as the test wants it")
                    try:
                        return channel.unary_unary(details.method)(request, timeout=_TIMEOUT)
                    except grpc.RpcError as error:
                        context.abort(error.code(), error.details())

                return grpc.unary_unary_rpc_method_handler(pass_on)

        with grpc_server(Handler(), tls) as address:
            yield address


@contextlib.contextmanager
def _rest_front(behind: str, fate: Fate, ssl_context: ssl.SSLContext | None) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["content-length"]))
            code = fate(request)
            if code is None:
                self._send(*_passed_on(behind, "POST", self.path, request))
            else:
                body = json.dumps({"error": "as the test wants it"}).encode()
                self._send(ServingError(code, "").http_status, body)

        def do_GET(self) -> None:
            self._send(*_passed_on(behind, "GET", self.path, b""))

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *arguments: Any) -> None:
            pass  # a client that is gone

    with Server(("127.0.0.1", 0), Handler) as server:
        if ssl_context:
            server.socket = ssl_context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _passed_on(behind: str, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    response = httpx.request(
        method, f"http://{behind}{path}", content=body, timeout=_TIMEOUT, trust_env=False
    )
    return response.status_code, response.content
