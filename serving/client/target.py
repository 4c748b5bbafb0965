"""Which model a client asks, where, and in which words errors name it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urlsplit

_PROTOCOLS = {"grpc": "gRPC", "rest": "REST"}


class Target(NamedTuple):
    """A model at a server; a version or a label of it, or what the server takes for neither."""

    address: str
    model_name: str
    protocol: str
    version: int | None
    version_label: str | None

    def check(self) -> None:
        """Raises a ValueError that names the argument that makes no sense."""
        if self.protocol not in _PROTOCOLS:
            raise ValueError(f'protocol is {self.protocol!r}; use "grpc" or "rest"')
        if not self.model_name:
            raise ValueError("model_name is empty; give the name that the server knows")
        if self.version is not None and self.version_label is not None:
            raise ValueError("version and version_label are both given; choose by one of them")
        if self.protocol == "rest":
            self.base_url("http")
        elif self.address.startswith(("http:", "https:")) or ":" not in self.address:
            raise ValueError(f"address is {self.address!r}; over gRPC it is host:port")

    def base_url(self, default_scheme: str) -> str:
        """Of the REST API, without a slash at the end."""
        url = self.address if "://" in self.address else f"{default_scheme}://{self.address}"
        try:
            parts = urlsplit(url)
            sensible = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            sensible = False
        if not sensible or parts.query or parts.fragment:
            raise ValueError(
                f"address is {self.address!r}; over REST it is host:port, or a URL of http or "
                "https that ends before /v1"
            )
        return url.rstrip("/")

    def path(self) -> str:
        """Of the model in the REST API."""
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
