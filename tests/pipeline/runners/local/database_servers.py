"""MariaDB and PostgreSQL for tests, each with its own data folder, on a free port."""

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from pipeline.local_server import free_port

USER, DATABASE = "shop", "runs"
# Quotes and blanks, which have to come through unharmed.
PASSWORD = 'open "sesame" $1'
# MariaDB closes a session that idles longer. Each run is longer.
IDLE_SECONDS = 15
_START_SECONDS = 60


@dataclass
class DatabaseServer:
    """A server that runs, with the empty database `DATABASE` of `USER`.

    Attributes:
        port: where it listens on 127.0.0.1.
        client: command that runs SQL, its last argument, as the administrator.
        process: the server.
    """

    port: int
    client: Sequence[str]
    process: subprocess.Popen[bytes] = field(repr=False)

    def url(self, database: str = DATABASE) -> str:
        """What `--metadata` takes, of a MariaDB."""
        return f"mysql://{USER}@127.0.0.1:{self.port}/{database}"

    def sql(self, *statements: str) -> None:
        for statement in statements:
            _run([*self.client, statement])

    def new_database(self, name: str) -> str:
        """Makes a database of `USER` in a MariaDB; its URL."""
        self.sql(f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO {USER}")
        return self.url(name)


@contextlib.contextmanager
def mariadb(*flags: str) -> Iterator[DatabaseServer]:
    """Runs MariaDB until the block ends; skips the test where it is not here.

    Args:
        flags: more of them.
    """
    install, mariadbd, mariadb = map(_program, ("mariadb-install-db", "mariadbd", "mariadb"))
    if not (install and mariadbd and mariadb):
        pytest.skip("no MariaDB server here (Debian: apt-get install mariadb-server)")
    with _folder_of("mysql") as (folder, user):
        data, port = folder / "data", free_port()
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
        command = [
            *(mariadbd, "--no-defaults", f"--datadir={data}", f"--socket={folder / 'socket'}"),
            *("--bind-address=127.0.0.1", f"--port={port}", f"--wait-timeout={IDLE_SECONDS}"),
            *(f"--ssl-key={key}", f"--ssl-cert={certificate}", *flags),
        ]
        # Without --password it takes that of the environment. MariaDB 11 trusts none of ours.
        client = [
            *(mariadb, "--no-defaults", f"--socket={folder / 'socket'}", "--skip-ssl"),
            *("--user=root", "--password=", "-e"),
        ]
        with _serve(command, client, folder, user) as process:
            server = DatabaseServer(port, client, process)
            server.sql(f"CREATE USER {USER} IDENTIFIED BY '{PASSWORD}'")
            server.new_database(DATABASE)
            yield server


@contextlib.contextmanager
def postgresql() -> Iterator[DatabaseServer]:
    """Runs PostgreSQL until the block ends; skips the test where it is not here."""
    initdb, postgres, psql = map(_program, ("initdb", "postgres", "psql"))
    if not (initdb and postgres and psql):
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    with _folder_of("postgres") as (folder, user):
        data, port = folder / "data", free_port()
        authentication = ("--auth-local=trust", "--auth-host=scram-sha-256")
        _run([initdb, "-D", data, "-U", "admin", *authentication, "--no-sync"], user)
        command = [postgres, "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", port]
        client = [psql, "-q", "-h", str(folder), "-p", str(port), "-U", "admin", "postgres", "-c"]
        with _serve(command, client, folder, user) as process:
            server = DatabaseServer(port, client, process)
            server.sql(f"CREATE USER {USER} PASSWORD '{PASSWORD}'")
            server.sql(f"CREATE DATABASE {DATABASE} OWNER {USER}")
            yield server


def _program(name: str) -> str | None:
    """Its path; Debian keeps servers where a person's PATH does not lead."""
    hidden = [*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), "/usr/sbin"]
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *hidden]))


@contextlib.contextmanager
def _folder_of(account: str) -> Iterator[tuple[Path, str | None]]:
    """A folder, and who runs a server in it: root may not, Debian's package has made an account."""
    folder = Path(tempfile.mkdtemp(prefix="mclrec-database-"))
    user = account if os.getuid() == 0 else None
    try:
        if user:
            shutil.chown(folder, user)
        yield folder, user
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _serve(
    command: Sequence[object], client: Sequence[str], folder: Path, user: str | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server, which answers the client once the block begins."""
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [str(word) for word in command], user=user, cwd="/", stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + _START_SECONDS
        while subprocess.run([*client, "SELECT 1"], capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]}: {(folder / 'log').read_text()[-4000:]}")
            time.sleep(0.1)
        yield process
    finally:
        # PostgreSQL's SIGTERM waits for its clients.
        process.send_signal(signal.SIGQUIT)
        process.wait()


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
