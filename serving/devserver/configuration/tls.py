"""What the gRPC server shows and asks for in a TLS handshake, from TF Serving's SSLConfig."""

import os

import grpc
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from serving.devserver.configuration.config_files import read_config
from serving.devserver.configuration.config_protos import SSLConfig


def server_credentials(path: str | os.PathLike[str]) -> grpc.ServerCredentials:
    """Reads the file of tensorflow_model_server's flag `--ssl_config_file`.

    Args:
        path: An SSLConfig as text, with PEM in its fields: `server_key`, not encrypted;
            `server_cert`, the server's certificate and then those that lead to a root; with
            `client_verify: true` only clients are let in whose certificate leads to one of
            `custom_ca`.

    Raises:
        OSError: The file cannot be read.
        ValueError: A field is missing, is not PEM, or does not go with another. gRPC itself would
            only say that it cannot listen on the port.

    Example:

    >>> server = grpc.aio.server()
    >>> server.add_secure_port("127.0.0.1:8500", server_credentials("ssl.config"))
    8500
    """
    config = read_config(path, SSLConfig)
    try:
        _check(config)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        config.custom_ca.encode() or None,
        config.client_verify,
    )


def _check(config: SSLConfig) -> None:
    certificate = _certificates(config, "server_cert")[0]
    try:
        key = load_pem_private_key(config.server_key.encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:  # TypeError: it is encrypted
        raise ValueError(f"server_key is not an unencrypted private key in PEM: {error}") from error
    if key.public_key() != certificate.public_key():
        raise ValueError("server_key is not the key of the first certificate of server_cert")
    if config.custom_ca or config.client_verify:
        _certificates(config, "custom_ca")


def _certificates(config: SSLConfig, field: str) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(getattr(config, field).encode())
    except ValueError as error:
        raise ValueError(f"{field} holds no certificates in PEM: {error}") from error
