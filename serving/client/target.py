"""Which model a client asks, where, and in which words errors name it."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

from serving.client import arguments

Protocol = Literal["grpc", "rest"]

_PROTOCOLS = {"grpc": "gRPC", "rest": "REST"}
_HOST_AND_PORT = re.compile(r"(?:\[[^\s\]]+\]|[^\s:/@?#\[\]]+):(-?[0-9]+)")
# In gRPC's own notation, which says how to find the server.
_GRPC_NAME = re.compile(r"(dns|ipv4|ipv6|unix|unix-abstract|vsock|xds):.*\S.*")
_LAST_PORT = 2**16 - 1
_LAST_VERSION = 2**63 - 1


class Target(NamedTuple):
    """A model at a server; a version or a label of it, or what the server takes for neither."""

    address: str
    model_name: str
    protocol: Protocol
    version: int | None
    version_label: str | None

    def check(self) -> None:
        """Raises a TypeError or ValueError that names the argument that makes no sense."""
        if arguments.text("protocol", self.protocol) not in _PROTOCOLS:
            raise ValueError(f'protocol is {self.protocol!r}; use "grpc" or "rest"')
        arguments.text("address", self.address)
        arguments.text("model_name", self.model_name)
        if self.version is not None:
            arguments.whole_number("version", self.version, at_least=0, at_most=_LAST_VERSION)
        if self.version_label is not None:
            arguments.text("version_label", self.version_label)
        if self.version is not None and self.version_label is not None:
            raise ValueError("version and version_label are both given; choose by one of them")
        if self.protocol == "rest":
            self.base_url(encrypted=False)
        elif not (_is_host_and_port(self.address) or _GRPC_NAME.fullmatch(self.address)):
            _check_port(self.address, self.address)
            raise ValueError(f"address is {self.address!r}; over gRPC it is host:port")

    def base_url(self, encrypted: bool) -> str:
        """The URL of the REST API up to `/v1`; `encrypted` is for an address without a scheme."""
        scheme = "https" if encrypted else "http"
        url = self.address if "://" in self.address else f"{scheme}://{self.address}"
        try:
            parts = urlsplit(url)
            sensible = (
                parts.scheme in ("http", "https")
                and parts.hostname
                and (parts.port or (parts.port is None and url == self.address))
                and not re.search(r"[\s@?#]", url)
            )
        except ValueError:
            sensible = False
        if not sensible:
            _check_port(self.address, url.partition("://")[2].partition("/")[0])
            raise ValueError(
                f"address is {self.address!r}; over REST it is host:port, or a URL of http or "
                "https that ends before /v1"
            )
        return url.rstrip("/")

    def path(self) -> str:
        """The path of the model in the REST API."""
        path = f"/v1/models/{quote(self.model_name, safe='')}"
        if self.version is not None:
            path += f"/versions/{self.version}"
        elif self.version_label is not None:
            path += f"/labels/{quote(self.version_label, safe='')}"
        return path

    def __str__(self) -> str:
        model = f"model {self.model_name}"
        if self.version is not None:
            model = f"version {self.version} of {model}"
        elif self.version_label is not None:
            model = f"version label {self.version_label!r} of {model}"
        return f"{model} at {self.address} over {_PROTOCOLS[self.protocol]}"


def _check_port(address: str, host_and_port: str) -> None:
    match = _HOST_AND_PORT.fullmatch(host_and_port)
    if match is not None and not 0 < int(match[1]) <= _LAST_PORT:
        raise ValueError(f"address is {address!r}; the port must be 1 to {_LAST_PORT}")


def _is_host_and_port(address: str) -> bool:
    match = _HOST_AND_PORT.fullmatch(address)
    return match is not None and 0 < int(match[1]) <= _LAST_PORT
