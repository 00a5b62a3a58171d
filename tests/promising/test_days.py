"""The days of sites and customers: from the release, master data and rules, for orders and for whoever only asks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from temporalio.client import Client

from dispatch.handoff import TemporalHandoff
from dispatch.orders import days
from dispatch.orders.opening import opened
from dispatch.orders.promising import first_promise, would_promise
from gateway.availability import availability, read
from schemas.cases.exceptions import OrderPolicy
from schemas.cases.policies import PolicyRule, Scope
from schemas.days import Days
from schemas.inventory.promising import PromiseQuestion, QuestionLine
from schemas.orders.release import OrderRelease, Party
from schemas.partners.master_data import MasterKind, MasterName
from store.cases import policies
from store.engine import Database
from store.orders import steps
from store.partners import master_data
from store.views import report
from tests.dispatch.standins import standing_in
from tests.promising.stocked import (
    ITEM,
    NOW,
    SITE,
    accept,
    begin,
    expect,
    incoming,
    line,
    may,
    put_stock,
    release,
    step,
)

WEEKDAYS = [1, 2, 3, 4, 5]


async def rule(database: Database, id: str, scope: Scope, **body: Any) -> None:
    """Put a rule about days."""
    async with database.transaction() as connection:
        await policies.put(connection, PolicyRule(id=id, about="days", scope=scope, body=body))


async def known(database: Database, kind: MasterKind, id: str, fresh_s: float = 900.0, **body: Any) -> None:
    """The ERP has said so of a record."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO master_record (owner, kind, id, known, body, fetched_at, expires_at) "
            "VALUES ('erp', %s, %s, true, %s, now(), now() + make_interval(secs => %s))",
            (kind, id, Jsonb({"id": id, **body}), fresh_s),
        )


async def of(database: Database, wish: OrderRelease, moment: datetime = NOW) -> tuple[Days, Days]:
    """The days of an order: of its site, and of its customer."""
    async with database.connection() as connection:
        here, _, there = await days.of_order(connection, "erp", wish, moment)
    return here, there


async def test_the_release_goes_before_master_data_and_that_before_rules(database: Database) -> None:
    plain = release("1", 1)
    assert await of(database, plain) == (Days(), Days())
    await rule(database, "all", Scope(), time_zone="Asia/Tokyo", working_days=WEEKDAYS)
    await rule(database, "one", Scope(customer="C"), time_zone="Asia/Kolkata")
    here, there = await of(database, plain)
    assert (here.zone.name, there.zone.name, there.working) == ("Asia/Tokyo", "Asia/Kolkata", (1, 2, 3, 4, 5))
    await known(database, MasterKind.CUSTOMER, "C", time_zone="America/New_York", calendar="CAL")
    await known(database, MasterKind.CALENDAR, "CAL", working_days=[1, 2], days_off=["2026-05-05", "1999-01-01"])
    _, there = await of(database, plain)
    assert (there.zone.name, there.working) == ("America/New_York", (1, 2))
    assert there.off == (may(5),), "days off of other years do not travel"
    told = plain.model_copy(update={"ship_to": Party(id="C", country="DE", time_zone="Europe/Berlin")})
    _, there = await of(database, told)
    assert (there.zone.name, there.working) == ("Europe/Berlin", (1, 2))


async def test_a_customer_of_whom_nothing_is_known_has_the_clock_of_the_release(database: Database) -> None:
    wish = release("1", 1).model_copy(update={"released_at": datetime.fromisoformat("2026-05-04T20:00:00-05:00")})
    here, there = await of(database, wish)
    assert (here, there.zone.name, there.zone.offset_s) == (Days(), "UTC-05:00", -18_000)


@pytest.mark.parametrize(
    ("released", "zone"), [("2026-05-04T12:00:00Z", "Asia/Tokyo"), ("2026-05-04T12:00:00+02:00", "UTC+02:00")]
)
async def test_a_release_in_utc_says_nothing_of_the_customers_clock(
    database: Database, released: str, zone: str
) -> None:
    wish = release("1", 1).model_copy(update={"released_at": datetime.fromisoformat(released)})
    await rule(database, "site", Scope(site=SITE), time_zone="Asia/Tokyo", working_days=WEEKDAYS)
    _, there = await of(database, wish)
    assert (there.zone.name, there.working) == (zone, Days().working), "the clock of the site, not its working days"
    await rule(database, "customer", Scope(customer="C"), time_zone="UTC")
    _, there = await of(database, wish)
    assert there.zone.name == "UTC", "whoever says UTC has it"


async def test_a_carrier_has_the_calendar_of_master_data_or_of_a_rule(database: Database) -> None:
    wish = release("1", 1).model_copy(update={"carrier": "dhl"})
    await known(database, MasterKind.CARRIER, "dhl", calendar="ROAD")
    await known(database, MasterKind.CALENDAR, "ROAD", working_days=[1, 2, 3, 4, 5, 6])
    await rule(database, "other", Scope(partner="ups"), working_days=WEEKDAYS)
    async with database.connection() as connection:
        way = await days.of_order(connection, "erp", wish, NOW)
        others = await days.of_carriers(connection, "erp", ("dhl", "ups", "gls"), "EMEA", NOW)
    assert way.carriage.working == (1, 2, 3, 4, 5, 6)
    assert {name: it.working for name, it in others.items()} == {"dhl": (1, 2, 3, 4, 5, 6), "ups": (1, 2, 3, 4, 5)}


