"""Procurement documents find their purchase order, each from its owner only; proposals are taken in once."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from dispatch.procurement.documents import PlacedDocument
from dispatch.procurement.purchases import ENDED, WorkflowEnded
from domain.procurement import documents, inbound_effects
from domain.procurement.purchase_order import PurchaseFile
from domain.procurement.purchase_run import InboundRun
from schemas.base import Role
from schemas.cases.policies import PolicyRule
from schemas.procurement.purchase_orders import InboundStart
from schemas.procurement.replenishment import ReplenishmentStart
from store.cases import policies
from store.engine import Connection
from store.messaging import effects, inbox, quarantine
from store.partners import partners
from tests.dispatch.conftest import Desk
from tests.domain.purchases import NOON, order, received, start
from tests.gateway.api.test_procurement import OF, ORDER, PROPOSAL, event
from tests.stack.standins import until

STRANGERS = {
    "other": Role.SUPPLIER,
    "wms-dc1": Role.WMS,
    "wms-ham": Role.WMS,
    "planner": Role.PLANNING,
    "p2": Role.PLANNING,
}


@dataclass
class Purchases:
    """Notes what it is handed. `away`: Temporal does not answer. `ended`: the workflow has ended."""

    told: list[tuple[str, str]] = field(default_factory=list)
    proposed: list[str] = field(default_factory=list)
    again: list[InboundStart] = field(default_factory=list)
    away: bool = False
    ended: bool = False

    async def tell(self, start: InboundStart, placed: PlacedDocument, timeout_s: float, *, again: bool = False) -> bool:
        """Note."""
        if again:
            self.again.append(start)
        return self._taken(lambda: self.told.append((start.key, placed.document.id)))

    async def propose(self, start: ReplenishmentStart, timeout_s: float) -> bool:
        """Note."""
        return self._taken(lambda: self.proposed.append(start.proposal.id))

    def _taken(self, note: Callable[[], None]) -> bool:
        if self.ended:
            raise WorkflowEnded
        if not self.away:
            note()
        return not self.away


@dataclass
class Buyers:
    """The relay and its purchases."""

    desk: Desk
    purchases: Purchases

    async def take(
        self, partner: str, body: dict[str, Any], kind: str = inbox.DOCUMENT, name: str = ""
    ) -> dict[str, Any]:
        """Accept a message, pass the relay over everything; what became of the message."""
        [message] = await self.desk.accept(partner, json.dumps(body).encode(), kind=kind, external_id=name)
        return await self.again(message)

    async def order(self, partner: str = "erp-one", **changes: Any) -> dict[str, Any]:
        """An ERP releases the purchase order."""
        return await self.take(partner, {**ORDER, **changes}, inbox.PURCHASE, ORDER["number"])

    async def propose(self, partner: str = "planner", **changes: Any) -> dict[str, Any]:
        """Planning proposes."""
        return await self.take(partner, {**PROPOSAL, **changes}, inbox.PROPOSAL, PROPOSAL["id"])

    async def again(self, message: int) -> dict[str, Any]:
        """A pass over what is left; what became of a message."""
        await self.desk.rows("UPDATE inbox_message SET not_before = now() WHERE state = 'received' RETURNING 1")
        await self.desk.relay.once()
        await until(lambda: not self.desk.relay._commands)
        return await self.desk.message(message)


@pytest.fixture
async def buyers(desk: Desk) -> Buyers:
    """Everybody is known."""
    async with desk.database.transaction() as connection:
        for partner, role in STRANGERS.items():
            await partners.add(connection, partner, role, partner)
    desk.handoff.purchases = purchases = Purchases()  # type: ignore[attr-defined]
    return Buyers(desk, purchases)


@pytest.mark.parametrize(
    ("kind", "owners", "strangers"),
    [
        ("confirmation", ("acme",), ("other", "wms-dc1")),
        ("despatch", ("acme",), ("other", "wms-dc1")),
        ("receipt", ("wms-dc1",), ("wms-ham",)),
        ("invoice", ("acme", "erp-one"), ("other", "erp-two")),
    ],
)
async def test_each_speaks_of_its_own_orders_only(
    buyers: Buyers, kind: str, owners: tuple[str, ...], strangers: tuple[str, ...]
) -> None:
    await buyers.order()
    told = list(buyers.purchases.told)
    for partner in strangers:
        found = await buyers.take(partner, event(kind, partner))
        assert (found["state"], found["origin"]) == ("quarantined", "ownership"), partner
        assert "does not own" in found["reason"]
    assert buyers.purchases.told == told
    for partner in owners:
        assert (await buyers.take(partner, event(kind, partner)))["state"] == "routed"
    assert buyers.purchases.told[len(told) :] == [("erp-one/po:4500", f"/partners/{p}#{kind}-1") for p in owners]


async def test_goods_of_another_site_are_not_received_here(buyers: Buyers) -> None:
    await buyers.order()
    found = await buyers.take("wms-dc1", event("receipt", "wms-dc1", site="HAM"))
    assert (found["state"], found["origin"]) == ("quarantined", "ownership") and "not for HAM" in found["reason"]


async def test_the_same_number_of_another_erp_is_another_order(buyers: Buyers) -> None:
    await buyers.order()
    found = await buyers.take("acme", event("invoice", "acme", erp="erp-two"))
    assert (found["state"], found["waiting_for"]) == ("quarantined", "po:erp-two/4500")
    await buyers.order("erp-two", supplier="other")
    found = await buyers.again(found["id"])
    assert (found["state"], found["origin"]) == ("quarantined", "ownership"), "revived, and still not its own"


async def test_a_document_before_its_order_goes_on_with_it(buyers: Buyers) -> None:
    early = await buyers.take("acme", event("confirmation", "acme"))
    assert (early["state"], early["waiting_for"]) == ("quarantined", "po:erp-one/4500")
    await buyers.order()
    assert (await buyers.again(early["id"]))["state"] == "routed"
    assert [name for _, name in buyers.purchases.told][1:] == ["/partners/acme#confirmation-1"]


async def test_an_order_that_becomes_known_while_its_document_is_parked_is_not_missed(
    buyers: Buyers, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = quarantine.put
    began: list[int] = []

    async def meanwhile(connection: Connection, message: int, *why: Any) -> None:
        if not began:
            began.append(message)
            await buyers.desk.accept("erp-one", json.dumps(ORDER).encode(), kind=inbox.PURCHASE, external_id="4500")
            await buyers.desk.relay.once()
            await until(lambda: bool(buyers.purchases.told))
        await put(connection, message, *why)

    monkeypatch.setattr(quarantine, "put", meanwhile)
    early = await buyers.take("acme", event("confirmation", "acme"))
    assert (began, early["state"]) == ([early["id"]], "received")
    assert (await buyers.again(early["id"]))["state"] == "routed"


async def test_a_transfer_that_is_not_supplied_by_its_site_opens_nothing(buyers: Buyers) -> None:
    """A revision that is right opens it, with the right supplier."""
    early = await buyers.take("wms-ham", event("despatch", "wms-ham"))
    for supplier in ("acme", "wms-dc1"):
        found = await buyers.order(from_site="HAM", supplier=supplier)
        assert (found["state"], found["origin"]) == ("quarantined", "ownership")
    assert await buyers.desk.rows("SELECT 1 FROM purchase_order") == [] and buyers.purchases.told == []
    assert (await buyers.again(early["id"]))["state"] == "quarantined"
    assert (await buyers.order(from_site="HAM", supplier="wms-ham", revision=2))["state"] == "routed"
    assert (await buyers.again(early["id"]))["state"] == "routed"


async def test_what_temporal_did_not_take_is_tried_again(buyers: Buyers) -> None:
    buyers.purchases.away = True
    order, proposal = await buyers.order(), await buyers.propose()
    assert (order["state"], proposal["state"]) == ("received", "received")
    buyers.purchases.away = False
    assert (await buyers.again(order["id"]))["state"] == "routed"
    assert (await buyers.desk.message(proposal["id"]))["state"] == "routed"


async def test_what_comes_after_the_end_is_superseded(buyers: Buyers) -> None:
    await buyers.order()
    buyers.purchases.ended = True
    late, decided = await buyers.take("acme", event("invoice", "acme")), await buyers.propose()
    assert (late["state"], late["reason"]) == ("received", None), "it is open: it waits for its workflow"
    await buyers.desk.rows("UPDATE purchase_order SET closed_at = now() RETURNING 1")
    late = await buyers.again(late["id"])
    assert (late["state"], late["reason"]) == ("superseded", ENDED)
    assert (decided["state"], decided["reason"]) == ("superseded", "proposal R-1 was decided before")


async def test_a_document_that_comes_twice_is_told_once(buyers: Buyers) -> None:
    await buyers.order()
    said = event("confirmation", "acme")
    for body in (said, {**said, "time": "2026-03-03T08:00:00Z"}):
        name = body["id"]
        found = await buyers.take("acme", body, name=name)
    assert (found["state"], found["reason"]) == ("superseded", f"repeats message {found['id'] - 1}")
    assert [name for _, name in buyers.purchases.told][1:] == ["/partners/acme#confirmation-1"]


async def test_a_corrected_document_takes_the_place_of_the_one_that_waits(buyers: Buyers) -> None:
    wrong = event("confirmation", "acme")
    right = {**wrong, "time": "2026-03-03T08:00:00Z"}
    first, second = [await buyers.take("acme", body, name=body["id"]) for body in (wrong, right)]
    first = await buyers.desk.message(first["id"])
    assert (first["state"], first["reason"]) == ("superseded", f"replaced by message {second['id']}")
    await buyers.order()
    assert (await buyers.again(second["id"]))["state"] == "routed"


async def settle(buyers: Buyers, run: InboundRun, *, confirmed: bool = True) -> None:
    """The last step of the fourth run of a purchase order."""
    text = run.model_dump_json(exclude_defaults=True)
    async with buyers.desk.database.connection() as connection:
        await connection.execute(
            "INSERT INTO head (workflow_id, subject, run, version, confirmed, snapshot, snapshot_version, ended) "
            "VALUES (%s, %s, 4, 9, %s, %s, 9, true) ON CONFLICT (workflow_id) DO UPDATE SET "
            "confirmed = excluded.confirmed",
            (run.workflow_id, run.key, 9 if confirmed else 8, text),
        )
        await connection.execute("UPDATE purchase_order SET closed_at = now()")


async def test_what_comes_after_the_end_begins_again_with_what_was_handed_over(buyers: Buyers) -> None:
    await buyers.order()
    state = PurchaseFile(start=start("4500", NOON))
    for document in (order(), received("G1", l1=100), received("G2", l2=50)):
        state, _ = documents.take(state, document)
    _, owed = inbound_effects.owed(PurchaseFile(start=state.start), state)
    run = InboundRun(**state.start.model_dump(), state=state, owed=owed)
    await settle(buyers, run, confirmed=False)
    async with buyers.desk.database.transaction() as connection:
        await effects.done(connection, owed[0], "R-1", 1)
    assert (await buyers.take("acme", event("confirmation", "acme")))["state"] == "routed"
    assert buyers.purchases.again == [], "its last step may not have been kept"
    await settle(buyers, run)
    assert (await buyers.take("acme", event("invoice", "acme")))["state"] == "routed"
    assert buyers.purchases.again == [run.model_copy(update={"owed": owed[1:], "run": 5})]


async def test_what_comes_while_a_purchase_order_settles_begins_it_again(
    buyers: Buyers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It settles and ends between the look at the table and the signal."""
    await buyers.order()
    run, plain = InboundRun(**start("4500", NOON).model_dump(), history=("settled",)), buyers.purchases.tell

    async def tell(begun: InboundStart, placed: PlacedDocument, timeout_s: float, *, again: bool = False) -> bool:
        if not again:
            await settle(buyers, run)
            raise WorkflowEnded
        return await plain(begun, placed, timeout_s, again=again)

    monkeypatch.setattr(buyers.purchases, "tell", tell)
    found = await buyers.take("acme", event("invoice", "acme"))
    assert (found["state"], found["reason"]) == ("routed", None)
    assert buyers.purchases.again == [run.model_copy(update={"run": 5})]


