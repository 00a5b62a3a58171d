"""Everybody's books of a stack, compared with ours: stock figure by figure, orders, effects."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from schemas.base import System
from schemas.inventory.stock import Bucket
from simulators.driver import Driver, Targets
from simulators.world.network import ERP
from stack.layout import LocalStack
from store.engine import Database
from store.inventory import ledger

Books = dict[tuple[str, str], int]
AT_SITES = (Bucket.ON_HAND, Bucket.ALLOCATED, Bucket.RETURNS, Bucket.BLOCKED)


async def our_books(stack: LocalStack, *buckets: Bucket) -> Books:
    """(item, place) → packs of our ledger, of the places of these kinds that are not empty."""
    async with Database(stack.settings.main_database.url, 2) as database, database.connection() as connection:
        rows = await ledger.balances(connection)
    return {(row["item"], row["place"]): int(row["packs"]) for row in rows if row["place"].split(":")[0] in buckets}


def sites(books: Iterable[tuple[str, str]]) -> set[str]:
    """Those where something is."""
    return {place.split(":")[1] for _, place in books}


def to_and_from_sites(books: Books) -> dict[str, int]:
    """Packs under way of each item. Planning keeps them by site, the others by shipment."""
    packs = Counter[str]()
    for (item, place), n in books.items():
        if place.split(":")[0] in (Bucket.TRANSIT, "in_transit"):
            packs[item] += n
    return {item: n for item, n in packs.items() if n}


def at_sites(books: Books) -> Books:
    """Without what is under way."""
    return {(item, place): n for (item, place), n in books.items() if place.split(":")[0] in AT_SITES}


def differing(theirs: Books, ours: Books) -> dict[tuple[str, str], tuple[int, int]]:
    """Figures that are not the same: theirs and ours."""
    pairs = {key: (theirs.get(key, 0), ours.get(key, 0)) for key in {*theirs, *ours}}
    return {key: pair for key, pair in sorted(pairs.items()) if pair[0] != pair[1]}


async def compare(stack: LocalStack) -> tuple[Books, int]:
    """Compare the books of every system with ours, figure by figure. Ours, and how many figures were compared."""
    ours = await our_books(stack, *AT_SITES)
    under_way = await our_books(stack, Bucket.TRANSIT)
    token, compared = stack.env["SYNCLINE_SIM_TOKEN"], 0
    async with Driver(Targets(stack.urls.gateway, "", stack.urls.sims, token)) as driver:
        for site in sorted(sites(ours)):
            here = {key: packs for key, packs in ours.items() if key[1].endswith(f":{site}")}
            theirs = await driver.stock(System.WMS, site)
            assert theirs == here, differing(theirs, here)
            compared += len(here)
        erp, planning = await driver.stock(System.ERP, ERP), await driver.stock(System.PLANNING)
    for theirs in (erp, planning):
        assert at_sites(theirs) == ours, differing(at_sites(theirs), ours)
    assert to_and_from_sites(erp) == to_and_from_sites(planning) == to_and_from_sites(under_way)
    return ours, compared + 2 * len(ours)


async def compare_lists(stack: LocalStack) -> None:
    """Compare what the ERP says of orders, and everybody of what they carried out, with ours."""
    async with Database(stack.settings.main_database.url, 2) as database, database.connection() as connection:
        cursor = await connection.execute("SELECT number, status FROM order_view WHERE erp = %s", (ERP,))
        orders = {row["number"]: row["status"] for row in await cursor.fetchall()}
        cursor = await connection.execute(
            "SELECT e.key, e.system, coalesce(nullif(e.site, ''), o.site) AS site, outcome FROM effect e "
            "LEFT JOIN order_view o ON o.key = e.order_key WHERE outcome IN ('done', 'superseded')"
        )
        effects = await cursor.fetchall()
    token = stack.env["SYNCLINE_SIM_TOKEN"]
    async with Driver(Targets(stack.urls.gateway, "", stack.urls.sims, token)) as driver:
        listed = await pages(driver, System.ERP, f"/{ERP}/v1/order-status", "orders", lambda it: str(it["order"]))
        assert {it["order"]: it["status"] for it in listed} == orders
        at = {System.ERP: [ERP], System.WMS: sorted({it["site"] for it in effects if it["system"] == System.WMS})}
        for system in (System.ERP, System.WMS, System.PLANNING):
            for instance in at.get(system, [""]):
                mine = {
                    it["key"]: it["outcome"] == "done"
                    for it in effects
                    if it["system"] == system and (system is not System.WMS or it["site"] == instance)
                }
                path = f"/{instance}/v1/effects" if instance else "/v1/effects"
                keys = await pages(driver, system, path, "keys", str)
                done = {key for key, is_done in mine.items() if is_done}
                assert done <= set(keys) <= set(mine), (system, instance)
                assert len(keys) == len(set(keys))


async def pages(driver: Driver, system: System, path: str, name: str, after: Callable[[Any], str]) -> list[Any]:
    """A list, seven at a time."""
    found: list[Any] = []
    while True:
        behind = after(found[-1]) if found else ""
        page = (await driver.read(system, f"{path}?{urlencode({'after': behind, 'limit': 7})}"))[name]
        if not page:
            return found
        found += page
