"""What names unknown master data is quarantined with its bytes, and goes on when its owner knows it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg import AsyncConnection

from dispatch.inventory.intake import Intake
from dispatch.procurement.documents import PlacedDocument
from dispatch.relay import Relay
from schemas.base import Contract
from schemas.cases.exceptions import Action
from schemas.orders.release import Party
from schemas.partners.master_data import MasterKind, MasterName
from schemas.procurement.purchase_orders import InboundStart
from schemas.workflows.commands import (
    ActionRequest,
    AmendRequest,
    HoldRequest,
    LineAmendment,
    ReplanDecision,
    Substitute,
    Verdict,
)
from store.inventory import ledger
from store.messaging import inbox, quarantine
from store.messaging.wake import Wake
from store.orders import orders
from store.partners import master_data
from tests.dispatch.conftest import Desk, event
from tests.gateway.api.test_procurement import ORDER
from tests.owner import Owner
from tests.stack.standins import until

ITEM = MasterName("erp-one", MasterKind.ITEM, "A")


@dataclass
class Counter:
    """A relay whose ERPs offer master data, and the owner of it. It owns the stock of every site."""

    desk: Desk
    owner: Owner
    relay: Relay
    intake: Intake

    async def release(self, number: str = "SO-1") -> int:
        """Release an order with items A and B for customer C; returns the id of its message."""
        await self.desk.order(number, promised=False)
        [row] = await self.desk.rows(f"SELECT inbox_id FROM order_view WHERE number = '{number}'")
        return int(row["inbox_id"])

    async def once(self) -> None:
        """A pass over everything that is left, also what was tried a moment ago."""
        await self.desk.rows("UPDATE inbox_message SET not_before = now() WHERE state = 'received' RETURNING 1")
        await self.relay.once()
        await until(lambda: not self.relay._commands)

    async def state(self, message: int) -> tuple[str, str | None]:
        """A message's state and reason."""
        row = await self.desk.message(message)
        return row["state"], row["reason"]

    async def announce(self, *names: MasterName) -> int:
        """The owner has created these."""
        self.owner.unknown -= {name.id for name in names}
        async with self.desk.database.transaction() as connection:
            return await master_data.forget(connection, set(names))


@pytest.fixture
async def counter(desk: Desk) -> AsyncIterator[Counter]:
    """The relay, with its registry."""
    owner = Owner()
    intake = Intake(desk.database, lambda _: "erp-one", owner.behind(desk.database))
    relay = Relay(desk.database, desk.handoff, Wake(desk.database.url, ()), intake)  # type: ignore[arg-type]
    yield Counter(desk, owner, relay, intake)


async def test_an_order_is_started_when_its_owner_knows_all_that_it_names(counter: Counter) -> None:
    await counter.release()
    await counter.once()
    assert counter.desk.handoff.released == ["erp-one/SO-1"]
    asked = {"item/A", "item/B", "site/LYS", "customer/C", "carrier/dhl"}
    assert set(counter.owner.asked) == {f"erp-one/{it}" for it in asked}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (ITEM, "unknown_item: erp-one knows no item A"),
        (MasterName("erp-one", MasterKind.SITE, "LYS"), "unknown_site: erp-one knows no site LYS"),
        (MasterName("erp-one", MasterKind.CUSTOMER, "C"), "unknown_customer: erp-one knows no customer C"),
        (MasterName("erp-one", MasterKind.CARRIER, "dhl"), "unknown_carrier: erp-one knows no carrier dhl"),
    ],
)
async def test_an_order_with_an_unknown_item_is_kept_and_goes_on_when_the_item_is_announced(
    counter: Counter, name: MasterName, reason: str
) -> None:
    counter.owner.unknown = {name.id}
    message = await counter.release()
    await counter.once()
    assert await counter.state(message) == ("quarantined", reason)
    assert counter.desk.handoff.released == []
    [early] = await counter.desk.say("wms-lys", event("picked", order="SO-1"))
    assert early["waiting_for"] == "number:SO-1", "nothing is applied to an order that is quarantined"
    assert await counter.announce(name) == 1
    await counter.once()
    assert counter.desk.handoff.released == ["erp-one/SO-1"]


