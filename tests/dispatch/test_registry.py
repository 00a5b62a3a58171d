"""The registry as a process knows it: a change counts within seconds, whatever happens to who listens."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio

from connectors.connections import EnvironmentConnections, LocatedConnections
from connectors.ports import Call, ErpPort, Unavailable
from connectors.registry import ADAPTERS
from connectors.routing import CallRouter
from dispatch.partners.applying import AppliedPartner, Outcome, StaleVersion, apply, paused
from dispatch.partners.live import PartnerRegistry
from dispatch.partners.secrets import SecretReader
from domain.partners.registry_rules import Surroundings
from schemas.base import Origin, System
from schemas.messaging.instructions import ErpCancellation
from schemas.parsing import InvalidMessage, check
from schemas.partners.registry import PartnerChange
from schemas.settings import Endpoint, Settings
from store.engine import Database
from store.messaging import listening
from store.partners import registry
from tests.domain.partners.samples import API, NORTH
from tests.seals import SEALS
from tests.stack.standins import until

NEVER_S = 600.0
"""A look that no test waits for."""
ERP: dict[str, Any] = {
    "partner": "erp-one",
    "name": "ERP",
    "roles": ["erp"],
    "connections": [
        {
            **API,
            "channel": {"http": "http://first.test/{id}"},
            "credentials": {"scheme": "bearer", "secrets": {"token": "env:ERP_TOKEN"}},
        }
    ],
}


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The pool."""
    async with Database(database_url, 6, SEALS) as pool:
        yield pool


def at(url: str, **connection: Any) -> dict[str, Any]:
    """The ERP with another address."""
    return {**ERP, "connections": [{**ERP["connections"][0], "channel": {"http": url}, **connection}]}


async def put(database: Database, said: Mapping[str, Any], version: int | None = None) -> AppliedPartner:
    """Apply a partner."""
    change = check(PartnerChange, {**said, **({} if version is None else {"version": version})})
    async with database.transaction() as connection:
        [done] = await apply(connection, {"": change}, Surroundings(), "root")
    return done


@asynccontextmanager
async def process(
    database: Database, environment: dict[str, str] | None = None, look_every_s: float = NEVER_S, **config: Any
) -> AsyncIterator[PartnerRegistry]:
    """The registry of a process."""
    reader = SecretReader(Settings(**config), {"ERP_TOKEN": "a"} if environment is None else environment)
    live = PartnerRegistry(database, reader, look_every_s)
    async with live.running():
        yield live


def url(live: PartnerRegistry, target: str = "erp-one") -> str:
    """Where an ERP is called, or why it is not."""
    found = live.locate(System.ERP, target)
    return found.url if isinstance(found, Endpoint) else found.why if found else "nowhere"


async def test_a_change_reaches_running_processes(database: Database) -> None:
    await put(database, ERP)
    async with process(database) as one, process(database) as two:
        assert url(one) == url(two) == "http://first.test/{id}"
        await put(database, at("http://second.test"))
        await until(lambda: url(one) == url(two) == "http://second.test", 10)
        found = one.locate(System.ERP, "erp-one")
        assert isinstance(found, Endpoint)
        assert found.token.get_secret_value() == "a"
        assert one.locate(System.ERP, "erp-two") is None


async def test_a_change_while_nobody_listens_is_seen_at_the_next_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "RECONNECT_AFTER_S", NEVER_S)
    async with process(database, look_every_s=0.2) as live:
        await end_listeners(database)
        await put(database, ERP)
        await until(lambda: url(live) == "http://first.test/{id}", 10)


async def test_a_connection_that_listens_is_renewed_and_what_was_missed_is_made_good(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "RECONNECT_AFTER_S", 0.3)
    async with process(database) as live:
        await end_listeners(database)
        await put(database, ERP)
        await until(lambda: url(live) == "http://first.test/{id}", 10)
        await put(database, at("http://second.test"))
        await until(lambda: url(live) == "http://second.test", 10)


