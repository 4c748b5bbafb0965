"""URLs of metadata servers, and a real server that lets in those who may come and no others."""

import subprocess
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator

import pytest
from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import (
    Artifact,
    ArtifactType,
    ConnectionConfig,
    Context,
    ContextType,
)

from pipeline.local_server import free_port
from pipeline.runners.local.metadata_server import MetadataServer, metadata_server
from pipeline.runners.local.workdir import RunError
from tests.pipeline.runners.local.database_servers import (
    DATABASE,
    PASSWORD,
    USER,
    DatabaseServer,
    mariadb,
    postgresql,
)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("mysql://shop@db.example/runs", MetadataServer("shop", "db.example", 3306, "runs")),
        ("mysql://a%40b@[::1]:3307/Runs_2", MetadataServer("a@b", "::1", 3307, "Runs_2")),
    ],
)
def test_a_url_is_read(url: str, server: MetadataServer):
    assert metadata_server(url) == server


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("runs/metadata.sqlite", "must be of the form mysql://"),
        ("sqlite://shop@host/runs", "must be of the form mysql://"),
        ("mysql://host/runs", "must name a user and a host"),
        ("mysql://shop@/runs", "must name a user and a host"),
        ("mysql://shop@host", "must name a database"),
        ("mysql://shop@host/my-runs", "must name a database of letters"),
        ("mysql://shop@host/runs/more", "must name a database of letters"),
        ("mysql://shop@host:port/runs", "must be of the form"),
        ("mysql://shop@host:70000/runs", "must be of the form"),
        ("mysql://shop@host/runs?tls=yes", "must end with the database"),
        ("mysql://shop@host/runs#tls", "must end with the database"),
        ("postgresql://shop:sesame@host/runs", "must not be PostgreSQL"),
        ("mysql://shop:sesame@host/runs", "must not contain a password.*MYSQL_PWD"),
        ("mysql://shop:ses/ame@host/runs", "must be of the form"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, message: str):
    with pytest.raises(ArgumentTypeError, match=message) as error:
        metadata_server(url)
    assert "ses" not in str(error.value)


def test_nothing_listens():
    port = free_port()
    with pytest.raises(RunError, match=f"nothing answers at localhost, port {port}: .*refused"):
        metadata_server(f"mysql://shop@localhost:{port}/runs").open()


@pytest.fixture(scope="module")
def server() -> Iterator[DatabaseServer]:
    with mariadb() as running:
        yield running


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)


@pytest.mark.integration
def test_what_is_kept_comes_back(server: DatabaseServer, password: None):
    url = server.new_database("kept")
    store = metadata_server(url).open()
    kind = store.put_context_type(ContextType(name="pipeline"))
    for number, text in enumerate(["Läden 🍞", "it's", '{"a": "b"}\n%s', r"K\u00e4ufer"]):
        context = Context(type_id=kind, name=str(number))
        context.custom_properties["text"].string_value = text
        store.put_contexts([context])
        kept = metadata_server(url).open().get_context_by_type_and_name("pipeline", str(number))
        assert kept.custom_properties["text"].string_value == text


@pytest.mark.integration
def test_localhost_is_reached_by_tcp(server: DatabaseServer, password: None):
    metadata_server(server.url().replace("127.0.0.1", "localhost")).open()


@pytest.mark.integration
def test_a_wrong_password(server: DatabaseServer, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.setenv("MYSQL_PWD", "sesame")
    where = f"mysql://shop@127.0.0.1:{server.port}/runs: cannot be opened: "
    with pytest.raises(RunError, match=where + "the login failed.*MYSQL_PWD") as error:
        metadata_server(server.url()).open()
    assert "sesame" not in str(error.value) + capfd.readouterr().err


@pytest.mark.integration
@pytest.mark.parametrize("database", ["absent", "mysql"])
def test_a_database_that_is_not_ours(server: DatabaseServer, password: None, database: str):
    with pytest.raises(RunError, match=f"Access denied for user 'shop'.* database '{database}'"):
        metadata_server(server.url(database)).open()


@pytest.mark.integration
def test_some_open_an_empty_database_together(server: DatabaseServer, password: None):
    url = server.new_database("together")
    code = (
        "import sys; from pipeline.runners.local.metadata_server import metadata_server\n"
        "metadata_server(sys.argv[1]).open()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in processes:
        _, messages = process.communicate(timeout=60)
        assert process.returncode == 0, messages.decode()


@pytest.mark.integration
def test_a_server_may_insist_on_tls(server: DatabaseServer, password: None):
    server.sql("ALTER USER shop REQUIRE SSL")
    try:
        metadata_server(server.url()).open()
        plain = metadata_server(server.url()).connection()
        plain.mysql.ClearField("ssl_options")
        with pytest.raises(RuntimeError, match="mysql_real_connect failed"):
            MetadataStore(plain)
    finally:
        server.sql("ALTER USER shop REQUIRE NONE")


@pytest.mark.integration
def test_a_server_may_have_no_tls(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    with mariadb("--skip-ssl") as server:
        metadata_server(server.url()).open()


@pytest.mark.integration
def test_postgresql_mixes_up_artifacts(monkeypatch: pytest.MonkeyPatch):
    """Why it is not offered. Once this fails, it may be."""
    with postgresql() as server:
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        config = ConnectionConfig()
        config.postgresql.host, config.postgresql.port = "127.0.0.1", str(server.port)
        config.postgresql.user, config.postgresql.dbname = USER, DATABASE
        store = MetadataStore(config)
        kinds = [store.put_artifact_type(ArtifactType(name=name)) for name in ("Model", "Run")]
        orders = []
        for count in (2, 3, 4, 5):
            artifacts = [Artifact(type_id=kinds[n % 2], uri=str(n)) for n in range(count)]
            ids = store.put_artifacts(artifacts)
            found = [artifact.id for artifact in store.get_artifacts_by_id(ids)]
            assert sorted(found) == ids
            orders.append(found == ids)
        # TFX's cache takes the first for the first output of a component, and so on.
        assert not all(orders)
        with pytest.raises(errors.InternalError, match="syntax error"):
            store.put_artifacts([Artifact(type_id=kinds[0], uri=r"with\a backslash")])
