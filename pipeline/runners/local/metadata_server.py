"""A MySQL or MariaDB server that keeps the metadata of runs instead of a file: its URL, the way in.

The password is left to the database's client library, which reads MYSQL_PWD: TFX writes the
connection that it is given into its log.
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
# ML Metadata writes the name into SQL as it is.
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_REACH_SECONDS = 10
# What it means when another makes the tables of an empty database at the same time.
_TABLES_IN_THE_MAKING = "concurrent connection"
_TABLES_SECONDS, _PAUSE_SECONDS = 60, 0.5
_LOGIN_FAILED = "mysql_real_connect failed"
_LOGIN_HINT = (
    "the login failed, and the client does not say why: look at the user, the password "
    "(MYSQL_PWD), and how the user is authenticated (by mysql_native_password; "
    "caching_sha2_password needs the client's plugin, in the folder that MARIADB_PLUGIN_DIR names)"
)


@dataclass(frozen=True)
class MetadataServer:
    """Where a store of ML Metadata is; `str` gives its URL.

    Attributes:
        user: Who logs in.
        host: Name or address.
        port: Number of the TCP port.
        database: Name of the database, which exists.
    """

    user: str
    host: str
    port: int
    database: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mysql://{self.user}@{host}:{self.port}/{self.database}"

    def connection(self) -> "ConnectionConfig":
        """The connection as ML Metadata and TFX take it."""
        from ml_metadata.proto import metadata_store_pb2

        config = metadata_store_pb2.ConnectionConfig()
        # Of "localhost" the client makes the path of a socket, and not the server's.
        config.mysql.host = "127.0.0.1" if self.host == "localhost" else self.host
        config.mysql.port = self.port
        config.mysql.database = self.database
        config.mysql.user = self.user
        config.mysql.skip_db_creation = True
        # Encrypts where the server can. To verify certificates is no use: the client of ml-metadata
        # 1.16 then refuses them all.
        config.mysql.ssl_options.SetInParent()
        return config

    def open(self) -> "MetadataStore":
        """Opens the store and makes its tables if there are none.

        Raises:
            RunError: The server cannot be reached, or does not let us in.
        """
        from ml_metadata.metadata_store import MetadataStore

        # The client waits long and says nothing.
        try:
            socket.create_connection((self.host, self.port), _REACH_SECONDS).close()
        except OSError as error:
            raise RunError(
                f"--metadata: nothing answers at {self.host}, port {self.port}: {error}"
            ) from error
        end = time.monotonic() + _TABLES_SECONDS
        while True:
            try:
                return MetadataStore(self.connection())
            except RuntimeError as error:
                failure = str(error)
            if _TABLES_IN_THE_MAKING not in failure or time.monotonic() > end:
                reason = _LOGIN_HINT if _LOGIN_FAILED in failure else failure
                raise RunError(f"--metadata: {self} cannot be opened: {reason}")
            time.sleep(_PAUSE_SECONDS)


def metadata_server(url: str) -> MetadataServer:
    """Reads a URL, for argparse.

    Raises:
        ArgumentTypeError: It is none. The message does not repeat it: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ArgumentTypeError(f"is no URL of the form {_FORM}") from None
    if parts.scheme in ("postgres", "postgresql"):
        # It returns artifacts in any order, where TFX's cache takes them for the outputs in theirs.
        raise ArgumentTypeError(
            "cannot be PostgreSQL: ml-metadata mixes up the artifacts of unchanged steps there; "
            f"{_FORM} is MySQL or MariaDB"
        )
    if parts.scheme != "mysql":
        raise ArgumentTypeError(f"must be of the form {_FORM}")
    if parts.password is not None:
        raise ArgumentTypeError(
            "must hold no password, which others on this machine could read: set MYSQL_PWD"
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