async def end_listeners(database: Database) -> None:
    """End the connections that listen, and wait until they are gone."""
    ended = (
        "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity "
        "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    )
    left = ended.replace("count(pg_terminate_backend(pid))", "count(*)")

    async def count(query: str) -> int:
        async with database.connection() as connection:
            [row] = await (await connection.execute(query.encode())).fetchall()
            return int(row["n"])

    assert await count(ended) > 0

    async def gone() -> bool:
        return await count(left) == 0

    await until(gone, 10)


async def test_what_is_known_stays_in_force_while_the_database_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(database, ERP)
    async with process(database, look_every_s=0.05) as live:
        looks = 0

        async def away(connection: Any) -> int:
            nonlocal looks
            looks += 1
            raise psycopg.OperationalError("gone") if looks % 2 else ValueError("nobody thought of this")

        monkeypatch.setattr(registry, "changes", away)
        await until(lambda: looks > 3, 10)
        assert url(live) == "http://first.test/{id}"
        monkeypatch.undo()
        await put(database, at("http://second.test"))
        await until(lambda: url(live) == "http://second.test", 10)


async def test_a_reader_never_sees_half_of_a_change(database: Database) -> None:
    """Address and secret of one connection change together."""
    await put(database, ERP)
    pairs = {("http://first.test/{id}", "a"), ("http://second.test", "b")}
    async with process(database, {"ERP_TOKEN": "a", "OTHER": "b"}) as live:
        seen: set[tuple[str, str]] = set()

        async def look() -> None:
            while True:
                found = live.locate(System.ERP, "erp-one")
                assert isinstance(found, Endpoint)
                seen.add((found.url, found.token.get_secret_value()))
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        other = {"scheme": "bearer", "secrets": {"token": "env:OTHER"}}
        for _ in range(3):
            await put(database, at("http://second.test", credentials=other))
            await until(lambda: url(live) == "http://second.test", 10)
            await put(database, ERP)
            await until(lambda: url(live) == "http://first.test/{id}", 10)
        looking.cancel()
        assert seen == pairs


async def test_a_paused_connection_closes_and_opens_again(database: Database) -> None:
    await put(database, ERP)
    async with process(database) as live:
        for pause, said in ((True, "connection erp-one/api is paused"), (False, "http://first.test/{id}")):
            async with database.transaction() as connection:
                done = await paused(connection, "erp-one", None, Surroundings(), "root", "works", pause=pause)
            assert done.outcome is Outcome.CHANGED
            await until(lambda said=said: url(live) == said, 10)


async def test_a_secret_that_cannot_be_read_closes_its_connection_only(database: Database) -> None:
    await put(database, ERP)
    await put(database, {**at("http://two.test", credentials=None), "partner": "erp-two"})
    async with process(database, {}) as live:
        assert (
            url(live) == "the secret of connection erp-one/api cannot be read: the variable ERP_TOKEN is not set here"
        )
        assert url(live, "erp-two") == "http://two.test"


async def test_a_file_is_read_again_and_what_was_read_stays_while_it_is_away(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "erp"
    file.write_text("one")
    secret = {"scheme": "bearer", "secrets": {"token": f"file:{file}"}}
    await put(database, at("http://first.test", credentials=secret))

    def token(live: PartnerRegistry) -> str:
        found = live.locate(System.ERP, "erp-one")
        assert isinstance(found, Endpoint)
        return found.token.get_secret_value()

    async with process(database, look_every_s=0.05, secret_directories=[str(tmp_path)]) as live:
        assert token(live) == "one"
        file.unlink()
        await live.refresh()
        assert token(live) == "one"
        file.write_text("two")
        await until(lambda: token(live) == "two", 10)


async def test_calls_go_where_the_registry_says_and_else_where_the_settings_do(database: Database) -> None:
    seen: list[tuple[str, str]] = []

    def erp(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers["authorization"]))
        return httpx.Response(200, json={"reference": "R-1"})

    settings = {"*": Endpoint(url="http://settings.test", token="s")}
    async with process(database) as live:
        known = LocatedConnections(live.locate, EnvironmentConnections({System.ERP: settings}))
        async with CallRouter(known, ADAPTERS, httpx.MockTransport(erp)) as router:
            port = router.port(ErpPort, System.ERP)

            async def ask() -> None:
                call = Call("erp-one", "key")
                await port.confirm_cancellation(ErpCancellation(order="SO-1", reason="r"), call)

            await ask()
            await put(database, ERP)
            await until(lambda: url(live) == "http://first.test/{id}", 10)
            await ask()
            async with database.transaction() as connection:
                await paused(connection, "erp-one", "api", Surroundings(), "root", "", pause=True)
            await until(lambda: "paused" in url(live), 10)
            with pytest.raises(Unavailable, match="erp erp-one: connection erp-one/api is paused") as closed:
                await ask()
            assert (closed.value.origin, closed.value.retry_after_s) == (Origin.PLATFORM, 5.0)
    assert seen == [("settings.test", "Bearer s"), ("first.test", "Bearer a")]


async def test_what_this_process_cannot_read_stays_what_it_was(database: Database) -> None:
    await put(database, ERP)
    async with process(database) as live:
        async with database.transaction() as connection:
            await registry.put(connection, {**ERP, "roles": ["robot"]}, ["erp"], "newer", "")
            await registry.put(connection, {**NORTH, "roles": ["robot"]}, ["wms"], "newer", "")
            two = {**at("http://two.test"), "partner": "erp-two"}
            await registry.put(connection, two, ["erp"], "newer", "")
        await until(lambda: url(live, "erp-two") == "http://two.test", 10)
        assert url(live) == "http://first.test/{id}"
        assert "north-3pl" not in live.directory.partners
    with pytest.raises(InvalidMessage, match="newer version of Syncline"):
        await put(database, ERP)


async def test_without_a_reader_nothing_is_located(database: Database) -> None:
    offering = at("http://first.test", options={"master_data": True})
    await put(database, offering)
    live = PartnerRegistry(database)
    await live.refresh()
    assert live.locate(System.ERP, "erp-one") is None
    assert live.offers_master_data("erp-one", Settings())
    assert not live.offers_master_data("erp-two", Settings())
    assert live.offers_master_data("erp-two", Settings(erp={"*": Endpoint(url="http://x", master_data=True)}))


async def test_changes_at_once_neither_clash_nor_get_lost(database: Database) -> None:
    """Eight partners that want the same site: one has it, in whatever order they come."""

    async def claim(number: int) -> bool:
        try:
            await put(
                database, {**at("http://x"), "partner": f"erp-{number}", "connections": [{**API, "targets": ["X1"]}]}
            )
        except InvalidMessage as refused:
            assert "is the live erp connection of X1 already" in str(refused)
            return False
        return True

    assert sum(await asyncio.gather(*(claim(number) for number in range(8)))) == 1


async def test_a_change_from_an_old_version_is_refused(database: Database) -> None:
    assert (await put(database, ERP, 0)).version == 1
    results = await asyncio.gather(
        *(put(database, at(f"http://{n}.test"), 1) for n in range(6)), return_exceptions=True
    )
    assert sum(isinstance(it, StaleVersion) for it in results) == 5
    [done] = [it for it in results if isinstance(it, AppliedPartner)]
    assert (done.version, done.outcome) == (2, Outcome.CHANGED)
    assert (await put(database, at("http://9.test"))).version == 3
    assert (await put(database, at("http://9.test"))).outcome is Outcome.UNCHANGED
