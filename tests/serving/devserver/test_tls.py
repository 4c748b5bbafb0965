"""`--ssl_config_file`: what is read, and what is refused with a reason."""

from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from google.protobuf import text_format

from serving.devserver.__main__ import main
from serving.devserver.configuration.tls import server_credentials
from tests.serving.certificates import Identity, make_identity, ssl_config
from tests.serving.running_server import free_port


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls") / "one", "127.0.0.1")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls") / "other", "127.0.0.1")


def _encrypted(key: Path) -> str:
    return (
        serialization.load_pem_private_key(key.read_bytes(), None)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        .decode()
    )


def test_a_complete_file_gives_credentials(identity: Identity, tmp_path: Path) -> None:
    path = tmp_path / "ssl.config"
    for config in (ssl_config(identity), ssl_config(identity, trusted_clients=identity)):
        path.write_text(text_format.MessageToString(config))
        assert isinstance(server_credentials(str(path)), grpc.ServerCredentials)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("server_cert", "", "server_cert holds no certificates in PEM"),
        ("server_cert", "-----BEGIN CERTIFICATE-----\nAAAA", "server_cert holds no certificates"),
        ("server_key", "", "server_key is not an unencrypted private key in PEM"),
        ("server_key", "encrypted", "server_key is not an unencrypted private key in PEM"),
        ("server_key", "of another", "server_key is not the key of the first certificate"),
        ("custom_ca", "", "custom_ca holds no certificates in PEM"),
        ("custom_ca", "ca.pem", "custom_ca holds no certificates in PEM"),
    ],
)
def test_a_fault_is_named(
    identity: Identity, other: Identity, tmp_path: Path, field: str, value: str, message: str
) -> None:
    config = ssl_config(identity, trusted_clients=other)
    made = {"encrypted": _encrypted(identity.key), "of another": other.key.read_text()}
    setattr(config, field, made.get(value, value))
    path = tmp_path / "ssl.config"
    path.write_text(text_format.MessageToString(config))
    with pytest.raises(ValueError, match=f"ssl.config: {message}"):
        server_credentials(str(path))


def test_the_server_ends_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ssl.config"
    arguments = [f"--model_base_path={tmp_path}", f"--port={free_port()}"]
    assert main([*arguments, f"--ssl_config_file={path}"]) == 1
    assert f"No such file or directory: '{path}'" in capsys.readouterr().err
    path.write_text('server_kez: "x"')
    assert main([*arguments, f"--ssl_config_file={path}"]) == 1
    assert f"{path}: 1:1" in capsys.readouterr().err