NEW_LINE = LineAmendment(line=3, item="NEW", quantity=2)
ELSEWHERE = Party(id="NEW", country="DE")


@pytest.mark.parametrize(
    ("verb", "request_", "kind"),
    [
        ("amend", AmendRequest(id="c", reason="r", lines=(NEW_LINE,)), MasterKind.ITEM),
        ("amend", AmendRequest(id="c", reason="r", ship_to=ELSEWHERE), MasterKind.CUSTOMER),
        ("act", ActionRequest(id="c", reason="r", action=Action.RE_SOURCE, site="NEW"), MasterKind.SITE),
        ("act", ActionRequest(id="c", reason="r", action=Action.RE_TENDER, carrier="new"), MasterKind.CARRIER),
        (
            "replan",
            ReplanDecision(
                id="c",
                reason="r",
                proposal="erp-one/SO-1/1",
                verdict=Verdict.OVERRIDE,
                substitutes=(Substitute(line=1, item="NEW"),),
            ),
            MasterKind.ITEM,
        ),
    ],
)
async def test_a_command_that_brings_something_unknown_into_an_order_waits_for_its_owner(
    counter: Counter, verb: str, request_: Contract, kind: MasterKind
) -> None:
    key = await counter.desk.order("SO-1")
    name = MasterName("erp-one", kind, "new" if kind is MasterKind.CARRIER else "NEW")
    counter.owner.unknown = {name.id}
    [message] = await counter.desk.ask(key, verb, request_)
    await counter.once()
    assert await counter.state(message) == ("quarantined", f"unknown_{kind}: erp-one knows no {kind} {name.id}")
    assert counter.desk.handoff.commands == []
    assert await counter.announce(name) == 1
    await counter.once()
    assert [it.verb for it in counter.desk.handoff.commands] == [verb]


async def test_a_command_that_names_nothing_new_asks_nobody(counter: Counter) -> None:
    key = await counter.desk.order("SO-1")
    await counter.desk.ask(key, "hold", HoldRequest(id="c", reason="r"))
    await counter.desk.ask(key, "amend", AmendRequest(id="d", reason="r", lines=(LineAmendment(line=1, quantity=2),)))
    await counter.once()
    assert len(counter.desk.handoff.commands) == 2
    assert not [it for it in counter.owner.asked if it.endswith("/C")]


async def test_support_replays_what_is_parked(counter: Counter) -> None:
    counter.owner.unknown = {"A"}
    message = await counter.release()
    for _ in range(2):
        await counter.once()
        assert (await counter.state(message))[0] == "quarantined"
        async with counter.desk.database.transaction() as connection:
            assert await quarantine.replay(connection, [message]) == 1
    counter.owner.unknown.clear()
    await counter.desk.rows("UPDATE master_record SET expires_at = now() RETURNING 1")
    await counter.once()
    assert counter.desk.handoff.released == ["erp-one/SO-1"]


async def test_a_look_up_that_finds_the_record_brings_back_what_waits(counter: Counter) -> None:
    counter.owner.unknown = {"A"}
    first = await counter.release()
    await counter.once()
    counter.owner.unknown.clear()
    await counter.desk.rows("UPDATE master_record SET expires_at = now() WHERE NOT known RETURNING 1")
    async with counter.desk.database.connection() as connection:
        await master_data.want(connection, ITEM)
    await counter.intake.look_up_wanted()
    assert await counter.state(first) == ("received", None)
    await counter.once()
    assert counter.desk.handoff.released == ["erp-one/SO-1"]


async def test_an_announcement_at_the_moment_of_parking_is_not_missed(counter: Counter) -> None:
    counter.owner.unknown = {"A"}
    message = await counter.release()
    checked = await counter.intake.registry.check([ITEM])
    await counter.announce(ITEM)
    async with counter.desk.database.transaction() as connection:
        await master_data.quarantine_until_known(connection, message, checked.unknown[0])
    assert await counter.state(message) == ("received", None)


