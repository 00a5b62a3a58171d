"""Every operation, from its effect to the books of the system meant: over HTTP, once, with what it must say."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.carry import Carrier, Timeouts
from activities.erp import ErpActivities
from activities.gate import Gate
from activities.procurement import ProposalActivities, PurchasingActivities, TransferActivities
from activities.tms import TmsActivities
from activities.wms import WmsActivities
from connectors.dialect.clients import DialectErp, DialectTms, DialectWms
from connectors.dialect.purchasing import DialectProposing, DialectPurchasing, DialectTransfers
from connectors.http import SystemClient
from schemas.base import System
from schemas.effects import SYSTEM_OF, ChangeKind, Effect, EffectReceipt, LineChange, Operation
from schemas.exceptions import Action
from schemas.milestones import Disposition, MilestoneKind, ShippedLine
from schemas.orders import OrderRelease, OrderStatus
from schemas.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    SettlementDecision,
    TransferInstruction,
)
from schemas.procurement import Match
from schemas.purchasing import PurchaseEffect
from schemas.replenishment import (
    ReplenishmentEffect,
    ReplenishmentRequest,
    ReplenishmentResult,
    ReplenishmentState,
    SourcedBy,
)
from schemas.settings import Endpoint
from store import inbox, orders
from store.engine import Database
from store.inbox import NewMessage
from tests.simulators.network import TOKEN, Gateway, Systems, capturing, systems

KEY = "erp-one/SO-1"
NOW = datetime(2026, 5, 4, tzinfo=UTC)
TWO = (ShippedLine(line=1, quantity=2),)
MORE = (LineChange(line=1, item="A", quantity=3), LineChange(line=2, item="B", quantity=-1))
RELEASE: dict[str, Any] = {
    "number": "SO-1",
    "released_at": NOW,
    "requested_on": "2026-05-20",
    "variant": "distribution_centre",
    "lines": [
        {"line": 1, "item": "A", "gtin": "04012345000009", "quantity": 40, "unit": "CT"},
        {"line": 2, "item": "B", "quantity": 10},
    ],
    "ship_from": {"id": "LYS", "country": "FR"},
    "ship_to": {"id": "CLINIC-9", "country": "DE", "address": "Weg 1"},
    "site": "LYS",
    "carrier": "carrier-wanted",
    "region": "EMEA",
}


@dataclasses.dataclass
class World:
    """The activities of all systems, each with a connector to the stand-ins."""

    database: Database
    sims: Systems
    activities: dict[str, Any]

    async def carry(self, operation: Operation, key: str = "", **fields: Any) -> EffectReceipt:
        """Carry an effect out, as the worker would."""
        effect = KINDS.get(operation, Effect)(
            key=f"{KEY}/{key or operation}",
            order=KEY,
            operation=operation,
            accepted_at=NOW,
            **{"reason": "because", **fields},
        )
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, is_local=False)
        receipt: EffectReceipt = await environment.run(self.activities[f"{effect.system}.{operation}"], effect)
        return receipt

    async def book(self, path: str) -> dict[str, Any]:
        """What a system keeps."""
        response = await self.sims.client.get(path)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def wms(self, site: str = "LYS") -> dict[str, Any]:
        """The order in a site's books."""
        return await self.book(f"/wms/{site}/v1/instructions/SO-1")

    async def tms(self) -> dict[str, Any]:
        """The order in the books of transport."""
        return await self.book("/tms/v1/tenders/SO-1")

    async def erp(self) -> dict[str, Any]:
        """The order in its ERP's books."""
        return await self.book("/erp/erp-one/v1/orders/SO-1")


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """Where the partners of the stand-ins tell what happens."""
    async with capturing() as capture:
        yield capture


