"""Documents and milestones in other units than those of the books: converted, or quarantined with the rule."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from dispatch.inventory.intake import Intake
from dispatch.procurement.documents import PlacedDocument
from dispatch.relay import Relay
from schemas.base import Role
from schemas.partners.master_data import MasterKind, MasterName
from schemas.procurement.purchase_orders import InboundStart
from store.messaging import inbox
from store.messaging.wake import Wake
from store.partners import master_data, partners
from tests.dispatch.conftest import Desk, event
from tests.gateway.api.test_procurement import ORDER
from tests.gateway.api.test_procurement import event as document_event
from tests.owner import Owner
from tests.stack.standins import until

CARTON = {"units": [{"unit": "CT", "base": 24}]}
SAID: dict[str, dict[str, Any]] = {"A": CARTON, "B": {"unit": "GRM"}}
LINE = {"line": 1, "quantity": 1, "unit": "CT"}


@dataclass
class Told:
    """Notes the documents that workflows are handed."""

    documents: list[Any] = field(default_factory=list)

    async def tell(self, start: InboundStart, placed: PlacedDocument, timeout_s: float, *, again: bool = False) -> bool:
        """Note."""
        it = placed.document
        self.documents.append(it.order or it.confirmation or it.advice or it.receipt or it.invoice)
        return True


@dataclass
class Counter:
    """A relay whose ERP says in what its items are kept."""

    desk: Desk
    owner: Owner
    relay: Relay
    told: Told

    async def take(self, partner: str, body: dict[str, Any], kind: str = inbox.DOCUMENT) -> dict[str, Any]:
        """Accept a message, and pass over it."""
        [message] = await self.desk.accept(partner, json.dumps(body).encode(), kind=kind, external_id="x")
        return await self.again(message)

    async def say(self, kind: str, event_id: str, **said: Any) -> dict[str, Any]:
        """An event of the warehouse."""
        body = event(kind, event_id, order="SO-1", shipment="S", **said)
        [message] = await self.desk.accept("wms-lys", body)
        return await self.again(message)

    async def again(self, message: int) -> dict[str, Any]:
        """A pass over what is left."""
        await self.desk.rows("UPDATE inbox_message SET not_before = now() WHERE state = 'received' RETURNING 1")
        await self.relay.once()
        await until(lambda: not self.relay._commands)
        return await self.desk.message(message)


@pytest.fixture
async def counter(desk: Desk) -> AsyncIterator[Counter]:
    """The relay, and what the ERP says of the items of the purchase order and of the order."""
    owner = Owner(said=dict(SAID))
    registry = owner.behind(desk.database)
    await registry.check([MasterName("erp-one", MasterKind.ITEM, it) for it in SAID])
    desk.handoff.purchases = told = Told()  # type: ignore[attr-defined]
    intake = Intake(desk.database, lambda _: "erp-one", registry)
    relay = Relay(desk.database, desk.handoff, Wake(desk.database.url, ()), intake)  # type: ignore[arg-type]
    async with desk.database.transaction() as connection:
        await partners.add(connection, "wms-dc1", Role.WMS, "wms-dc1")
    yield Counter(desk, owner, relay, told)


async def test_an_order_and_all_its_documents_are_in_packs_whatever_they_were_sent_in(counter: Counter) -> None:
    first = {**ORDER["lines"][0], "packs": 10, "unit": "CT", "unit_price": "240"}
    order = {**ORDER, "lines": [first]}
    assert (await counter.take("erp-one", order, inbox.PURCHASE))["state"] == "routed"
    said = {
        "confirmation": ("acme", {"line": 1, "packs": 10, "unit": "CT", "day": first["due_on"]}),
        "despatch": ("acme", {"line": 1, "packs": 0.5, "unit": "CT"}),
        "receipt": ("wms-dc1", {"line": 1, "packs": 2, "damaged": 1, "unit": "CT"}),
        "invoice": ("acme", {"line": 1, "packs": 3, "unit": "CT", "unit_price": "100"}),
    }
    for kind, (partner, line) in said.items():
        assert (await counter.take(partner, document_event(kind, partner, lines=[line])))["state"] == "routed", kind
    ordered, confirmed, advised, received, invoiced = [it.lines[0] for it in counter.told.documents]
    assert (ordered.packs, ordered.rate) == (240, (10, 1))
    assert [it.packs for it in (confirmed, advised, received, invoiced)] == [240, 12, 48, 72]
    assert (received.damaged, invoiced.rate, counter.told.documents[-1].amount) == (24, (100, 24), 300)


@pytest.mark.parametrize(
    ("kind", "partner", "line", "finding"),
    [
        (
            "confirmation",
            "acme",
            {"packs": 1, "unit": "PF", "day": "2026-03-20"},
            "data.lines[0].unit: the item is",
        ),
        ("despatch", "acme", {"packs": 0.5, "unit": "PK"}, "data.lines[0].packs: is not a whole number of PK"),
        ("receipt", "wms-dc1", {"packs": 1, "damaged": 0.01, "unit": "CT"}, "data.lines[0].damaged: is not a whole"),
        (
            "invoice",
            "acme",
            {"packs": 1, "unit": "LTR", "unit_price": "1"},
            "data.lines[0].unit: the item is",
        ),
    ],
)
async def test_a_document_without_a_whole_number_waits_in_quarantine_with_field_and_rule(
    counter: Counter, kind: str, partner: str, line: dict[str, Any], finding: str
) -> None:
    await counter.take("erp-one", ORDER, inbox.PURCHASE)
    found = await counter.take(partner, document_event(kind, partner, lines=[{"line": 1, **line}]))
    assert (found["state"], found["origin"]) == ("quarantined", "transformation")
    assert found["reason"].startswith(finding)
    assert len(counter.told.documents) == 1


async def test_a_milestone_is_in_packs_and_grams_or_is_kept_and_goes_on_with_another_word_of_the_erp(
    counter: Counter,
) -> None:
    key = await counter.desk.order("SO-1")
    await counter.desk.rows(
        "UPDATE order_view SET release = jsonb_set(release, '{lines,1,unit}', '\"GRM\"') RETURNING 1"
    )
    both = [LINE, {"line": 2, "quantity": 0.05, "unit": "KGM"}]
    assert (await counter.say("shipped", "e1", lines=both))["state"] == "routed"
    [(_, [heard])] = counter.desk.handoff.signals
    assert [(it.line, it.quantity) for it in heard.lines] == [(1, 24), (2, 50)]
    [row] = await counter.desk.rows("SELECT body -> 'lines' AS lines FROM event")
    assert [it["quantity"] for it in row["lines"]] == [24, 50]
    await counter.desk.rows("UPDATE master_record SET fetched_at = fetched_at - interval '1 hour' RETURNING 1")
    half = await counter.say("packed", "e2", lines=[{"line": 1, "quantity": 0.5}])
    assert (half["state"], half["reason"][:23]) == ("quarantined", "data.lines[0].quantity:")
    quarantined = await counter.say("packed", "e3", lines=[{**LINE, "unit": "PF"}])
    assert (quarantined["state"], quarantined["reason"][:19]) == ("quarantined", "data.lines[0].unit:")
    await counter.desk.sweep()
    assert (await counter.desk.message(quarantined["id"]))["state"] == "quarantined", "nothing has changed since"
    counter.owner.said["A"] = {"units": [{"unit": "PF", "base": 40}]}
    name = MasterName("erp-one", MasterKind.ITEM, "A")
    async with counter.desk.database.transaction() as connection:
        assert await master_data.forget(connection, [name]) >= 1
    await counter.owner.behind(counter.desk.database).check([name])
    assert (await counter.again(quarantined["id"]))["state"] == "routed"
    assert [it.quantity for it in counter.desk.handoff.signals[-1][1][-1].lines] == [40]
    assert key == "erp-one/SO-1"
