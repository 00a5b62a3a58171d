"""Every operation, from its effect to the books of the system meant: over HTTP, once, with what it must say."""

import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import Any, get_type_hints

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.execution.executor import EffectExecutor, Timeouts
from activities.execution.gate import Gate
from activities.procurement.procurement import ProposalActivities, PurchasingActivities, TransferActivities
from activities.systems.erp import ErpActivities
from activities.systems.tms import TmsActivities
from activities.systems.wms import WmsActivities
from connectors.connections import of_endpoint
from connectors.http.client import SystemClient
from connectors.standard.clients import StandardErp, StandardTms, StandardWms
from connectors.standard.purchasing import StandardProposing, StandardPurchasing, StandardTransfers
from schemas.base import System
from schemas.messaging.effects import SYSTEM_OF, ChangeKind, Effect, EffectReceipt, LineTarget, Operation
from schemas.orders.milestones import Disposition, ShippedLine
from schemas.orders.release import OrderRelease
from schemas.settings import Endpoint
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders
from tests.payloads import kind_of, payload_of
from tests.simulators.network import TOKEN, Gateway, Systems, capturing, systems

KEY = "erp-one/SO-1"
NOW = datetime(2026, 5, 4, tzinfo=UTC)
TWO = (ShippedLine(line=1, quantity=2),)
PART = (LineTarget(line=1, item="A", quantity=2),)
MORE = (LineTarget(line=1, item="A", quantity=43), LineTarget(line=2, item="B", quantity=9))
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

    async def forget(self) -> None:
        """A worker dies between the call and the ledger: nothing is known of what was done."""
        async with self.database.connection() as connection:
            await connection.execute("DELETE FROM effect")

    async def carry(self, operation: Operation, key: str = "", revision: int = 0, **fields: Any) -> EffectReceipt:
        """Carry an effect out, as the worker would."""
        why = {"reason": "because"} if "reason" in kind_of(operation).model_fields else {}
        effect = Effect(
            key=f"{KEY}/{key or operation}",
            order=KEY,
            accepted_at=NOW,
            revision=revision,
            payload=payload_of(operation, **{**why, **fields}),
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
            system: await stack.enter_async_context(
                SystemClient(of_endpoint(system, Endpoint(url=base + path, token=TOKEN)))
            )
            for system, path in urls.items()
        }
        carriers = {system: EffectExecutor(database, Gate(system), Timeouts(queued_s=5)) for system in urls}
        every = [
            *ErpActivities(StandardErp(http[System.ERP]), carriers[System.ERP]).all(),
            *WmsActivities(StandardWms(http[System.WMS]), carriers[System.WMS]).all(),
            *TmsActivities(StandardTms(http[System.TMS]), carriers[System.TMS]).all(),
            *PurchasingActivities(StandardPurchasing(http[System.ERP]), carriers[System.ERP]).all(),
            *TransferActivities(StandardTransfers(http[System.WMS]), carriers[System.WMS]).all(),
            *ProposalActivities(StandardProposing(http[System.PLANNING]), carriers[System.PLANNING]).all(),
        ]
        async with database.transaction() as connection:
            release = OrderRelease.model_validate(RELEASE)
            raw = release.model_dump_json(exclude_none=True).encode()
            message = NewMessage("erp-one", "api", inbox.RELEASE, "SO-1", "d", raw)
            [inbox_id] = await inbox.insert(connection, [message])
            await orders.open_order(connection, "erp-one", release, "d", inbox_id, ["erp-one"])
        yield World(database, sims, {name_of(function): function for function in every})


def name_of(function: Any) -> str:
    """The name under which the worker offers an activity."""
    definition = activity._Definition.must_from_callable(function)
    assert definition.name
    return definition.name


def test_every_operation_has_its_activity() -> None:
    classes = (
        ErpActivities,
        WmsActivities,
        TmsActivities,
        PurchasingActivities,
        ProposalActivities,
        TransferActivities,
    )
    every = [function for kind in classes for function in kind(None, None).all()]  # type: ignore[arg-type]
    taken = {name_of(function): get_type_hints(function)["effect"] for function in every}
    assert len(taken) == len(every)
    assert taken == {f"{SYSTEM_OF[it]}.{it}": Effect[kind_of(it)] for it in Operation}  # type: ignore[misc]


@pytest.mark.parametrize("operation", Operation)
async def test_each_operation_is_done_once_under_its_key(world: World, operation: Operation) -> None:
    first = await world.carry(operation)
    await world.forget()
    again = await world.carry(operation)
    known = await world.carry(operation)
    assert first == again == known
    ledger = await world.sims.ledger(SYSTEM_OF[operation])
    [entry] = ledger["entries"]
    assert (entry["key"], entry["operation"], entry["order"]) == (f"{KEY}/{operation}", operation, "SO-1")
    assert (entry["attempts"], entry["executions"], ledger["duplicates"]) == (2, 1, 0), "the ledger answers then"
    async with world.database.connection() as connection:
        [row] = await (await connection.execute("SELECT key, outcome, reference FROM effect")).fetchall()
    assert row == {"key": f"{KEY}/{operation}", "outcome": "done", "reference": first.reference}