@pytest.fixture
async def world(database_url: str, gateway: Gateway) -> AsyncIterator[World]:
    """A released order, and systems that know nothing of it."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(database_url, 3))
        sims = await stack.enter_async_context(systems(gateway.url, pace_s=5))
        base = str(sims.client.base_url).rstrip("/")
        urls = {System.ERP: "/erp/{id}", System.WMS: "/wms/{id}", System.TMS: "/tms", System.PLANNING: "/planning"}
        http = {
            system: await stack.enter_async_context(SystemClient(system, {"*": Endpoint(url=base + path, token=TOKEN)}))
            for system, path in urls.items()
        }
        carriers = {system: Carrier(database, Gate(system), Timeouts(queued_s=5)) for system in urls}
        every = [
            *ErpActivities(DialectErp(http[System.ERP]), carriers[System.ERP]).all(),
            *WmsActivities(DialectWms(http[System.WMS]), carriers[System.WMS]).all(),
            *TmsActivities(DialectTms(http[System.TMS]), carriers[System.TMS]).all(),
            *PurchasingActivities(DialectPurchasing(http[System.ERP]), carriers[System.ERP]).all(),
            *TransferActivities(DialectTransfers(http[System.WMS]), carriers[System.WMS]).all(),
            *ProposalActivities(DialectProposing(http[System.PLANNING]), carriers[System.PLANNING]).all(),
        ]
        async with database.transaction() as connection:
            release = OrderRelease.model_validate(RELEASE)
            raw = release.model_dump_json(exclude_none=True).encode()
            message = NewMessage("erp-one", "api", inbox.RELEASE, "SO-1", "d", raw)
            [inbox_id] = await inbox.accept(connection, [message])
            await orders.open_order(connection, "erp-one", release, "d", inbox_id, ["erp-one"])
        yield World(database, sims, {name_of(function): function for function in every})


def name_of(function: Any) -> str:
    """The name under which the worker offers an activity."""
    definition = activity._Definition.must_from_callable(function)
    assert definition.name
    return definition.name


FIELDS: dict[Operation, dict[str, Any]] = {
    Operation.AMEND_WAREHOUSE: {"changes": MORE},
    Operation.AMEND_TENDER: {"changes": MORE},
    Operation.EXPECT_RETURN: {"rma": "RMA-1", "lines": TWO},
    Operation.COLLECT_RETURN: {"rma": "RMA-1", "lines": TWO},
    Operation.INTERCEPT_SHIPMENT: {"shipment": "DN-1"},
    Operation.REPORT_CHANGE: {"change": ChangeKind.HELD},
    Operation.REDATE_PROMISE: {"promised_on": date(2026, 6, 1)},
    Operation.REPORT_MILESTONE: {
        "milestone": MilestoneKind.PICKED,
        "order_status": OrderStatus.PICKED,
        "occurred_at": NOW,
        "shipment": "DN-1",
    },
    Operation.REPORT_CONFIRMATION: {"confirmed": ConfirmationReport(po="SO-1", revision=1)},
    Operation.POST_RECEIPT: {
        "posting": ReceiptPosting(po="SO-1", number="G1", revision=1, site="LYS", received_at=NOW, lines=())
    },
    Operation.SETTLE_INVOICE: {
        "settlement": InvoiceSettlement(
            po="SO-1",
            number="I1",
            revision=1,
            decision=SettlementDecision.RELEASED,
            match=Match.THREE_WAY,
            currency="EUR",
            amount=Decimal("12.5"),
        )
    },
    Operation.REPORT_DECISION: {"decision": DecisionReport(po="SO-1", id="d-1", action=Action.ASK_AGAIN)},
    Operation.POST_ISSUE: {
        "issue": IssuePosting(po="SO-1", shipment="S1", revision=1, site="LYS", shipped_at=NOW, lines=())
    },
    Operation.INSTRUCT_TRANSFER: {
        "transfer": TransferInstruction(po="SO-1", version=1, site="LYS", to_site="HAM", wanted_on=date(2026, 6, 1))
    },
    Operation.PLACE_REPLENISHMENT: {
        "target": "erp-one",
        "request": ReplenishmentRequest(
            id="SO-1",
            kind=SourcedBy.TRANSFER,
            item="A",
            site="LYS",
            region="EMEA",
            from_site="HAM",
            packs=5,
            wanted_on=date(2099, 6, 1),
        ),
    },
    Operation.ANSWER_REPLENISHMENT: {
        "target": "EMEA",
        "result": ReplenishmentResult(id="SO-1", state=ReplenishmentState.ORDERED, kind=SourcedBy.TRANSFER, number="7"),
    },
}
KINDS: dict[Operation, type[Effect]] = {
    Operation.REPORT_CONFIRMATION: PurchaseEffect,
    Operation.POST_RECEIPT: PurchaseEffect,
    Operation.SETTLE_INVOICE: PurchaseEffect,
    Operation.REPORT_DECISION: PurchaseEffect,
    Operation.POST_ISSUE: PurchaseEffect,
    Operation.INSTRUCT_TRANSFER: PurchaseEffect,
    Operation.PLACE_REPLENISHMENT: ReplenishmentEffect,
    Operation.ANSWER_REPLENISHMENT: ReplenishmentEffect,
}


def test_every_operation_has_its_activity() -> None:
    classes = (
        ErpActivities,
        WmsActivities,
        TmsActivities,
        PurchasingActivities,
        ProposalActivities,
        TransferActivities,
    )
    names = [name_of(function) for kind in classes for function in kind(None, None).all()]  # type: ignore[arg-type]
    assert sorted(names) == sorted(f"{SYSTEM_OF[operation]}.{operation}" for operation in Operation)


@pytest.mark.parametrize("operation", Operation)
async def test_each_operation_is_done_once_under_its_key(world: World, operation: Operation) -> None:
    fields = FIELDS.get(operation, {})
    first = await world.carry(operation, **fields)
    again = await world.carry(operation, **fields)
    assert first == again
    ledger = await world.sims.ledger(SYSTEM_OF[operation])
    [entry] = ledger["entries"]
    assert (entry["key"], entry["operation"], entry["order"]) == (f"{KEY}/{operation}", operation, "SO-1")
    assert (entry["attempts"], entry["executions"], ledger["duplicates"]) == (2, 1, 0)
    async with world.database.connection() as connection:
        [row] = await (await connection.execute("SELECT key, outcome, reference FROM effect")).fetchall()
    assert row == {"key": f"{KEY}/{operation}", "outcome": "done", "reference": first.reference}


async def test_a_site_is_told_the_whole_order_and_another_its_part(world: World) -> None:
    await world.carry(Operation.INSTRUCT_WAREHOUSE)
    await world.carry(Operation.INSTRUCT_WAREHOUSE, "instruct_warehouse/e1", site="MAD", lines=TWO)
    await world.carry(Operation.AMEND_WAREHOUSE, "amend_warehouse/e1", changes=MORE, address=True)
    here, there = await world.wms(), await world.wms("MAD")
    assert here["lines"] == [{"line": 1, "item": "A", "quantity": 43}, {"line": 2, "item": "B", "quantity": 9}]
    assert (here["packs"], here["address_version"]) == (52, 2)
    assert there["lines"] == [{"line": 1, "item": "A", "quantity": 2}]
    assert (await world.sims.ledger("wms"))["duplicates"] == 0


async def test_a_site_holds_resumes_cancels_and_expects_returns(world: World) -> None:
    await world.carry(Operation.INSTRUCT_WAREHOUSE)
    for ref in ("h1", "h2"):
        await world.carry(Operation.HOLD_WAREHOUSE, f"hold_warehouse/LYS/{ref}", site="LYS")
        assert (await world.wms())["held"]
        await world.carry(Operation.RESUME_WAREHOUSE, f"resume_warehouse/LYS/{ref}", site="LYS")
        assert not (await world.wms())["held"]
    await world.carry(Operation.EXPECT_RETURN, rma="RMA-1", lines=TWO)
    await world.carry(Operation.CANCEL_WAREHOUSE)
    kept = await world.wms()
    assert (kept["state"], kept["packs"], kept["lines"]) == ("cancelled", 0, [])
    assert kept["returns"] == [{"rma": "RMA-1", "lines": [{"line": 1, "quantity": 2, "order": None}]}]
    assert (await world.sims.ledger("wms"))["duplicates"] == 0


async def test_transport_is_tendered_amended_and_tendered_again(world: World) -> None:
    assert (await world.carry(Operation.TENDER_TRANSPORT)).carrier == "carrier-wanted"
    await world.carry(Operation.AMEND_TENDER, "amend_tender/a1", changes=MORE, address=True, expedite=True)
    booked = await world.tms()
    assert (booked["packs"], booked["address_version"], booked["expedite"]) == (52, 2, True)
    await world.carry(Operation.VOID_TENDER, "void_tender/1")
    assert (await world.tms())["state"] == "void"
    again = await world.carry(Operation.TENDER_TRANSPORT, "tender_transport/2")
    assert again.carrier not in (None, "carrier-wanted"), "who is named by the release may have turned it down"
    named = await world.carry(Operation.TENDER_TRANSPORT, "tender_transport/3", carrier="carrier-third")
    assert named.carrier == "carrier-third"
    booked = await world.tms()
    assert (booked["state"], booked["attempts"], booked["packs"]) == ("accepted", 3, 50)
    assert (await world.sims.ledger("tms"))["duplicates"] == 0


async def test_the_part_of_another_site_is_tendered_and_voided_by_itself(world: World) -> None:
    await world.carry(Operation.TENDER_TRANSPORT)
    await world.carry(Operation.TENDER_TRANSPORT, "tender_transport/e1", site="MAD", lines=TWO)
    assert (await world.tms())["parts"] == [{"site": "", "packs": 50}, {"site": "MAD", "packs": 2}]
    await world.carry(Operation.VOID_TENDER, "void_tender/e1", site="MAD")
    booked = await world.tms()
    assert (booked["state"], booked["packs"]) == ("accepted", 50)


async def test_a_pending_tender_names_no_carrier(world: World) -> None:
    await world.sims.client.put("/tms/answers/SO-1", json={"tender": ["pending"]})
    assert (await world.carry(Operation.TENDER_TRANSPORT)).carrier is None
    assert (await world.tms())["state"] == "pending"
    assert (await world.carry(Operation.TENDER_TRANSPORT, "tender_transport/2", carrier="b")).carrier == "b"


async def test_transport_intercepts_and_collects(world: World) -> None:
    await world.carry(Operation.INTERCEPT_SHIPMENT, "DN-1/intercept", shipment="DN-1")
    await world.carry(Operation.HOLD_TRANSPORT, "hold_transport/h1")
    await world.carry(Operation.COLLECT_RETURN, rma="RMA-1", lines=TWO, site="LYS")
    booked = await world.tms()
    assert (booked["intercepted"], booked["held"]) == (["DN-1"], True)
    [collection] = booked["collections"]
    assert (collection["rma"], collection["site"], collection["packs"]) == ("RMA-1", "LYS", 2)
    assert collection["ship_from"]["id"] == "CLINIC-9"
    await world.carry(Operation.RESUME_TRANSPORT, "resume_transport/h1")
    assert not (await world.tms())["held"]


async def change(world: World, kind: ChangeKind, key: str, **fields: Any) -> None:
    """Tell the ERP of a change."""
    await world.carry(Operation.REPORT_CHANGE, key, change=kind, **fields)


async def test_the_erp_books_what_it_is_told(world: World) -> None:
    await change(world, ChangeKind.AMENDED, "change/amended/a1", changes=MORE, promised_on=date(2026, 6, 2))
    await change(world, ChangeKind.AMENDED, "change/amended/a2", changes=MORE)
    await change(world, ChangeKind.SHORT_PICKED, "change/short_picked/e1", lines=TWO, site="LYS")
    await change(world, ChangeKind.HELD, "change/held/h1")
    await change(world, ChangeKind.INVOICE_HELD, "change/invoice_held/e2", shipment="DN-1", lines=TWO)
    order = await world.erp()
    assert order["lines"] == [{"line": 1, "item": "A", "quantity": 6}, {"line": 2, "item": "B", "quantity": -2}]
    assert (order["held"], order["invoice_held"], order["promised_on"]) == (True, True, "2026-06-02")
    assert order["cuts"] == [{"site": "LYS", "line": 1, "quantity": 2, "reason": "because"}]
    await change(world, ChangeKind.RESUMED, "change/resumed/r1")
    await change(world, ChangeKind.INVOICE_RELEASED, "change/invoice_released/i1")
    order = await world.erp()
    assert (order["held"], order["invoice_held"], len(order["changes"])) == (False, False, 7)
    assert (await world.sims.ledger("erp"))["duplicates"] == 0


async def test_a_return_is_credited_for_what_came_back_also_after_a_cancellation(world: World) -> None:
    about = {"rma": "RMA-1", "lines": TWO}
    await world.carry(Operation.CONFIRM_CANCELLATION)
    await change(world, ChangeKind.RETURN_AUTHORISED, "return/RMA-1/return_authorised", **about)
    with pytest.raises(ApplicationError, match="not_returned") as failed:
        await change(world, ChangeKind.CREDITED, "return/RMA-1/credited", **about)
    assert (failed.value.type, failed.value.non_retryable) == ("erp_rule", True)
    for event in ("e1", "e2"):
        await change(world, ChangeKind.RETURNED, f"return/RMA-1/returned/{event}", **about)
        restocked = {**about, "disposition": Disposition.RESTOCK}
        await change(world, ChangeKind.RETURNED, f"return/RMA-1/inspected/{event}", **restocked)
    await change(world, ChangeKind.CREDITED, "return/RMA-1/credited", **about)
    assert [credit["rma"] for credit in (await world.erp())["credits"]] == ["RMA-1"]
    assert (await world.sims.ledger("erp"))["duplicates"] == 0
    with pytest.raises(ApplicationError, match="order_cancelled"):
        await change(world, ChangeKind.AMENDED, "change/amended/a1", changes=MORE)
