"""The product without its outside: real workflows, records, relay and ledger; systems that note what they are asked."""

import asyncio
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.execution.executor import EffectExecutor, Timeouts
from activities.execution.gate import Gate
from activities.procurement.procurement import ProcurementRecords
from activities.records.records import RecordActivities
from connectors.ports import Call
from dispatch.confirming import Confirmer
from dispatch.handoff import TemporalHandoff
from dispatch.relay import Relay
from dispatch.requests import CommandRecord
from dispatch.restarts.restarting import Restarter, RestartRequest
from domain.partners.parties import parties
from schemas.base import Contract, Role, System, Variant
from schemas.messaging.effects import SYSTEM_OF, Effect, EffectReceipt, Operation
from schemas.messaging.instructions import Accepted
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.release import OrderLine, OrderRelease, Party
from schemas.procurement.documents import PurchaseLine, PurchaseOrder
from schemas.procurement.purchase_effects import PurchaseEffect
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.messaging.wake import Wake
from store.orders import orders
from store.partners import partners
from tests.payloads import said
from tests.stack.standins import until
from worker import WORKFLOWS
from workflows.runtime.sandbox import sandbox

ERP, SITE, CARRIER = "erp-one", "LYS", "dhl"
PARTNERS = {
    ERP: Role.ERP,
    "wms-lys": Role.WMS,
    "tms": Role.TMS,
    CARRIER: Role.CARRIER,
    "sam": Role.SUPPORT,
    "acme": Role.SUPPLIER,
}
OF_PURCHASES = frozenset(
    {
        Operation.REPORT_CONFIRMATION,
        Operation.POST_RECEIPT,
        Operation.SETTLE_INVOICE,
        Operation.REPORT_DECISION,
        Operation.POST_ISSUE,
        Operation.INSTRUCT_TRANSFER,
    }
)
BY = RestartRequest("sam", "it does not run")
_numbers, _ids = count(1), count(1)


@dataclass
class Systems:
    """What every system was asked, each time: its Idempotency-Key and the effect."""

    database: Database
    calls: list[tuple[str, Effect]] = field(default_factory=list)

    def activities(self) -> list[Callable[..., Any]]:
        """One for each operation, through the real ledger."""
        return [self._activity(f"{system}.{name}", system) for name, system in SYSTEM_OF.items()]

    def _activity(self, name: str, system: System) -> Callable[..., Any]:
        carrier = EffectExecutor(self.database, Gate(system), Timeouts())

        async def carried(effect: Effect) -> EffectReceipt:
            async def ask(call: Call) -> Accepted:
                self.calls.append((call.key, effect))
                named = effect.operation is Operation.TENDER_TRANSPORT
                return Accepted(reference=call.key, carrier=(said(effect).carrier or CARRIER) if named else None)

            return await carrier.execute(effect, "", ask)

        @activity.defn(name=name)
        async def carry(effect: OrderEffect) -> EffectReceipt:
            return await carried(effect)

        @activity.defn(name=name)
        async def carry_of_purchase(effect: PurchaseEffect) -> EffectReceipt:
            return await carried(effect)

        return carry_of_purchase if name.partition(".")[2] in OF_PURCHASES else carry

    def twice(self) -> dict[str, int]:
        """Keys and effects that were asked for more than once."""
        by_key = Counter(key for key, _ in self.calls)
        by_effect = Counter(effect.model_dump_json(exclude={"traceparent"}) for _, effect in self.calls)
        return {name: times for counted in (by_key, by_effect) for name, times in counted.items() if times > 1}

    def told(self, key: str) -> list[str]:
        """What systems were asked about an order, without the order's own key."""
        return [name.removeprefix(f"{key}/") for name, effect in self.calls if effect.order == key]


