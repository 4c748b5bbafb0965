"""URLs of metadata servers; and real servers, which let in those who may come and no others."""

import subprocess
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path

import portpicker
import pytest
from ml_metadata import errors
from ml_metadata.proto.metadata_store_pb2 import Context, ContextType

from pipeline.metadata_server import MetadataServer, metadata_server
from pipeline.workdir import RunError
from tests.pipeline.database_servers import PASSWORD, DatabaseServer, database_server


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "mysql://shop@db.example/runs",
            MetadataServer("mysql", "shop", "db.example", 3306, "runs"),
        ),
        (
            "postgresql://shop%40team@[::1]:5433/runs_2",
            MetadataServer("postgresql", "shop@team", "::1", 5433, "runs_2"),
        ),
        (
            "mysql://shop@db:3307/runs?tls=unverified",
            MetadataServer("mysql", "shop", "db", 3307, "runs", tls=True),
        ),
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
        ("postgresql://sh%20op@host/runs", "must name a user and a host"),
        ("mysql://shop@host", "must name a database"),
        ("mysql://shop@host/my-runs", "must name a database of small letters"),
        ("mysql://shop@host/runs/more", "must name a database of small letters"),
        ("mysql://shop@host:port/runs", "is no URL"),
        ("mysql://shop@host:70000/runs", "is no URL"),
        ("mysql://shop@host/runs?tls=verified", "only for MySQL: tls=unverified"),
        ("postgresql://shop@host/runs?tls=unverified", "only for MySQL: tls=unverified"),
        ("mysql://shop:sesame@host/runs", "must hold no password.*MYSQL_PWD"),
        ("postgresql://shop:sesame@host/runs", "must hold no password.*PGPASSWORD"),
        ("mysql://shop:ses/ame@host/runs", "is no URL"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, message: str):
    with pytest.raises(ArgumentTypeError, match=message) as error:
        metadata_server(url)
    assert "ses" not in str(error.value)


def test_nothing_listens():
    port = portpicker.pick_unused_port()
    with pytest.raises(RunError, match=f"nothing answers at localhost, port {port}: .*refused"):
        metadata_server(f"mysql://shop@localhost:{port}/runs").open()


def test_what_postgresql_cannot_keep_is_told():
    values = {"k_core of ExampleGen": "5", "custom_config of Trainer": r'{"backup": "/L\u00e4den"}'}
    metadata_server("mysql://shop@host/runs").check_values(values)
    with pytest.raises(RunError, match="cannot keep custom_config of Trainer.*take a MySQL"):
        metadata_server("postgresql://shop@host/runs").check_values(values)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    with database_server(request.param) as running:
        yield running


@pytest.fixture
def password(server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


def test_a_store_is_made_and_found_again(server: DatabaseServer, password: None):
    url = server.new_database("made")
    store = metadata_server(url).open()
    kind = store.put_context_type(ContextType(name="pipeline"))
    store.put_contexts([Context(type_id=kind, name="mclrec")])
    assert metadata_server(url).open().get_contexts()[0].name == "mclrec"


def test_what_is_kept_comes_back(server: DatabaseServer, password: None):
    url = server.new_database("kept")
    store = metadata_server(url).open()
    kind = store.put_context_type(ContextType(name="pipeline"))
    for number, text in enumerate(["Läden 🍞", "it's", '{"a": "b"}\n%s', r"K\u00e4ufer"]):
        context = Context(type_id=kind, name=str(number))
        context.custom_properties["text"].string_value = text
        if "\\" in text and server.scheme == "postgresql":
            # Once this passes, `check_values` can go.
            with pytest.raises(errors.InternalError, match="syntax error"):
                store.put_contexts([context])
            continue
        store.put_contexts([context])
        kept = metadata_server(url).open().get_context_by_type_and_name("pipeline", str(number))
        assert kept.custom_properties["text"].string_value == text


def test_localhost_is_reached_by_tcp(server: DatabaseServer, password: None):
    metadata_server(server.url().replace("127.0.0.1", "localhost")).open()


def test_a_wrong_password(server: DatabaseServer, monkeypatch: pytest.MonkeyPatch, capfd):
    (name,) = server.environment
    monkeypatch.setenv(name, "sesame")
    reason = {
        "postgresql": 'password authentication failed for user "shop"',
        "mysql": "look at the user, the password",
    }
    where = f"{server.scheme}://shop@127.0.0.1:{server.port}/runs cannot be opened: "
    with pytest.raises(RunError, match=where + f".*{reason[server.scheme]}") as error:
        metadata_server(server.url()).open()
    assert "sesame" not in str(error.value) + capfd.readouterr().err


def test_an_absent_database(server: DatabaseServer, password: None):
    with pytest.raises(RunError, match="(database .absent. does not|[Uu]nknown database|denied)"):
        metadata_server(server.url("absent")).open()


def test_a_database_of_others(server: DatabaseServer, password: None):
    server.sql("CREATE DATABASE foreign_runs")
    with pytest.raises(RunError, match="denied"):
        metadata_server(server.url("foreign_runs")).open()


def test_some_open_an_empty_database_together(server: DatabaseServer, password: None):
    url = server.new_database("together")
    code = (
        "import sys; from pipeline.metadata_server import metadata_server\n"
        "metadata_server(sys.argv[1]).open()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in processes:
        _, messages = process.communicate(timeout=60)
        assert process.returncode == 0, messages.decode()


def test_the_password_may_be_in_a_file_of_postgresql(tmp_path: Path, monkeypatch):
    with database_server("postgresql") as server:
        file = tmp_path / "pgpass"
        file.write_text(f"127.0.0.1:{server.port}:runs:shop:{PASSWORD}\n")
        file.chmod(0o600)
        monkeypatch.delenv("PGPASSWORD", raising=False)
        monkeypatch.setenv("PGPASSFILE", str(file))
        metadata_server(server.url()).open()


def test_mariadb_may_insist_on_tls(monkeypatch: pytest.MonkeyPatch):
    with database_server("mariadb") as server:
        server.sql("ALTER USER shop REQUIRE SSL")
        monkeypatch.setenv("MYSQL_PWD", PASSWORD)
        with pytest.raises(RunError, match="cannot be opened: .*TLS"):
            metadata_server(server.url()).open()
        metadata_server(server.url() + "?tls=unverified").open()
