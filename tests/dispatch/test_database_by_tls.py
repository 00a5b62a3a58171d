"""The database is reached by TLS as its URL says: the server's certificate and name are checked, ours is shown."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

import psycopg
import pytest
import trustme

from schemas.settings import UnusableSettings, read_settings
from store.engine import Database

ASKS_FOR_TLS = bytes.fromhex("0000000804d2162f")
"""SSLRequest of PostgreSQL's protocol, chapter 54.7."""
YES = b"S"
URL = "SYNCLINE_DATABASE__MAIN__URL"


class Certificates:
    """Of a database and of us, by one authority; and an authority that signed neither."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(self.server)
        authority.configure_trust(self.server)
        self.server.verify_mode = ssl.CERT_REQUIRED
        ours = authority.issue_cert("syncline@example.com")
        self.files = {name: str(directory / f"{name}.pem") for name in ("sslrootcert", "sslcert", "sslkey")}
        authority.cert_pem.write_to_path(self.files["sslrootcert"])
        ours.cert_chain_pems[0].write_to_path(self.files["sslcert"])
        ours.private_key_pem.write_to_path(self.files["sslkey"])
        Path(self.files["sslkey"]).chmod(0o600)
        self.stranger = str(directory / "stranger.pem")
        trustme.CA().cert_pem.write_to_path(self.stranger)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """New ones."""
    return Certificates(tmp_path)


@asynccontextmanager
async def by_tls(database_url: str, context: ssl.SSLContext) -> AsyncIterator[tuple[str, list[str]]]:
    """A port of PostgreSQL that speaks TLS only: its URL without parameters, and the versions that were spoken."""
    behind, spoken = urlsplit(database_url), list[str]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(len(ASKS_FOR_TLS)) == ASKS_FOR_TLS:
                writer.write(YES)
                await writer.start_tls(context)
                spoken.append(writer.get_extra_info("cipher")[1])
                inner, outer = await asyncio.open_connection(behind.hostname, behind.port)
                await asyncio.gather(_copied(reader, outer), _copied(inner, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield urlunsplit(behind._replace(netloc=f"{behind.username}@localhost:{port}", query="")), spoken


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while said := await reader.read(2**16):
            writer.write(said)
            await writer.drain()
    writer.close()


async def test_a_pool_speaks_tls_with_certificates_on_both_sides(
    database_url: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with by_tls(database_url, certificates.server) as (url, spoken):
        monkeypatch.setenv(URL, f"{url}?{urlencode({'sslmode': 'verify-full', **certificates.files})}")
        async with Database(read_settings().main_database.url, 2) as database, database.connection() as connection:
            cursor = await connection.execute("SELECT current_database() AS name")
            assert await cursor.fetchone() == {"name": urlsplit(url).path.strip("/")}
            assert connection.pgconn.ssl_in_use
    assert set(spoken) == {"TLSv1.3"}


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"sslrootcert": "stranger"}, "certificate verify failed"),
        ({"host": "127.0.0.1"}, 'server certificate for "localhost"'),
        ({"sslcert": "", "sslkey": ""}, "(?i)certificate required|eof while reading"),
        ({"sslmode": "disable"}, "closed the connection unexpectedly"),
    ],
    ids=["another authority", "another name", "no certificate of ours", "no TLS"],
)
async def test_who_is_not_the_database_is_not_believed(
    database_url: str, certificates: Certificates, change: dict[str, str], because: str
) -> None:
    if "sslrootcert" in change:
        change = {"sslrootcert": certificates.stranger}
    async with by_tls(database_url, certificates.server) as (url, _):
        said = {"sslmode": "verify-full", **certificates.files, **change}
        asked = f"{url}?{urlencode({name: value for name, value in said.items() if value})}"
        with pytest.raises(psycopg.OperationalError, match=because):
            await psycopg.AsyncConnection.connect(asked)


def test_a_file_that_is_not_there_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, "postgresql://s@db:5432/s?sslmode=verify-full&sslrootcert=/nowhere.pem")
    with pytest.raises(UnusableSettings, match=rf"{URL}: .*sslrootcert must name a file"):
        read_settings()