async def test_an_order_begins_with_the_days_of_the_carriers_that_may_be_asked(database: Database) -> None:
    await rule(database, "dhl", Scope(partner="dhl"), working_days=[1, 2, 3, 4, 5, 6])
    await rule(database, "ups", Scope(partner="ups"), working_days=WEEKDAYS)
    async with database.transaction() as connection:
        ranked = PolicyRule(id="ranks", about="order", body={"carriers": ["ups", "gls"]})
        await policies.put(connection, ranked)
    await put_stock(database, "s", 50)
    wish = release("1", 1).model_copy(update={"carrier": "dhl"})
    begun = await opened(database, (await accept(database, wish)).key)
    assert {name: it.working[-1] for name, it in begun.carriers.items()} == {"dhl": 6, "ups": 5}
    question = PromiseQuestion(
        site=SITE,
        requested_on=may(4),
        lines=(QuestionLine(line=1, item=ITEM, quantity=1),),
        carrier="dhl",
        region="EMEA",
    )
    asked = await would_promise(database, question, OrderPolicy(), datetime.now(UTC), "erp")
    assert asked.promise.promised_on == begun.promise.promised_on, "whoever asks is told the same"
    assert begun.way.carriage.working == (1, 2, 3, 4, 5, 6)


async def test_calendars_that_are_named_are_asked_for_once(database: Database) -> None:
    named = [MasterName("erp", MasterKind.SITE, SITE)]
    await known(database, MasterKind.SITE, SITE, calendar="CAL")
    async with database.connection() as connection:
        assert await master_data.unasked_calendars(connection, named) == {MasterName("erp", MasterKind.CALENDAR, "CAL")}
    await known(database, MasterKind.CALENDAR, "CAL")
    async with database.connection() as connection:
        assert await master_data.unasked_calendars(connection, named) == set()


async def test_a_release_and_whoever_asks_are_promised_by_the_same_days(database: Database) -> None:
    await put_stock(database, "s", 5)
    await put_stock(database, "h", 5, site="HAM")
    await expect(database, incoming("1", 100, 8))
    await rule(database, "site", Scope(site=SITE), time_zone="Pacific/Auckland", working_days=WEEKDAYS)
    await rule(database, "other", Scope(site="HAM"), working_days=[7])
    await rule(database, "customer", Scope(customer="C"), working_days=WEEKDAYS, days_off=["2026-05-11"])
    policy = OrderPolicy(alternates=("HAM",))
    asked = []
    for n, packs in enumerate((5, 10, 12)):
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM peg")
        line = QuestionLine(line=1, item=ITEM, quantity=packs)
        question = PromiseQuestion(site=SITE, requested_on=may(4), lines=(line,), customer="C", region="EMEA")
        asked.append((await would_promise(database, question, policy, NOW, "erp")).promise)
        wish = release(f"{n}", packs)
        start = await accept(database, wish)
        here, there = await of(database, wish)
        start = start.model_copy(update={"here": here, "there": there})
        given = await first_promise(database, start, wish, policy, NOW)
        assert given.promise.model_copy(update={"reason": ""}) == asked[-1].model_copy(update={"reason": ""})
    days_told = [it.promised_on for it in asked]
    assert days_told[0] == may(12), (
        "the 5th at the site; it leaves on the 6th, arrives on a Saturday, and Monday is off"
    )
    assert days_told[1] == may(14), "what comes on a Friday leaves on Monday"
    assert asked[1].reason == "promised 14 May: 5 from LYS now, 5 from PO 1 due 8 May"
    assert days_told[2] == may(14)


async def test_an_order_keeps_its_zone_and_what_is_late_is_late_there(
    database: Database, temporal_client: Client
) -> None:
    wish = release("NY", 10).model_copy(update={"released_at": datetime.fromisoformat("2026-05-04T20:00:00-05:00")})
    async with standing_in(temporal_client):
        begun = await accept(database, wish)
        handoff = TemporalHandoff(temporal_client, database)
        assert await handoff.release(begun.key, 20.0)
        async with database.connection() as connection:
            cursor = await connection.execute("SELECT time_zone FROM order_view")
            assert await cursor.fetchall() == [{"time_zone": "UTC-05:00"}]
    await begin(database, begun)
    promised: date = begun.promise.promised_on
    at = datetime(promised.year, promised.month, promised.day, 20, tzinfo=UTC) + timedelta(hours=5)
    there: dict[str, Any] = dict.fromkeys(("allocated", "picked", "packed", "shipped", "delivered"), 10)
    delivered = line(1, 10, **there, delivered_at=at, delivered_on=promised, promised_on=promised)
    await steps.write(database, step(begun, 1, {}, delivered))
    async with database.connection() as connection:
        assert await report.punctuality(connection) == {"on_time": 1, "late": 0, "otif": 1}


async def test_today_is_that_of_the_site(database: Database) -> None:
    await put_stock(database, "s", 5)
    await put_stock(database, "h", 5, site="HAM")
    await rule(database, "far", Scope(site="HAM"), time_zone="Pacific/Kiritimati")
    await rule(database, "back", Scope(site=SITE), time_zone="Pacific/Honolulu")
    async with database.connection() as connection:
        found = {it.site: it.days[0].day for it in await read(connection, ITEM, None, 3)}
    assert found["HAM"] - found[SITE] == timedelta(days=1), "24 hours lie between them"
    shown = await availability(database, ITEM, None, 3)
    assert shown.together
    assert [it.on_hand for it in shown.together.days] == [10, 10], "the days that both sites show"