async def test_a_proposal_is_taken_in_once(buyers: Buyers) -> None:
    first = await buyers.propose()
    again = await buyers.propose()
    assert (again["state"], again["reason"]) == ("superseded", f"repeats message {first['id']}")
    for partner, changes in (("planner", {"quantity": 11}), ("p2", {})):
        other = await buyers.propose(partner, **changes)
        assert (other["state"], other["origin"]) == ("quarantined", "partner_message")
        assert "other content" in other["reason"]
    assert buyers.purchases.proposed == ["R-1"]


async def test_only_for_an_erp_is_anything_proposed(buyers: Buyers) -> None:
    for erp in ("erp-none", "acme"):
        found = await buyers.propose(erp=erp)
        assert (found["state"], found["reason"]) == ("quarantined", f"ERP {erp} is not known")
    assert buyers.purchases.proposed == [] and await buyers.desk.rows("SELECT 1 FROM replenishment") == []


async def test_an_order_that_is_read_but_not_understood_keeps_its_bytes(buyers: Buyers) -> None:
    found = await buyers.take("acme", {**event("invoice", "acme"), "data": {**OF, "number": "I1"}})
    assert (found["state"], found["origin"]) == ("quarantined", "transformation") and "currency" in found["reason"]


IMPOSSIBLE = [
    ("invoice", "acme", {"due_on": "1999-01-01"}, "an invoice due on 1999-01-01 is of before the order of 2026-03-01"),
    ("receipt", "wms-dc1", {"received_at": "2020-01-01T00:00:00Z"}, "received on 2020-01-01 00:00 UTC, and ordered on"),
    ("despatch", "acme", {"shipped_at": "2020-01-01T00:00:00Z"}, "despatched on 2020-01-01 00:00 UTC, and ordered on"),
    ("receipt", "wms-dc1", {"received_at": "2099-01-01T00:00:00Z"}, "received on 2099-01-01 00:00 UTC, which is still"),
]


@pytest.mark.parametrize(("kind", "partner", "said", "reason"), IMPOSSIBLE)
async def test_a_document_of_an_impossible_time_is_parked_unless_policy_has_it_flagged(
    buyers: Buyers, kind: str, partner: str, said: dict[str, Any], reason: str
) -> None:
    await buyers.order()
    found = await buyers.take(partner, event(kind, partner, **said))
    assert (found["state"], found["origin"]) == ("quarantined", "partner_message")
    assert found["reason"].startswith(reason)
    body = {"chronology": {"before_release": "flag"}}
    async with buyers.desk.database.transaction() as connection:
        await policies.put(connection, PolicyRule(id="flag-times", about="procurement", body=body))
        await quarantine.replay(connection, [found["id"]])
    assert (await buyers.again(found["id"]))["state"] == "routed"
