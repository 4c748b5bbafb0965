"""Clients over TLS: whom they trust, what they show, and what they say when it fails."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format

from serving.client import RecommendationClient, Tls
from serving.client.__main__ import main
from serving.devserver.models.repository import single_model
from serving.errors import ServingError
from tests.serving.both_servers import SERVERS, serve
from tests.serving.certificates import Identity, make_identity, ssl_config
from tests.serving.client.front import front
from tests.serving.client.kinds import KINDS, open_client
from tests.serving.conftest import ITEMS
from tests.serving.running_server import Addresses

_LIMIT = {"max_attempts": 1, "timeout": 60}


class Party:
    """A server that asks for certificates, the clients that it trusts, and strangers."""

    def __init__(self, folder: Path):
        self.server = make_identity(folder / "server", "127.0.0.1")
        self.friend = make_identity(folder / "friend", "client")
        self.stranger = make_identity(folder / "stranger", "client")

    def ssl_context(self) -> ssl.SSLContext:
        """Of a reverse proxy, as a REST server behind one has it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.friend.root)
        context.load_cert_chain(self.server.certificate, self.server.key)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> Party:
    return Party(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", params=SERVERS)
def addresses(
    request: pytest.FixtureRequest,
    party: Party,
    base_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Addresses]:
    """A server with mutual TLS: of TF Serving its own over gRPC, else that of a proxy before it."""
    folder = tmp_path_factory.mktemp("config")
    path = folder / "ssl.config"
    path.write_text(text_format.MessageToString(ssl_config(party.server, party.friend)))
    config = single_model("mclrec", str(base_path))
    with (
        serve(request.param, config, folder, path) as served,
        front("rest", served, ssl_context=party.ssl_context()) as rest,
    ):
        yield Addresses(served.grpc, rest)


def _tls(root: Identity, own: Identity | None) -> Tls:
    return Tls(root.root, *((own.certificate, own.key) if own else ()))


@contextmanager
def _unavailable(message: str) -> Iterator[None]:
    with pytest.raises(ServingError, match=message) as failed:
        yield
    assert failed.value.code == grpc.StatusCode.UNAVAILABLE


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_both_sides_show_who_they_are(addresses: Addresses, party: Party, kind: str) -> None:
    tls = _tls(party.server, party.friend)
    with open_client(kind, addresses, tls=tls, **_LIMIT) as client:
        assert len(client.recommend(ITEMS[:2])) == 10
        assert client.is_ready()
        assert len(client.recommend_batch([[]] * 300)) == 300


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_not_trusted(addresses: Addresses, party: Party, kind: str) -> None:
    for tls in (_tls(party.stranger, party.friend), Tls(None, *party.friend[1:])):
        with (
            open_client(kind, addresses, tls=tls, **_LIMIT) as client,
            _unavailable("(?i)certificate.?verify.?failed"),
        ):
            client.recommend([])


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_is_not_trusted(addresses: Addresses, party: Party, kind: str) -> None:
    for own in (party.stranger, None):
        with (
            open_client(kind, addresses, tls=_tls(party.server, own), **_LIMIT) as client,
            _unavailable("model mclrec at"),
        ):
            client.recommend([])


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_an_unencrypted_client(addresses: Addresses, kind: str) -> None:
    with (
        open_client(kind, addresses, **_LIMIT) as client,
        pytest.raises(ServingError, match="model mclrec at") as failed,
    ):
        client.recommend([])
    assert failed.value.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED)


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_an_unencrypted_server(server: Addresses, party: Party, kind: str) -> None:
    with (
        open_client(kind, server, tls=_tls(party.server, None)) as client,
        pytest.raises(ServingError, match="does not speak TLS.*model mclrec at") as failed,
    ):
        client.recommend([])
    assert failed.value.code == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_for_another_name(addresses: Addresses, party: Party, kind: str) -> None:
    named = Addresses(*(address.replace("127.0.0.1", "localhost") for address in addresses))
    with (
        open_client(kind, named, tls=_tls(party.server, party.friend), **_LIMIT) as client,
        _unavailable("(?i)(certificate|hostname) verif.*model mclrec at localhost"),
    ):
        client.recommend([])


def test_an_address_decides_on_encryption(party: Party) -> None:
    RecommendationClient("https://127.0.0.1:8501", protocol="rest").close()
    with pytest.raises(ValueError, match="with tls its URL is of https"):
        RecommendationClient("http://127.0.0.1:8501", protocol="rest", tls=Tls())


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_wrong_file_is_named(party: Party, tmp_path: Path, protocol: str) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    friend, stranger = party.friend, party.stranger
    for tls, message in (
        (Tls(empty), f"root_certificates: .*{empty}"),
        (Tls(None, friend.certificate), "client_certificate and client_key are given together"),
        (Tls(None, empty, friend.key), f"client_certificate and client_key: {empty}"),
        (Tls(None, friend.certificate, stranger.key), "KEY_VALUES_MISMATCH|mismatch"),
    ):
        with pytest.raises(ValueError, match=message):
            RecommendationClient("127.0.0.1:1", protocol=protocol, tls=tls)
    with pytest.raises(OSError, match="No such file"):
        RecommendationClient("127.0.0.1:1", protocol=protocol, tls=Tls(tmp_path / "none.pem"))


@pytest.mark.integration
def test_the_command_asks_over_tls(
    addresses: Addresses, party: Party, capsys: pytest.CaptureFixture[str]
) -> None:
    ports = [address.split(":")[1] for address in addresses]
    arguments = ["--k=3", f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]
    arguments += [f"--root_certificates={party.server.root}"]
    arguments += [f"--client_certificate={party.friend.certificate}"]
    assert main([*arguments, f"--client_key={party.friend.key}"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10
    assert main([*arguments, "--client_key=nowhere.pem"]) == 1
    assert "No such file" in capsys.readouterr().err
