"""Procurement and replenishment with every process: documents by webhook and API, the systems' own books."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import httpx
import pytest
import pytest_asyncio

from demo.report import reconcile
from schemas.base import Contract, Role, System
from schemas.cases.exceptions import Action
from schemas.orders.milestones import Milestone, MilestoneKind
from schemas.procurement.documents import (
    AdvisedLine,
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    InvoicedLine,
    PurchaseLine,
    PurchaseOrder,
    ReceivedLine,
)
from schemas.workflows.commands import ActionRequest
from simulators.driver import Driver, Targets, decided
from simulators.faults import NONE, Faults
from simulators.systems.purchasing import ItemRules, PurchaseReport
from simulators.systems.supplying import SupplyPlan
from simulators.world.network import ERP
from stack.layout import LocalStack, StackOptions, local_stack
from store.engine import Database
from store.inventory import ledger
from store.partners import partners
from store.procurement import purchase_orders
from store.views import report
from tests.faults.losing import detour
from tests.stack.standins import WITHIN_S, until

SUPPLIER, SITE, WAREHOUSE, CARRIER = "acme", "RDC-EMEA", "wms-rdc-emea", "carrier-alpha"
FROM, SENDER = "RDC-AMER", "wms-rdc-amer"
ROLES = {
    ERP: Role.ERP,
    SUPPLIER: Role.SUPPLIER,
    "other": Role.SUPPLIER,
    WAREHOUSE: Role.WMS,
    SENDER: Role.WMS,
    CARRIER: Role.CARRIER,
    "planner": Role.PLANNING,
    "helpdesk": Role.SUPPORT,
}
DUE = (datetime.now(UTC) + timedelta(days=10)).date()
ENDS = ("done", "superseded")
"""How an effect ends that is not refused."""
_numbers = count(1)


@dataclass
class Shop:
    """The stack, and everybody who talks to it."""

    stack: LocalStack
    driver: Driver
    database: Database
    api: dict[str, httpx.AsyncClient]

    def purchase(self, packs: int = 100, **changes: Any) -> PurchaseOrder:
        """A purchase order of its own, of one line."""
        number = f"45-{next(_numbers)}"
        line = PurchaseLine(line=1, item=f"ITEM-{number}", packs=packs, unit_price=Decimal("12.50"), due_on=DUE)
        order = PurchaseOrder(
            number=number,
            supplier=SUPPLIER,
            site=SITE,
            region="EMEA",
            currency="EUR",
            ordered_at=datetime.now(UTC),
            carrier=CARRIER,
            lines=(line,),
        )
        return order.model_copy(update=changes)

    async def release(self, order: PurchaseOrder) -> PurchaseOrder:
        """The ERP releases it."""
        answer = await self.post(ERP, "/v1/purchase-orders", order)
        assert answer.is_success, answer.text
        return order

    async def post(self, by: str, path: str, body: Contract) -> httpx.Response:
        """Post as somebody, again while nobody answers."""
        content = body.model_dump_json(exclude_none=True)
        return await decided(lambda: self.api[by].post(path, content=content))

    async def show(self, path: str, by: str = "helpdesk") -> dict[str, Any]:
        """Read as somebody; nothing while there is none."""
        answer = await self.api[by].get(path)
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    async def reaches(self, order: PurchaseOrder, status: str, within_s: float = WITHIN_S) -> dict[str, Any]:
        """Wait until a purchase order has a status, and nothing is owed for it; returns it."""

        async def reached() -> bool:
            seen = await self.show(f"/v1/purchase-orders/{order.number}")
            await asyncio.sleep(0.05)
            return seen.get("status") == status and all(x["outcome"] in ENDS for x in seen["effects"])

        await until(reached, within_s)
        return await self.show(f"/v1/purchase-orders/{order.number}")

    async def proposal_where(self, name: str, within_s: float = WITHIN_S, **wanted: Any) -> dict[str, Any]:
        """Wait until a replenishment shows this; returns it."""

        async def shown() -> bool:
            seen = await self.show(f"/v1/replenishments/{name}")
            await asyncio.sleep(0.05)
            return {key: seen.get(key) for key in wanted} == wanted

        await until(shown, within_s)
        return await self.show(f"/v1/replenishments/{name}")

    async def book(self, order: PurchaseOrder) -> PurchaseReport:
        """What the ERP's own books say."""
        return PurchaseReport.model_validate(
            await self.driver.read(System.ERP, f"/{ERP}/v1/purchase-orders/{order.number}")
        )

    async def stock(self, order: PurchaseOrder) -> dict[str, int]:
        """Where the packs of its item are."""
        async with self.database.connection() as connection:
            return {row["place"]: row["packs"] for row in await ledger.balances(connection, order.lines[0].item)}

    async def confirmed(self, order: PurchaseOrder) -> bool:
        """Whether the ERP was told of a confirmation: it may come after everything else."""
        await asyncio.sleep(0.05)
        return bool((await self.book(order)).confirmations)

    async def has(self, order: PurchaseOrder, place: str, packs: int) -> bool:
        """Whether so many packs of its item are there."""
        await asyncio.sleep(0.05)
        return (await self.stock(order)).get(place) == packs

    async def case(self, order: PurchaseOrder, kind: str, state: str) -> None:
        """Wait until its case of a kind is in a state."""

        async def is_so() -> bool:
            await asyncio.sleep(0.05)
            seen = await self.show(f"/v1/purchase-orders/{order.number}")
            return (kind, state) in {(case["kind"], case["state"]) for case in seen.get("cases", ())}

        await until(is_so)

    async def quarantined(self, event_id: str, origin: str) -> None:
        """Wait until a message is quarantined for this; one that came before its order is looked at again later."""

        async def is_so() -> bool:
            await asyncio.sleep(0.05)
            found = await self.message(event_id)
            return (found.get("state"), found.get("origin")) == ("quarantined", origin)

        await until(is_so)

    async def settled(self, event_id: str, state: str) -> None:
        """Wait until a message is settled so: that is when its step is confirmed."""

        async def is_so() -> bool:
            await asyncio.sleep(0.05)
            return (await self.message(event_id)).get("state") == state

        await until(is_so)

    async def message(self, event_id: str) -> dict[str, Any]:
        """The newest inbox message of that id."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(
                "SELECT state, reason, waiting_for, origin FROM inbox_message WHERE external_id = %s ORDER BY id DESC",
                (event_id,),
            )
            return dict(await cursor.fetchone() or {})


@pytest_asyncio.fixture(scope="module")
async def shop() -> AsyncIterator[Shop]:
    """A stack of its own with everybody provisioned."""
    async with open_shop(seed=3) as opened:
        yield opened


@asynccontextmanager
async def open_shop(seed: int, *, durable: bool = False) -> AsyncIterator[Shop]:
    """Start a stack, and provision everybody."""
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(
            local_stack(StackOptions(ephemeral=True, durable=durable, seed=seed, detour=detour()))
        )
        database = await opened.enter_async_context(Database(stack.settings.main_database.url, 3))
        async with database.transaction() as connection:
            for partner, role in ROLES.items():
                await partners.add(connection, partner, role, partner)
            keys = {partner: await partners.new_key(connection, partner, "test") for partner in ROLES}
        env = stack.env
        targets = Targets(
            stack.urls.gateway,
            keys[ERP],
            stack.urls.sims,
            env["SYNCLINE_SIM_TOKEN"],
            env["SYNCLINE_MASTER_SECRET"],
        )
        driver = await opened.enter_async_context(Driver(targets))
        api = {
            partner: await opened.enter_async_context(
                httpx.AsyncClient(
                    base_url=stack.urls.gateway,
                    headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                    trust_env=False,
                )
            )
            for partner, key in keys.items()
        }
        yield Shop(stack, driver, database, api)


async def test_straight_through(shop: Shop) -> None:
    order = await shop.release(shop.purchase())
    plan = SupplyPlan(erp=ERP, order=order)
    await shop.driver.supply(plan)
    seen = await shop.reaches(order, "settled")
    assert [(x["number"], x["decision"]) for x in seen["invoices"]] == [(f"INV-{order.number}", "released")]
    await until(lambda: shop.confirmed(order))
    book = await shop.book(order)
    assert (len(book.confirmations), book.received, book.payable) == (1, 100, Decimal("1250.00"))
    assert await shop.stock(order) == {f"on_hand:{SITE}": 100, f"supplier:{SUPPLIER}": -100}
    assert seen["cases"] == []


async def test_what_comes_when_everything_is_paid_is_taken_in(shop: Shop) -> None:
    """More packs are received and invoiced after the end: stock has them, the invoice is held until people decide."""
    order = await shop.release(shop.purchase())
    plan = SupplyPlan(erp=ERP, order=order)
    await shop.driver.supply(plan)
    await shop.reaches(order, "settled")
    now = datetime.now(UTC)
    documents = [document for _, document in plan.documents(now)]
    receipt, invoice = documents[2], documents[3]
    assert isinstance(receipt, GoodsReceipt) and isinstance(invoice, Invoice)
    more = receipt.model_copy(update={"number": "GR-MORE", "lines": (ReceivedLine(line=1, packs=10),)})
    await shop.driver.document(WAREHOUSE, more, f"{order.number}-gr-more")
    await until(lambda: shop.has(order, f"on_hand:{SITE}", 110))
    lines = (InvoicedLine(line=1, packs=10, unit_price=Decimal("12.5")),)
    second = invoice.model_copy(update={"number": "INV-MORE", "lines": lines})
    await shop.driver.document(SUPPLIER, second, f"{order.number}-inv-more")
    await shop.case(order, "invoice_mismatch", "open")
    assert (await shop.book(order)).payable == Decimal(1250)
    about = {Action.REJECT_INVOICE: "INV-MORE", Action.CLOSE_UNINVOICED: None}
    for action, number in about.items():
        wish = ActionRequest(id=f"{order.number}-{action}", reason="a gift", action=action, invoice=number)
        answer = await shop.post("helpdesk", f"/v1/purchase-orders/{order.number}/act", wish)
        assert answer.is_success, answer.text
    await shop.reaches(order, "settled")
    await shop.case(order, "invoice_mismatch", "cured")
    for name in ("gr-more", "inv-more"):
        await shop.settled(f"{order.number}-{name}", "applied")
    book = await shop.book(order)
    assert (book.received, book.payable) == (110, Decimal(1250))
    assert await shop.stock(order) == {f"on_hand:{SITE}": 110, f"supplier:{SUPPLIER}": -110}


async def test_a_short_confirmation_opens_a_case_that_ends_with_the_order(shop: Shop) -> None:
    order = await shop.release(shop.purchase())
    plan = SupplyPlan(erp=ERP, order=order, short={1: 20}, damaged={1: 5})
    (partner, confirmation), *_ = plan.documents(datetime.now(UTC))
    await shop.driver.document(partner, confirmation, f"{order.number}-first")
    await shop.case(order, "short_ship", "open")
    await shop.driver.supply(plan)
    await shop.reaches(order, "settled")
    assert (await shop.book(order)).confirmations[0].differences[0].confirmed == 80
    assert await shop.stock(order) == {f"on_hand:{SITE}": 75, f"blocked:{SITE}": 5, f"supplier:{SUPPLIER}": -80}
    await shop.case(order, "short_ship", "cured")


async def test_a_mismatch_is_held_and_a_corrected_invoice_released(shop: Shop) -> None:
    order = await shop.release(shop.purchase())
    await shop.driver.supply(SupplyPlan(erp=ERP, order=order, dearer=Decimal(1)))
    await shop.reaches(order, "received")
    await shop.case(order, "invoice_mismatch", "open")
    assert (await shop.book(order)).payable == 0
    corrected = Invoice(
        erp=ERP,
        po=order.number,
        revision=2,
        number=f"INV-{order.number}",
        currency="EUR",
        due_on=DUE,
        lines=(InvoicedLine(line=1, packs=100, unit_price=Decimal("12.5")),),
    )
    await shop.driver.document(SUPPLIER, corrected, f"{order.number}-corrected")
    await shop.reaches(order, "settled")
    await shop.case(order, "invoice_mismatch", "cured")
    assert (await shop.book(order)).payable == Decimal(1250)


async def test_a_document_before_its_order_waits_for_it(shop: Shop) -> None:
    order = shop.purchase()
    plan = SupplyPlan(erp=ERP, order=order)
    await shop.driver.supply(plan)

    async def quarantined() -> bool:
        await asyncio.sleep(0.05)
        return (await shop.message(f"{order.number}-4")).get("waiting_for") == f"po:{ERP}/{order.number}"

    await until(quarantined)
    await shop.release(order)
    await shop.reaches(order, "settled")
    await shop.settled(f"{order.number}-4", "applied")


async def test_carriers_reach_the_order_and_strangers_do_not(shop: Shop) -> None:
    order = await shop.release(shop.purchase())
    late = datetime.now(UTC) + timedelta(days=20)
    milestone = Milestone(
        kind=MilestoneKind.DELAYED, shipment=f"ASN-{order.number}", occurred_at=datetime.now(UTC), eta=late
    )
    await shop.driver.say(CARRIER, milestone, f"late-{order.number}")
    advice = DespatchAdvice(
        erp=ERP,
        po=order.number,
        shipment=f"ASN-{order.number}",
        shipped_at=datetime.now(UTC),
        eta=datetime.now(UTC) + timedelta(days=5),
        carrier=CARRIER,
        lines=(AdvisedLine(line=1, packs=100),),
    )
    await shop.driver.document("other", advice, f"stranger-{order.number}")
    await shop.driver.document(SUPPLIER, advice, f"asn-{order.number}")
    await shop.case(order, "delay", "open")
    seen = await shop.show(f"/v1/purchase-orders/{order.number}")
    assert seen["lines"][0]["expected_on"] == str(late.date())
    assert await shop.stock(order) == {f"transit:ASN-{order.number}": 100, f"supplier:{SUPPLIER}": -100}
    await shop.quarantined(f"stranger-{order.number}", "ownership")
    assert await shop.show(f"/v1/purchase-orders/{order.number}", by="other") == {}
    carriers = await shop.show(f"/v1/purchase-orders/{order.number}", by=CARRIER)
    assert "invoices" not in carriers and "unit_price" not in carriers["lines"][0]
    receipt = GoodsReceipt(
        erp=ERP,
        po=order.number,
        number="GR-1",
        site=SITE,
        shipment=f"ASN-{order.number}",
        received_at=datetime.now(UTC),
        lines=(ReceivedLine(line=1, packs=100),),
    )
    refused = await shop.driver.document(SUPPLIER, receipt, f"gr-{order.number}")
    assert refused.status_code == 403, "only a warehouse owns receipts"
    elsewhere = receipt.model_copy(update={"number": "GR-0", "site": "RDC-AMER"})
    await shop.driver.document(WAREHOUSE, elsewhere, f"gr-0-{order.number}")
    await shop.quarantined(f"gr-0-{order.number}", "ownership")
    await shop.driver.document(WAREHOUSE, receipt, f"gr-{order.number}")
    await shop.reaches(order, "received")


def proposal(name: str, **changes: Any) -> dict[str, Any]:
    """A proposal of 100 packs."""
    body = {
        "id": name,
        "erp": ERP,
        "kind": "purchase",
        "item": f"ITEM-{name}",
        "site": SITE,
        "region": "EMEA",
        "supplier": SUPPLIER,
        "quantity": 100,
        "wanted_on": str(DUE),
        "proposed_at": datetime.now(UTC).isoformat(),
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not None}


async def propose(shop: Shop, name: str, **changes: Any) -> None:
    """Planning proposes."""
    content = proposal(name, **changes)
    answer = await decided(lambda: shop.api["planner"].post("/v1/replenishments", json=content))
    assert answer.is_success, answer.text


async def test_an_accepted_proposal_becomes_a_tracked_purchase_order(shop: Shop) -> None:
    await propose(shop, "R-1", quantity=1200, unit="EA", units_per_pack=12)
    seen = await shop.proposal_where("R-1", state="ordered", answered=True)
    assert (await shop.driver.read(System.PLANNING, "/v1/replenishments/R-1"))["number"] == seen["number"]

    async def tracked() -> bool:
        await asyncio.sleep(0.05)
        return (await shop.show(f"/v1/purchase-orders/{seen['number']}")).get("replenishment") == "R-1"

    await until(tracked)
    order = await shop.show(f"/v1/purchase-orders/{seen['number']}")
    assert [line["ordered"] for line in order["lines"]] in ([], [100])
    await propose(shop, "R-1", quantity=1200, unit="EA", units_per_pack=12)
    books = await shop.driver.books()
    assert [e.order for e in books["erp"].entries if e.operation == "place_replenishment"].count("R-1") == 1


@pytest.mark.parametrize(
    ("name", "changes", "rules", "failed"),
    [
        ("R-BAD", {"supplier": None}, None, ("proposal", "partner_message")),
        ("R-PAST", {"wanted_on": str(date(2020, 1, 1))}, None, ("proposal", "partner_message")),
        ("R-UNIT", {"unit": "EA", "units_per_pack": 30}, None, ("transformation", "transformation")),
        ("R-KIT", {"unit": "KT"}, None, ("transformation", "transformation")),
        ("R-BUDGET", {}, ItemRules(budget_packs=99), ("erp", "erp_rule")),
        ("R-MIN", {}, ItemRules(minimum_packs=101), ("erp", "erp_rule")),
        ("R-DAY", {}, ItemRules(closed_on=(DUE,)), ("erp", "erp_rule")),
        ("R-SUP", {}, ItemRules(suppliers=("another",)), ("erp", "erp_rule")),
        ("R-ITEM", {}, ItemRules(unknown=True), ("erp", "erp_rule")),
    ],
)
async def test_a_refusal_shows_which_hop_failed_and_why(
    shop: Shop, name: str, changes: dict[str, Any], rules: ItemRules | None, failed: tuple[str, str]
) -> None:
    if rules:
        await shop.driver.item_rules(f"ITEM-{name}", rules)
    await propose(shop, name, **changes)
    seen = await shop.proposal_where(name, state="refused", answered=True)
    assert (seen["hop"], seen["origin"]) == failed
    told = await shop.driver.read(System.PLANNING, f"/v1/replenishments/{name}")
    assert (told["state"], told["origin"], told["reason"]) == ("refused", failed[1], seen["reason"] or None)


@pytest.mark.parametrize(("system", "hop"), [(System.ERP, "erp"), (System.PLANNING, "planning")])
async def test_a_silent_system_is_shown_and_waited_for(shop: Shop, system: System, hop: str) -> None:
    name = f"R-SILENT-{system}"
    await shop.driver.befall(system, Faults(timeout=1, hold_s=4))
    await propose(shop, name)
    await shop.proposal_where(name, hop=hop, origin=f"{system}_api", answered=False)
    await shop.driver.befall(system, NONE)
    seen = await shop.proposal_where(name, state="ordered", answered=True)
    assert f"{system}_api" in [entry.get("origin") for entry in seen["trail"]]


def stock_transfer(shop: Shop) -> PurchaseOrder:
    """A transfer order of its own: 100 packs from another site."""
    return shop.purchase(from_site=FROM, supplier=SENDER)


async def test_a_transfer_is_tracked_and_every_book_agrees(shop: Shop) -> None:
    order = await shop.release(stock_transfer(shop))
    item = order.lines[0].item

    async def allocated() -> bool:
        await asyncio.sleep(0.05)
        books = await shop.driver.stock(System.WMS, FROM)
        return books.get((item, f"allocated:{FROM}")) == 100

    await until(allocated)
    assert await shop.stock(order) == {f"on_hand:{FROM}": -100, f"allocated:{FROM}": 100}
    await shop.driver.supply(SupplyPlan(erp=ERP, order=order))
    seen = await shop.reaches(order, "settled")
    assert seen["invoices"] == [] and seen["cases"] == []
    ours = await shop.stock(order)
    assert ours == {f"on_hand:{FROM}": -100, f"on_hand:{SITE}": 100}
    for system, instance in ((System.WMS, FROM), (System.WMS, SITE), (System.ERP, ERP)):
        books = await shop.driver.stock(system, instance)
        theirs = {place: packs for (name, place), packs in books.items() if name == item}
        assert theirs == {p: n for p, n in ours.items() if system is System.ERP or p.endswith(instance)}, instance
    async with shop.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT split_part(kind, ':', 2) || ':' || site AS place, sum(packs)::bigint AS packs FROM planning_delta "
            "WHERE item = %s AND starts_with(kind, 'stock:') GROUP BY 1 HAVING sum(packs) <> 0",
            (item,),
        )
        assert {row["place"]: row["packs"] for row in await cursor.fetchall()} == ours, "what planning is told"


async def test_a_transfer_is_supplied_by_the_warehouse_of_its_site_alone(shop: Shop) -> None:
    order = shop.purchase(from_site=FROM)
    await shop.release(order)
    await shop.quarantined(order.number, "ownership")


async def test_a_replenishment_by_transfer_becomes_a_transfer_order(shop: Shop) -> None:
    await propose(shop, "R-MOVE", kind="transfer", supplier=None, from_site=FROM)
    seen = await shop.proposal_where("R-MOVE", state="ordered", answered=True)

    async def tracked() -> bool:
        await asyncio.sleep(0.05)
        return (await shop.show(f"/v1/purchase-orders/{seen['number']}")).get("supplier") == SENDER

    await until(tracked)


async def test_a_carriers_word_moves_supply_in_the_availability_at_once(shop: Shop) -> None:
    order = await shop.release(shop.purchase())
    item, eta = order.lines[0].item, datetime.now(UTC) + timedelta(days=3)

    async def expected_on(day: date) -> bool:
        await asyncio.sleep(0.05)
        answer = await shop.api["helpdesk"].get("/v1/availability", params={"item": item, "site": SITE})
        found = answer.json()["availability"] if answer.status_code == 200 else ()
        coming = {row["day"]: row["supply"] for figure in found for row in figure["days"] if row["supply"]}
        return coming == {str(day): 100}

    await until(lambda: expected_on(DUE))
    advice = DespatchAdvice(
        erp=ERP,
        po=order.number,
        shipment=f"ASN-{order.number}",
        shipped_at=datetime.now(UTC),
        eta=eta,
        carrier=CARRIER,
        lines=(AdvisedLine(line=1, packs=100),),
    )
    await shop.driver.document(SUPPLIER, advice, f"asn-{order.number}")
    await until(lambda: expected_on(eta.date()))
    late = eta + timedelta(days=4)
    milestone = Milestone(kind=MilestoneKind.DELAYED, shipment=advice.shipment, occurred_at=datetime.now(UTC), eta=late)
    await shop.driver.say(CARRIER, milestone, f"late-{order.number}")
    await until(lambda: expected_on(late.date()))


async def test_people_decide_on_differences_and_everybody_concerned_follows(shop: Shop) -> None:
    order = await shop.release(shop.purchase())
    plan = SupplyPlan(erp=ERP, order=order, short={1: 20}, dearer=Decimal(1))
    (partner, confirmation), *_ = plan.documents(datetime.now(UTC))
    await shop.driver.document(partner, confirmation, f"{order.number}-first")
    await shop.case(order, "short_ship", "open")
    path = f"/v1/purchase-orders/{order.number}/act"

    async def act(by: str = "helpdesk", **fields: Any) -> httpx.Response:
        body = {"id": f"{order.number}-{next(_numbers)}", "reason": "agreed by telephone", **fields}
        answers: list[httpx.Response] = []

        async def answered() -> bool:
            answers.append(
                await shop.api[by].post(path, json=body)
            )  # the same request: a busy workflow answers it later
            return answers[-1].status_code != 202

        await until(answered)
        return answers[-1]

    key = f"{ERP}/po:{order.number}"
    case = await shop.show(f"/v1/cases/{key}/short_ship/1")
    assert case["actions"] == ["accept", "ask_again", "write_off"] and case["queue"] == "order-management"
    assert (await act(by=SUPPLIER, action="accept", case=case["id"])).status_code == 403
    assert (await act(action="re_source", site="LYS")).status_code == 409
    said = await act(action="accept", case=case["id"])
    assert said.status_code == 200 and "accepted" in said.json()["done"], said.text
    await shop.case(order, "short_ship", "cured")
    [decision] = (await shop.book(order)).decisions
    assert [(x.line, x.packs) for x in decision.lines] == [(1, 80)]
    await shop.driver.supply(plan)
    await shop.case(order, "invoice_mismatch", "open")
    said = await act(action="release_invoice", invoice=f"INV-{order.number}", case=f"{key}/invoice_mismatch/1")
    assert said.status_code == 200, said.text
    await shop.reaches(order, "settled")
    assert (await shop.book(order)).payable == Decimal("1080.00")
    gone = await act(action="close_uninvoiced")
    assert gone.status_code == 409, "nothing is open any more"


async def test_bytes_that_are_no_proposal_are_refused_and_say_which_field(shop: Shop) -> None:
    bad = {**proposal("R-BYTES"), "quantity": "many"}
    for content in (json.dumps(bad).encode(), b'{"id": "R-BYTES", "quantity": \xff}'):
        answer = await shop.api["planner"].post("/v1/replenishments", content=content)
        assert answer.status_code == 422, answer.text
        assert answer.json()["findings"], "names field and rule"
    assert await shop.show("/v1/replenishments/R-BYTES") == {}


@pytest.mark.parametrize(
    ("name", "rules", "code"),
    [
        ("R-CODE-ITEM", ItemRules(unknown=True), "item_unknown"),
        ("R-CODE-SUPPLIER", ItemRules(suppliers=("another",)), "supplier_unknown"),
        ("R-CODE-MINIMUM", ItemRules(minimum_packs=101), "below_minimum"),
        ("R-CODE-CALENDAR", ItemRules(closed_on=(DUE,)), "calendar_closed"),
        ("R-CODE-BUDGET", ItemRules(budget_packs=99), "budget_exceeded"),
    ],
)
async def test_each_rule_of_the_erp_is_refused_under_its_own_code(
    shop: Shop, name: str, rules: ItemRules, code: str
) -> None:
    await shop.driver.item_rules(f"ITEM-{name}", rules)
    await propose(shop, name)
    seen = await shop.proposal_where(name, state="refused", answered=True)
    assert code in seen["reason"]
    async with shop.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT outcome, origin, error FROM effect WHERE key = %s",
            (f"{ERP}/replenishment:{name}/place_replenishment",),
        )
        row = await cursor.fetchone()
    assert row and (row["outcome"], row["origin"]) == ("failed", "erp_rule") and code in row["error"]


async def test_measures_of_procurement(shop: Shop) -> None:
    """Whatever ran before: one order more that matches at once, and one that does not."""

    async def measured() -> dict[str, Any]:
        async with shop.database.connection() as connection:
            return await purchase_orders.measures(connection)

    before = await measured()
    for dearer in (Decimal(0), Decimal(1)):
        order = await shop.release(shop.purchase())
        plan = SupplyPlan(erp=ERP, order=order, dearer=dearer)
        (partner, confirmation), (_, advice), (warehouse, receipt), (_, invoice) = plan.documents(datetime.now(UTC))
        await shop.driver.document(partner, confirmation, f"{order.number}-1")
        await shop.reaches(order, "confirmed")
        await shop.driver.document(partner, advice, f"{order.number}-2")
        await shop.driver.document(warehouse, receipt, f"{order.number}-3")
        await shop.reaches(order, "received")
        await shop.driver.document(partner, invoice, f"{order.number}-4")
        await shop.reaches(order, "received" if dearer else "settled")
        if dearer:
            await shop.case(order, "invoice_mismatch", "open")
    after = await measured()
    assert after["invoices"] - before["invoices"] == 2
    assert after["matched_at_once"] - before["matched_at_once"] == 1
    assert after["confirmed"] - before["confirmed"] == 2 and after["confirm_p50_h"] is not None


async def test_all_ledgers_agree(shop: Shop) -> None:
    """Last in the file: everything above was told once, and nothing was lost."""

    async def settled() -> bool:
        await asyncio.sleep(0.05)
        async with shop.database.connection() as connection:
            cursor = await connection.execute(
                "SELECT NOT EXISTS (SELECT FROM inbox_message WHERE state IN ('received', 'routed')) "
                "AND NOT EXISTS (SELECT FROM effect WHERE outcome = 'planned') AS told"
            )
            row = await cursor.fetchone()
            return bool(row and row["told"])  # no planning feed runs here: its movements stay in the buffer

    await until(settled)
    books = await shop.driver.books()
    async with shop.database.connection() as connection:
        expected = await report.expected_effects(connection)
        assert await ledger.audit(connection) == []
    for system in ("erp", "planning"):
        found = reconcile(expected[system], books[system])
        assert (found["missing"], found["duplicate"]) == (0, 0), system