@dataclass
class Product:
    """All of it, and what can be done with it."""

    client: Client
    database: Database
    systems: Systems
    handoff: TemporalHandoff
    restarter: Restarter
    keys: list[str] = field(default_factory=list)

    async def order(self, packs: int = 40, *, number: str = "") -> str:
        """Release an order of one line, and wait for its promise; its key."""
        now = datetime.now(UTC)
        number = number or f"RE-{id(self.database) % 100_000}-{next(_numbers)}"
        release = OrderRelease(
            number=number,
            released_at=now,
            requested_on=(now + timedelta(days=12)).date(),
            variant=Variant.DISTRIBUTION_CENTRE,
            lines=(OrderLine(line=1, item=f"ITEM-{number}", quantity=packs, value=10.0),),
            currency="EUR",
            ship_from=Party(id=SITE, country="FR"),
            ship_to=Party(id="C", country="DE"),
            site=SITE,
            carrier=CARRIER,
            region="EMEA",
        )
        raw = release.model_dump_json(exclude_none=True).encode()
        async with self.database.transaction() as connection:
            [message] = await inbox.insert(connection, [_message(ERP, inbox.RELEASE, number, raw)])
            await orders.open_order(connection, ERP, release, "digest", message, parties(ERP, release))
        key = f"{ERP}/{number}"
        self.keys.append(key)
        await self.shows(key, "promised")
        await until(lambda: len(self.systems.told(key)) >= 2)
        return key

    async def tell(self, key: str, kind: str, partner: str = "wms-lys", **said: Any) -> int:
        """A partner reports a milestone of the order's shipment; the id of the message."""
        number, event_id = key.split("/")[1], f"e-{next(_ids)}"
        data = {
            "kind": kind,
            "order": number,
            "shipment": f"{number}-1",
            "occurred_at": datetime.now(UTC).isoformat(),
            **said,
        }
        envelope = {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/partners/{partner}",
            "type": "syncline.shipment.milestone.v1",
            "data": data,
        }
        return await self._accept(_message(partner, inbox.EVENT, event_id, json.dumps(envelope).encode()))

    async def ask(self, key: str, verb: str, request: Contract) -> int:
        """Support asks something of an order; the id of the message."""
        record = CommandRecord[Any](key=key, verb=verb, by="sam", role=Role.SUPPORT, request=request)
        message = _message("sam", record.kind, getattr(request, "id", ""), record.raw)
        return await self._accept(NewMessage(**{**message.__dict__, "workflow_id": record.workflow_id}))

    async def _accept(self, message: NewMessage) -> int:
        async with self.database.transaction() as connection:
            [made] = await inbox.insert(connection, [message])
        return made

    async def purchase(self, packs: int) -> str:
        """An ERP orders packs from a supplier; the key, once that is written."""
        number, now = f"PO-{id(self.database) % 100_000}-{next(_numbers)}", datetime.now(UTC)
        due = (now + timedelta(days=9)).date()
        line = PurchaseLine(line=1, item=f"ITEM-{number}", packs=packs, unit_price=Decimal(2), due_on=due)
        order = PurchaseOrder(
            number=number, supplier="acme", site=SITE, region="EMEA", currency="EUR", ordered_at=now, lines=(line,)
        )
        raw = order.model_dump_json(exclude_none=True).encode()
        await self.becomes(await self._accept(_message(ERP, inbox.PURCHASE, number, raw)), "applied")
        return f"{ERP}/po:{number}"

    async def document(self, partner: str, kind: str, document: Contract) -> int:
        """A document on a purchase order; the id of the message."""
        name = f"d-{next(_ids)}"
        envelope = {
            "specversion": "1.0",
            "id": name,
            "source": f"/partners/{partner}",
            "type": f"syncline.procurement.{kind}.v1",
            "data": document.model_dump(mode="json", exclude_none=True),
        }
        return await self._accept(_message(partner, inbox.DOCUMENT, name, json.dumps(envelope).encode()))

    async def story(self, key: str, *kinds: str, packs: int = 40) -> None:
        """The rest of a plain story, each report once the one before is settled."""
        for kind in kinds:
            goods = kind in ("picked", "packed", "shipped")
            lines = {"lines": [{"line": 1, "quantity": packs}]} if goods else {}
            await self.becomes(await self.tell(key, kind, "wms-lys" if goods else CARRIER, **lines), "applied")

    def workflow(self, name: str) -> WorkflowHandle[Any, Any]:
        """A workflow by its id."""
        return self.client.get_workflow_handle(name)

    async def becomes(self, message: int, state: str) -> None:
        """Wait until a message is settled so."""

        async def settled() -> bool:
            [row] = await self.rows("SELECT state FROM inbox_message WHERE id = %s", message)
            return bool(row["state"] == state)

        await until(settled)

    async def shows(self, key: str, status: str) -> None:
        """Wait until an order is there."""

        async def there() -> bool:
            found = await self.rows("SELECT status FROM order_view WHERE key = %s", key)
            return bool(found) and found[0]["status"] == status

        await until(there)

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the database."""
        async with self.database.connection() as connection:
            return await (await connection.execute(query.encode(), values)).fetchall()

    async def at_rest(self) -> None:
        """Wait until nothing is owed and every message and step is final."""

        async def quiet() -> bool:
            [row] = await self.rows(
                "SELECT (SELECT count(*) FROM effect WHERE outcome = 'planned') + "
                "(SELECT count(*) FROM event_order WHERE state = 'pending') + "
                "(SELECT count(*) FROM inbox_message WHERE state IN ('received', 'routed')) + "
                "(SELECT count(*) FROM outcome) + (SELECT count(*) FROM head WHERE confirmed < version) AS n"
            )
            return bool(row["n"] == 0)

        await until(quiet)

    async def packs_with_customers(self) -> dict[str, int]:
        """By item, what the ledger says customers have; nothing is anywhere else but where it came from."""
        found: dict[str, int] = defaultdict(int)
        for row in await self.rows("SELECT item, place, packs FROM stock_balance WHERE packs <> 0"):
            bucket = row["place"].partition(":")[0]
            assert bucket in ("customer", "on_hand", "adjustment", "received"), row
            if bucket == "customer":
                found[row["item"]] += row["packs"]
        return found


def _message(partner: str, kind: str, external_id: str, raw: bytes) -> NewMessage:
    digest = hashlib.sha256(raw).hexdigest()
    return NewMessage(partner=partner, channel="api", kind=kind, external_id=external_id, digest=digest, raw=raw)


@asynccontextmanager
async def product_on(client: Client, database: Database) -> AsyncIterator[Product]:
    """Workers, relay and confirmation on a database; whatever still runs at the end is ended."""
    async with database.transaction() as connection:
        for partner, role in PARTNERS.items():
            await partners.add(connection, partner, role, partner)
    systems, handoff = Systems(database), TemporalHandoff(client, database)
    product = Product(client, database, systems, handoff, Restarter(client, database))
    async with AsyncExitStack() as stack:
        for queue in ("orders", System.ERP, System.WMS, System.TMS):
            worker = Worker(
                client,
                task_queue=queue,
                workflows=list(WORKFLOWS) if queue == "orders" else (),
                activities=[
                    *RecordActivities(database).all(),
                    *ProcurementRecords(database).all(),
                    *systems.activities(),
                ],
                workflow_runner=sandbox(),
            )
            await stack.enter_async_context(worker)
        wake = await stack.enter_async_context(Wake(database.url, (inbox.CHANNEL,)))
        tasks = [
            asyncio.create_task(Relay(database, handoff, wake).run()),
            asyncio.create_task(Confirmer(database, handoff.kept).run()),
        ]
        yield product
        for row in await product.rows("SELECT workflow_id FROM head WHERE NOT ended"):
            with suppress(Exception):
                await client.get_workflow_handle(row["workflow_id"]).terminate("the test is over")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
