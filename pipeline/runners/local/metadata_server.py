"""A MySQL or MariaDB server for the metadata of runs: its URL, and the connection to it.

The password is left to the client library of the database, which reads MYSQL_PWD, because TFX logs
the connection that it is given.
"""

import re
import socket
import time
from argparse import ArgumentTypeError
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pipeline.runners.local.workdir import RunError

if TYPE_CHECKING:
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

_FORM = "mysql://USER@HOST[:PORT]/DATABASE"
# ML Metadata inserts the name into SQL without quotes.
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_REACH_SECONDS = 10
# Part of the error when another process creates the tables of an empty database at the same time.
_TABLES_IN_THE_MAKING = "concurrent connection"
_TABLES_SECONDS, _PAUSE_SECONDS = 60, 0.5
_LOGIN_FAILED = "mysql_real_connect failed"
_LOGIN_HINT = (
    "the login failed, and the client does not say why. Check the user, the password (MYSQL_PWD), "
    "and the authentication of the user (by mysql_native_password; caching_sha2_password needs the "
    "client's plugin, in the folder that MARIADB_PLUGIN_DIR names)"
)


@dataclass(frozen=True)
class MetadataServer:
    """The location of a store of ML Metadata. `str` returns its URL.

    Attributes:
        user: The user of the database.
        host: The name or address of the server.
        port: The TCP port.
        database: The name of the database, which has to exist.
    """

    user: str
    host: str
    port: int
    database: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mysql://{self.user}@{host}:{self.port}/{self.database}"

    def connection(self) -> "ConnectionConfig":
        """The connection in the form that ML Metadata and TFX take."""
        from ml_metadata.proto import metadata_store_pb2

        config = metadata_store_pb2.ConnectionConfig()
        # The client takes "localhost" for a socket, whose path differs from that of the server.
        config.mysql.host = "127.0.0.1" if self.host == "localhost" else self.host
        config.mysql.port = self.port
        config.mysql.database = self.database
        config.mysql.user = self.user
        config.mysql.skip_db_creation = True
        # Encrypts the connection if the server can. Certificates are not verified, because the
        # client of ml-metadata 1.16 would then refuse all of them.
        config.mysql.ssl_options.SetInParent()
        return config

    def open(self) -> "MetadataStore":
        """Opens the store and creates its tables if there are none.

        Raises:
            RunError: The server cannot be reached, or it refuses the login.
        """
        from ml_metadata.metadata_store import MetadataStore

        # The client itself would wait long and give no reason.
        try:
            socket.create_connection((self.host, self.port), _REACH_SECONDS).close()
        except OSError as error:
            raise RunError(
                f"--metadata: nothing answers at {self.host}, port {self.port}: {error}. Check "
                "the address, and that the server is running."
            ) from error
        end = time.monotonic() + _TABLES_SECONDS
        while True:
            try:
                return MetadataStore(self.connection())
            except RuntimeError as error:
                failure = str(error)
            if _TABLES_IN_THE_MAKING not in failure or time.monotonic() > end:
                reason = _LOGIN_HINT if _LOGIN_FAILED in failure else failure
                raise RunError(f"--metadata {self}: cannot be opened: {reason.rstrip('.')}.")
            time.sleep(_PAUSE_SECONDS)


def metadata_server(url: str) -> MetadataServer:
    """Parses a URL, as a type for argparse.

    Args:
        url: A URL of the form mysql://USER@HOST[:PORT]/DATABASE. The default port is 3306.

    Raises:
        ArgumentTypeError: The URL has another form. The message does not repeat it, because it may
            contain a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ArgumentTypeError(f"must be of the form {_FORM}") from None
    if parts.scheme in ("postgres", "postgresql"):
        # There ML Metadata returns artifacts in any order, but TFX's cache assigns them to the
        # outputs by their order.
        raise ArgumentTypeError(
            "must not be PostgreSQL, where ml-metadata mixes up the artifacts of unchanged steps. "
            f"Use MySQL or MariaDB: {_FORM}"
        )
    if parts.scheme != "mysql":
        raise ArgumentTypeError(f"must be of the form {_FORM}")
    if parts.password is not None:
        raise ArgumentTypeError(
            "must not contain a password, which others on this machine could read. Set MYSQL_PWD."
        )
    user, database = unquote(parts.username or ""), unquote(parts.path[1:])
    if not parts.hostname or not user:
        raise ArgumentTypeError(f"must name a user and a host: {_FORM}")
    if not _DATABASE.fullmatch(database):
        raise ArgumentTypeError(
            f"must name a database of letters, digits and _, at most 64: {_FORM}"
        )
    if parts.query or parts.fragment:
        raise ArgumentTypeError(f"must end with the database: {_FORM}")
    return MetadataServer(user, parts.hostname, port or 3306, database)
