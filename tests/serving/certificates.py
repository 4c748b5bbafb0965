"""Keys and certificates, made when a test needs them."""

from pathlib import Path
from typing import NamedTuple

import trustme

from tests.serving.tf_serving_configs import SSLConfig


class Identity(NamedTuple):
    """Files in PEM: the root that signed, a certificate, and its key."""

    root: Path
    certificate: Path
    key: Path


def make_identity(folder: Path, *names: str) -> Identity:
    """A root of its own, and what it issues to these names or addresses."""
    folder.mkdir()
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    identity = Identity(*(folder / name for name in ("root.pem", "certificate.pem", "key.pem")))
    authority.cert_pem.write_to_path(str(identity.root))
    issued.private_key_pem.write_to_path(str(identity.key))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(identity.certificate), append=True)
    return identity


def ssl_config(server: Identity, trusted_clients: Identity | None = None) -> SSLConfig:
    """What `--ssl_config_file` holds; with `trusted_clients` for mutual TLS."""
    return SSLConfig(
        server_key=server.key.read_text(),
        server_cert=server.certificate.read_text(),
        custom_ca=trusted_clients.root.read_text() if trusted_clients else "",
        client_verify=trusted_clients is not None,
    )