async def test_an_order_whose_owner_does_not_answer_waits_and_is_not_parked(counter: Counter) -> None:
    counter.owner.down = True
    message = await counter.release()
    await counter.once()
    assert (await counter.state(message), counter.desk.handoff.released) == (("received", None), [])
    counter.owner.down = False
    await counter.desk.rows("UPDATE master_record SET asked_until = now() RETURNING 1")
    await counter.once()
    assert counter.desk.handoff.released == ["erp-one/SO-1"]


async def test_an_order_that_runs_is_not_parked_any_more(counter: Counter) -> None:
    message = await counter.release()
    await counter.desk.promise("erp-one/SO-1")
    await counter.desk.rows("UPDATE inbox_message SET state = 'received' RETURNING 1")
    counter.owner.unknown = {"A"}
    await counter.once()
    assert (await counter.state(message))[0] == "received"
    assert counter.owner.asked == []


class Purchases:
    """Notes the purchase orders that it is told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell(self, start: InboundStart, placed: PlacedDocument, timeout_s: float) -> bool:
        """Note."""
        self.told.append(start.key)
        return True


async def test_a_purchase_order_with_an_unknown_item_is_kept_and_replayed(counter: Counter) -> None:
    counter.owner.unknown = {"A"}
    counter.desk.handoff.purchases = purchases = Purchases()  # type: ignore[attr-defined]
    [message] = await counter.desk.accept("erp-one", json.dumps(ORDER).encode(), kind=inbox.PURCHASE)
    await counter.once()
    assert await counter.state(message) == ("quarantined", "unknown_item: erp-one knows no item A")
    assert await counter.desk.rows("SELECT 1 FROM purchase_order") == []
    await counter.announce(ITEM)
    await counter.once()
    assert (purchases.told, (await counter.state(message))[0]) == (["erp-one/po:4500"], "routed")


def report(name: str, item: str) -> dict[str, Any]:
    """A receipt of five packs."""
    at = "2026-05-04T12:00:00Z"
    return {"id": name, "kind": "receipt", "site": "LYS", "item": item, "quantity": 5, "occurred_at": at}


async def test_of_inventory_only_what_is_unknown_waits_and_is_booked_once(counter: Counter) -> None:
    counter.owner.unknown = {"A"}
    raw = json.dumps({"reports": [report("1", "A"), report("2", "B")]}).encode()
    [message] = await counter.desk.accept("wms-lys", raw, kind=inbox.INVENTORY)
    await counter.once()
    assert await counter.state(message) == ("quarantined", "unknown_item: erp-one knows no item A")
    assert bytes((await counter.desk.message(message))["raw"]) == raw
    assert await _on_hand(counter) == {"B": 5}
    await counter.announce(ITEM)
    await counter.once()
    assert (await counter.state(message))[0] == "applied"
    assert await _on_hand(counter) == {"A": 5, "B": 5}
    owed = await counter.desk.rows("SELECT body->>'item' AS item FROM erp_feed ORDER BY 1")
    assert [row["item"] for row in owed] == ["A", "B"]


async def _on_hand(counter: Counter) -> dict[str, int]:
    async with counter.desk.database.connection() as connection:
        assert await ledger.audit(connection) == []
    rows = await counter.desk.rows("SELECT item, packs FROM stock_balance WHERE place = 'on_hand:LYS'")
    return {row["item"]: row["packs"] for row in rows}


async def test_of_a_forecast_only_what_is_unknown_waits(counter: Counter) -> None:
    counter.owner.unknown = {"A"}
    rows = [{"item": item, "site": "LYS", "period": "2026-06-01", "packs": 7} for item in "AB"]
    body = {"version": "v1", "made_at": "2026-05-01T12:00:00Z", "bucket": "week", "rows": rows}
    [message] = await counter.desk.accept("planner", json.dumps(body).encode(), kind=inbox.FORECAST)
    await counter.once()
    assert (await counter.state(message))[0] == "quarantined"
    assert await counter.desk.rows("SELECT item FROM forecast") == [{"item": "B"}]
    await counter.announce(ITEM)
    await counter.once()
    assert await counter.state(message) == ("applied", None)
    assert await counter.desk.rows("SELECT item FROM forecast ORDER BY 1") == [{"item": "A"}, {"item": "B"}]


async def test_of_demand_signals_only_what_is_unknown_waits(counter: Counter) -> None:
    counter.owner.unknown = {"A"}
    row = {"kind": "sell_out", "customer": "C", "site": "LYS", "day": "2026-06-01"}
    body = {"id": "b-1", "rows": [{**row, "item": "A", "packs": 7}, {**row, "item": "B", "packs": 7}, {"packs": -1}]}
    [message] = await counter.desk.accept("erp-one", json.dumps(body).encode(), kind=inbox.DEMAND)
    await counter.once()
    assert (await counter.state(message))[0] == "quarantined"
    assert await counter.desk.rows("SELECT item FROM demand_signal") == [{"item": "B"}]
    await counter.announce(ITEM)
    await counter.once()
    assert await counter.state(message) == ("applied", "1 rows were refused, 0 superseded")
    assert await counter.desk.rows("SELECT item FROM demand_signal ORDER BY 1") == [{"item": "A"}, {"item": "B"}]


async def test_what_was_said_otherwise_meanwhile_is_parked_for_good(counter: Counter) -> None:
    row = {"item": "A", "site": "LYS", "period": "2026-06-01", "packs": 7}
    body = {"version": "v1", "made_at": "2026-05-01T12:00:00Z", "bucket": "week", "rows": [row]}
    other = {**body, "rows": [{**row, "packs": 8}]}
    for said in (body, other):
        [message] = await counter.desk.accept("planner", json.dumps(said).encode(), kind=inbox.FORECAST)
        await counter.once()
    state, reason = await counter.state(message)
    assert (state, "was said otherwise" in (reason or "")) == ("quarantined", True)


async def test_the_sweep_revives_what_an_announcement_missed(counter: Counter) -> None:
    message = await counter.release()
    await counter.intake.registry.check([ITEM])
    async with counter.desk.database.transaction() as connection:
        await quarantine.put(connection, message, "r", "partner_message", ITEM.waiting_for)  # type: ignore[arg-type]
        await quarantine.revive(connection)
    assert await counter.state(message) == ("received", None)


async def test_what_is_brought_back_wakes_the_relay_at_once(counter: Counter) -> None:
    counter.owner.unknown = {"A"}
    await counter.release()
    await counter.once()
    async with await AsyncConnection.connect(counter.desk.database.url, autocommit=True) as listener:
        await listener.execute(f"LISTEN {inbox.CHANNEL}".encode())
        await counter.announce(ITEM)
        heard = [notice.channel async for notice in listener.notifies(timeout=10, stop_after=1)]
    assert heard == [inbox.CHANNEL]


async def test_units_are_told_by_the_owner_before_an_order_starts(counter: Counter) -> None:
    message = await counter.release()
    await counter.desk.rows(
        "UPDATE inbox_message SET raw = convert_to((SELECT jsonb_set(release, '{lines,0}', (release #> '{lines,0}') "
        '|| \'{"quantity": 2.5, "unit": "CT"}\') FROM order_view)::text, \'UTF8\') RETURNING 1'
    )
    await counter.desk.rows("UPDATE order_view SET converted = NULL RETURNING 1")
    await counter.once()
    state, reason = await counter.state(message)
    assert (state, reason) == ("quarantined", "lines[0].unit: the item is kept in PK, and no conversion of CT is known")
    assert counter.desk.handoff.released == []
    counter.owner.said["A"] = {"units": [{"unit": "CT", "base": 24}]}
    assert await counter.announce(ITEM) == 1
    await counter.once()
    assert counter.desk.handoff.released == ["erp-one/SO-1"]
    async with counter.desk.database.connection() as connection:
        kept = await orders.released(connection, "erp-one/SO-1")
        assert [(it.quantity, it.unit.value) for it in kept.lines] == [(60, "PK"), (60, "PK")]
        assert await orders.release_of(connection, "erp-one/SO-1") == kept
