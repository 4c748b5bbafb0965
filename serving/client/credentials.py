"""The client's side of TLS."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import NamedTuple

import grpc


class Tls(NamedTuple):
    """Encrypts the connection, and says whom to trust. All files are PEM.

    Args:
        root_certificates: File of certificates; the server's has to lead to one of them. Without
            it, to one of those that come with gRPC, or with the operating system for REST.
        client_certificate: File of the client's own certificate and then those that lead to a
            root, for a server that asks for it (mutual TLS).
        client_key: File of its private key, not encrypted.

    Example:

    >>> RecommendationClient("models.example:8500", tls=Tls("ca.pem"))
    """

    root_certificates: str | os.PathLike[str] | None = None
    client_certificate: str | os.PathLike[str] | None = None
    client_key: str | os.PathLike[str] | None = None

    def ssl_context(self) -> ssl.SSLContext:
        """For REST.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file does not hold what it should, or the key is of another certificate.
        """
        roots, chain, key = self._paths()
        if bool(chain) != bool(key):
            raise ValueError("client_certificate and client_key are given together or not at all")
        try:
            context = ssl.create_default_context(cafile=roots)
        except ssl.SSLError as error:
            raise ValueError(f"root_certificates: no certificate in PEM in {roots}") from error
        if chain:
            try:
                context.load_cert_chain(chain, key, password=_no_password)
            except ssl.SSLError as error:
                raise ValueError(
                    f"client_certificate and client_key: {chain} and {key} are not a certificate "
                    f"and its key in PEM: {error}"
                ) from error
        return context

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """For gRPC; raises as `ssl_context` does, where gRPC itself would fail without a reason."""
        self.ssl_context()
        roots, chain, key = (Path(path).read_bytes() if path else None for path in self._paths())
        return grpc.ssl_channel_credentials(roots, private_key=key, certificate_chain=chain)

    def _paths(self) -> list[str | None]:
        """The files, each of which can be read; OpenSSL would not say which cannot."""
        paths: list[str | None] = []
        for name, path in zip(self._fields, self, strict=True):
            if path is None:
                paths.append(None)
                continue
            if not isinstance(path, str | os.PathLike):
                raise TypeError(f"{name} is {path!r}; give the path of a file")
            if not os.fspath(path):
                raise ValueError(f"{name} is empty; give the path of a file")
            try:
                Path(path).read_bytes()
            except OSError as error:
                raise type(error)(error.errno, f"{name}: {error.strerror}", str(path)) from error
            paths.append(os.fspath(path))
        return paths


def _no_password() -> str:
    raise ValueError("client_key is encrypted; only keys without a password can be used")