async def test_a_site_is_told_the_whole_order_and_another_its_part(world: World) -> None:
    await world.carry(Operation.INSTRUCT_WAREHOUSE)
    await world.carry(Operation.INSTRUCT_WAREHOUSE, "instruct_warehouse/e1", site="MAD", targets=PART)
    await world.carry(Operation.AMEND_WAREHOUSE, "amend_warehouse/e1", targets=MORE, address_from=0, revision=3)
    here, there = await world.wms(), await world.wms("MAD")
    assert here["lines"] == [{**x.model_dump(), "revision": 3} for x in MORE]
    assert (here["packs"], here["address_version"]) == (52, 2)
    assert there["lines"] == [{"line": 1, "item": "A", "quantity": 2, "revision": 0}]
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
    await world.carry(Operation.AMEND_TENDER, "amend_tender/a1", packs=52, address_from=0, expedite=True)
    booked = await world.tms()
    assert (booked["packs"], booked["address_version"], booked["expedite"]) == (52, 2, True)
    await world.carry(Operation.VOID_TENDER, "void_tender/1", revision=1)
    assert (await world.tms())["state"] == "void"
    again = await world.carry(Operation.TENDER_TRANSPORT, "tender_transport/2", revision=1)
    assert again.carrier not in (None, "carrier-wanted"), "who is named by the release may have turned it down"
    named = await world.carry(Operation.TENDER_TRANSPORT, "tender_transport/3", carrier="carrier-third", revision=2)
    assert named.carrier == "carrier-third"
    booked = await world.tms()
    assert (booked["state"], booked["attempts"], booked["packs"]) == ("accepted", 3, 50)
    assert (await world.sims.ledger("tms"))["duplicates"] == 0


async def test_the_part_of_another_site_is_tendered_and_voided_by_itself(world: World) -> None:
    await world.carry(Operation.TENDER_TRANSPORT)
    await world.carry(Operation.TENDER_TRANSPORT, "tender_transport/e1", site="MAD", packs=2)
    assert [(it["site"], it["packs"]) for it in (await world.tms())["parts"]] == [("", 50), ("MAD", 2)]
    await world.carry(Operation.VOID_TENDER, "void_tender/e1", site="MAD", revision=1)
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
    await change(world, ChangeKind.AMENDED, "change/amended/a1", targets=MORE, promised_on=date(2026, 6, 2))
    await change(world, ChangeKind.AMENDED, "change/amended/a2", targets=MORE[:1], revision=2)
    await change(world, ChangeKind.SHORT_PICKED, "change/short_picked/e1", lines=TWO, site="LYS")
    await change(world, ChangeKind.HELD, "change/held/h1")
    await change(world, ChangeKind.INVOICE_HELD, "change/invoice_held/e2", shipment="DN-1", lines=TWO)
    order = await world.erp()
    told = [(it["line"], it["quantity"], it["revision"]) for it in order["lines"]]
    assert told == [(1, 43, 2), (2, 9, 0)], "packs that are wanted, whatever was told before"
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
        await change(world, ChangeKind.AMENDED, "change/amended/a1", targets=MORE)


async def test_the_address_of_an_amendment_stays_its_own(world: World) -> None:
    """An attempt after the next amendment says what the first attempt said: the same body under the same key."""
    ids = []
    for n in (1, 2):
        wish = {"id": f"a{n}", "reason": "moved", "ship_to": {"id": f"CLINIC-{n}", "country": "DE"}}
        raw = json.dumps({"request": wish}).encode()
        async with world.database.transaction() as connection:
            message = NewMessage("erp-one", "api", "amend", f"a{n}", f"d{n}", raw)
            ids += await inbox.insert(connection, [message])
    for addressed in (ids[0], ids[1], ids[0]):
        await world.forget()
        for operation in (Operation.AMEND_WAREHOUSE, Operation.AMEND_TENDER):
            await world.carry(operation, f"{operation}/{addressed}", addressed, address_from=addressed)
    assert (await world.wms())["addressed"] == (await world.tms())["addressed"] == ids[1]
    told = Effect(key=f"{KEY}/x", order=KEY, accepted_at=NOW, payload=payload_of(Operation.AMEND_WAREHOUSE))
    carrier = EffectExecutor(world.database, Gate("wms"), Timeouts())
    named = [(await carrier.release(told, it)).ship_to.id for it in (0, *ids)]
    assert named == ["CLINIC-9", "CLINIC-1", "CLINIC-2"]
    for system in ("wms", "tms"):
        assert [entry["attempts"] for entry in (await world.sims.ledger(system))["entries"]] == [2, 1]
