"""A database server that keeps the metadata of runs instead of a file: its URL, and the way in.

Passwords are left to the client libraries of the databases, which read MYSQL_PWD, and PGPASSWORD or
~/.pgpass: TFX writes the connection that it is given into its log.
"""

import os
import re
import socket
import tempfile
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.workdir import RunError

if TYPE_CHECKING:
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

_PORTS = {"mysql": 3306, "postgresql": 5432}
_FORM = "mysql://USER@HOST[:PORT]/DATABASE or postgresql://USER@HOST[:PORT]/DATABASE"
# ML Metadata writes the names into SQL and into PostgreSQL's connection string as they are.
_DATABASE, _USER = re.compile(r"[a-z_][a-z0-9_]{0,62}"), re.compile(r"[^\s'\\]+")
_REACH_SECONDS = 10
# What it means when another makes the tables of an empty database at the same time.
_TABLES_IN_THE_MAKING = re.compile("concurrent connection|duplicate key value")
_TABLES_SECONDS, _PAUSE_SECONDS = 60, 0.5
# Of a failed login PostgreSQL's reason is in the log alone.
_POSTGRESQL_REASON = re.compile(r"PostgreSQL error: (.+?)(?=\n[IWEF]\d{4} |\Z)", re.DOTALL)
_MYSQL_HINT = (
    "the client gives no reason; look at the user, the password (MYSQL_PWD), TLS (?tls=unverified) "
    "and the user's authentication plugin (mysql_native_password; another one only from the folder "
    "that MARIADB_PLUGIN_DIR names)"
)


@dataclass(frozen=True)
class MetadataServer:
    """Where a store of ML Metadata is; `str` gives its URL.

    Attributes:
        scheme: "mysql", which is also MariaDB, or "postgresql".
        user: who logs in.
        host: name or address.
        port: number of the TCP port.
        database: name of the database, which exists.
        tls: MySQL's connection is encrypted, without a look at the server's certificate.
    """

    scheme: str
    user: str
    host: str
    port: int
    database: str
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{self.user}@{host}:{self.port}/{self.database}"

    def connection(self) -> "ConnectionConfig":
        """The connection as ML Metadata and TFX take it."""
        from ml_metadata.proto import metadata_store_pb2

        config = metadata_store_pb2.ConnectionConfig()
        if self.scheme == "mysql":
            # Of "localhost" the client makes the path of a socket, and not the server's.
            config.mysql.host = "127.0.0.1" if self.host == "localhost" else self.host
            config.mysql.port = self.port
            config.mysql.database = self.database
            config.mysql.user = self.user
            config.mysql.skip_db_creation = True
            if self.tls:
                config.mysql.ssl_options.SetInParent()
        else:
            config.postgresql.host = self.host
            config.postgresql.port = str(self.port)
            config.postgresql.dbname = self.database
            config.postgresql.user = self.user
            config.postgresql.skip_db_creation = True
        return config

    def check_values(self, values: Mapping[str, str]) -> None:
        """Finds what the store would fail on in the middle of a run.

        Args:
            values: what will be written, by a name that a person understands.

        Raises:
            RunError: it cannot be written.
        """
        if self.scheme == "postgresql":
            for name, value in values.items():
                if "\\" in value:
                    # ml-metadata 1.16 makes broken SQL of it.
                    raise RunError(
                        f"--metadata: PostgreSQL's store cannot keep {name}, which has a backslash "
                        f"as JSON: {value!r}. JSON writes letters outside ASCII with one; rename "
                        "the path or the column, or take a MySQL server"
                    )

    def open(self) -> "MetadataStore":
        """Opens the store and makes its tables if there are none.

        Raises:
            RunError: the server cannot be reached, or lets nobody in.
        """
        from ml_metadata.metadata_store import MetadataStore

        # The clients wait for minutes, and MySQL's never says why it failed.
        try:
            socket.create_connection((self.host, self.port), _REACH_SECONDS).close()
        except OSError as error:
            raise RunError(
                f"--metadata: nothing answers at {self.host}, port {self.port}: {error}"
            ) from error
        end = time.monotonic() + _TABLES_SECONDS
        while True:
            with _native_messages() as messages:
                try:
                    return MetadataStore(self.connection())
                except RuntimeError as error:
                    failure = str(error)
            if not _TABLES_IN_THE_MAKING.search(failure) or time.monotonic() > end:
                reason = _reason(failure, "".join(messages))
                raise RunError(f"--metadata: {self} cannot be opened: {reason}")
            time.sleep(_PAUSE_SECONDS)


def _reason(failure: str, messages: str) -> str:
    if "mysql_real_connect" in failure:
        return _MYSQL_HINT
    told = _POSTGRESQL_REASON.search(messages)
    return (told[1] if told else failure).strip()


def metadata_server(url: str) -> MetadataServer:
    """Reads a URL, for argparse.

    Raises:
        ArgumentTypeError: it is none. The message does not repeat it: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ArgumentTypeError(f"is no URL of the form {_FORM}") from None
    if parts.scheme not in _PORTS:
        raise ArgumentTypeError(f"must be of the form {_FORM}")
    if parts.password is not None:
        raise ArgumentTypeError(
            "must hold no password, which others on this machine could read: set "
            + ("MYSQL_PWD" if parts.scheme == "mysql" else "PGPASSWORD, or write ~/.pgpass")
        )
    user, database = unquote(parts.username or ""), unquote(parts.path[1:])
    if not parts.hostname or not _USER.fullmatch(user):
        raise ArgumentTypeError(f"must name a user and a host: {_FORM}")
    if not _DATABASE.fullmatch(database):
        raise ArgumentTypeError(
            f"must name a database of small letters, digits and _, at most 63: {_FORM}"
        )
    options = parse_qsl(parts.query, keep_blank_values=True)
    tls = options == [("tls", "unverified")]
    if parts.fragment or (options and not (tls and parts.scheme == "mysql")):
        raise ArgumentTypeError("may have one option after ?, and only for MySQL: tls=unverified")
    return MetadataServer(
        parts.scheme, user, parts.hostname, port or _PORTS[parts.scheme], database, tls
    )


@contextmanager
def _native_messages() -> Iterator[list[str]]:
    """What native code writes to standard error, given once the block has ended and written on."""
    messages: list[str] = []
    screen = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield messages
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            file.seek(0)
            written = file.read()
            messages.append(written.decode(errors="replace"))
            os.write(2, written)
