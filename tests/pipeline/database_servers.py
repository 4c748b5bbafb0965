"""PostgreSQL and MariaDB for tests, each with its own data folder, on a free port."""

import contextlib
import glob
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import portpicker
import pytest
import trustme

USER, DATABASE = "shop", "runs"
# Quotes and blanks, which have to come through unharmed.
PASSWORD = 'open "sesame" $1'
# A session that idles longer is closed. Each run is longer.
IDLE_SECONDS = 15
_START_SECONDS = 60


@dataclass
class DatabaseServer:
    """A server that runs, with an empty database that `USER` owns.

    Attributes:
        scheme: of its URL.
        port: where it listens on 127.0.0.1.
        environment: by which its client library finds the password.
        client: command that runs SQL, its last argument, as the administrator.
        process: the server.
    """

    scheme: str
    port: int
    environment: dict[str, str]
    client: Sequence[str]
    process: subprocess.Popen[bytes] = field(repr=False)

    def url(self, database: str = DATABASE) -> str:
        return f"{self.scheme}://{USER}@127.0.0.1:{self.port}/{database}"

    def sql(self, *statements: str) -> None:
        for statement in statements:
            _run([*self.client, statement])

    def new_database(self, name: str) -> str:
        """Makes a database of `USER`; its URL."""
        if self.scheme == "postgresql":
            self.sql(f"CREATE DATABASE {name} OWNER {USER}")
        else:
            self.sql(f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO {USER}")
        return self.url(name)


@contextlib.contextmanager
def database_server(name: str) -> Iterator[DatabaseServer]:
    """Runs "postgresql" or "mariadb" until the block ends; skips the test where it is not here."""
    with _folder_of("postgres" if name == "postgresql" else "mysql") as (folder, user):
        start = _start_postgresql if name == "postgresql" else _start_mariadb
        server = start(folder, user)
        try:
            server.sql(f"CREATE USER {USER} {_password_clause(server)}")
            server.new_database(DATABASE)
            yield server
        finally:
            server.process.terminate()
            server.process.wait()


def _password_clause(server: DatabaseServer) -> str:
    return f"{'PASSWORD' if server.scheme == 'postgresql' else 'IDENTIFIED BY'} '{PASSWORD}'"


@contextlib.contextmanager
def _folder_of(account: str) -> Iterator[tuple[Path, str | None]]:
    """A folder, and who has to run a server in it: PostgreSQL refuses to be root."""
    folder = Path(tempfile.mkdtemp(prefix="mclrec-database-"))
    user = account if os.getuid() == 0 else None
    try:
        if user:
            with contextlib.suppress(LookupError):
                shutil.chown(folder, user)
        yield folder, user
    finally:
        shutil.rmtree(folder)


def _start_postgresql(folder: Path, user: str | None) -> DatabaseServer:
    binaries = os.pathsep.join(
        [*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), os.environ["PATH"]]
    )
    initdb, postgres = (
        shutil.which("initdb", path=binaries),
        shutil.which("postgres", path=binaries),
    )
    psql = shutil.which("psql", path=binaries)
    if not (initdb and postgres and psql):
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    data, port = folder / "data", portpicker.pick_unused_port()
    _run(
        [
            initdb,
            "-D",
            data,
            "-U",
            "admin",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "-N",
        ],
        user,
    )
    client = [psql, "-q", "-h", str(folder), "-p", str(port), "-U", "admin", "postgres", "-c"]
    process = _serve(
        [
            *(postgres, "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", port),
            *("-c", f"idle_session_timeout={IDLE_SECONDS}s", "-c", "fsync=off"),
        ],
        client,
        folder,
        user,
    )
    return DatabaseServer("postgresql", port, {"PGPASSWORD": PASSWORD}, client, process)


def _start_mariadb(folder: Path, user: str | None) -> DatabaseServer:
    install, mariadbd = shutil.which("mariadb-install-db"), shutil.which("mariadbd")
    mariadb = shutil.which("mariadb")
    if not (install and mariadbd and mariadb):
        pytest.skip("no MariaDB server here (Debian: apt-get install mariadb-server)")
    data, port = folder / "data", portpicker.pick_unused_port()
    _run(
        [
            *(install, "--no-defaults", f"--datadir={data}", "--skip-test-db"),
            "--auth-root-authentication-method=normal",
        ],
        user,
    )
    identity = trustme.CA().issue_cert("127.0.0.1")
    key = _file(folder / "key.pem", identity.private_key_pem.bytes(), user)
    certificate = _file(folder / "cert.pem", identity.cert_chain_pems[0].bytes(), user)
    # Without --password it takes that of the environment.
    client = [
        *(mariadb, "--no-defaults", f"--socket={folder / 'socket'}"),
        *("--user=root", "--password=", "-e"),
    ]
    process = _serve(
        [
            *(mariadbd, "--no-defaults", f"--datadir={data}", f"--socket={folder / 'socket'}"),
            *("--bind-address=127.0.0.1", f"--port={port}", f"--wait-timeout={IDLE_SECONDS}"),
            *(f"--ssl-key={key}", f"--ssl-cert={certificate}"),
        ],
        client,
        folder,
        user,
    )
    return DatabaseServer("mysql", port, {"MYSQL_PWD": PASSWORD}, client, process)


def _file(path: Path, content: bytes, user: str | None) -> Path:
    path.write_bytes(content)
    if user:
        shutil.chown(path, user)
    return path


def _run(command: Sequence[object], user: str | None = None) -> None:
    done = subprocess.run(
        [str(word) for word in command], user=user, cwd="/", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _serve(
    command: Sequence[object], client: Sequence[str], folder: Path, user: str | None
) -> subprocess.Popen[bytes]:
    """Starts a server and waits until it answers."""
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [str(word) for word in command], user=user, cwd="/", stdout=log, stderr=log
        )
    end = time.monotonic() + _START_SECONDS
    while subprocess.run([*client, "SELECT 1"], capture_output=True).returncode:
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise RuntimeError(f"{command[0]}: {(folder / 'log').read_text()[-4000:]}")
        time.sleep(0.1)
    return process
