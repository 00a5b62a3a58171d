"""Syncline's whole path: release and six milestones over HTTP, through every part, to the simulators."""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas.base import Role, Variant
from schemas.orders.release import OrderLine, OrderRelease, Party
from simulators.driver import Driver, Targets
from simulators.world.plans import OrderPlan, PlannedShipment
from stack.layout import LocalStack
from store.engine import Database
from store.partners import partners
from tests.bench.http import LeanClient
from tests.bench.load import STAGES, in_waves

ERP, WMS, CARRIER = "erp-bench", "wms-lys", "carrier-bench"
INSTRUCTIONS = ("instruct_warehouse", "tender_transport")
TOLD = frozenset({"picked", "packed", "shipped", "delivered"})
GOODS = ("picked", "packed", "shipped")
LINES = ({"line": 1, "quantity": 40}, {"line": 2, "quantity": 60})
CREATED, ACCEPTED = 201, 202
DECIDED = (
    "SELECT count(*) AS n FROM event_order e JOIN unnest(%s::text[], %s::text[]) AS x(order_key, event_id) "
    "USING (order_key, event_id) WHERE e.state = 'applied' OR EXISTS (SELECT FROM outcome o "
    "WHERE o.workflow_id = 'order/' || e.order_key AND o.event_id = e.event_id AND o.verdict = 'applied')"
)
"""How many of these events their orders have applied, confirmed or not."""
CONFIRMED = (
    "SELECT count(*) AS n FROM head JOIN unnest(%s::text[]) AS x(workflow_id) USING (workflow_id) "
    "WHERE confirmed = version"
)
DONE = "SELECT count(*) AS n FROM effect JOIN unnest(%s::text[]) AS x(key) USING (key) WHERE outcome = 'done'"
LOOK_EVERY_S = 0.1


@dataclass
class Product:
    """The load's side of the running product."""

    database: Database
    clients: dict[str, LeanClient]
    prefix: str
    driver: Driver

    async def silence(self, orders: int) -> None:
        """Tell the simulators that nothing happens to these orders by itself: this load reports every milestone."""
        nothing = (PlannedShipment(events=()),)
        centre = Variant.DISTRIBUTION_CENTRE
        await self.driver.plan(
            [OrderPlan(order=f"{self.prefix}-{n}", variant=centre, shipments=nothing) for n in range(orders)]
        )

    async def release(self, n: int) -> None:
        """Release an order; its promise comes in the answer."""
        status, body = await self.clients[ERP].post("/v1/orders", self.order(n))
        assert status in (CREATED, ACCEPTED), body

    def order(self, n: int) -> bytes:
        """An order as the ERP writes it."""
        now = datetime.now(UTC)
        order = OrderRelease(
            number=f"{self.prefix}-{n}",
            released_at=now,
            requested_on=(now + timedelta(days=9)).date(),
            variant=Variant.DISTRIBUTION_CENTRE,
            lines=(OrderLine(line=1, item="ABC-1", quantity=40), OrderLine(line=2, item="ABC-2", quantity=60)),
            ship_from=Party(id="LYS", country="FR"),
            ship_to=Party(id="CUST-1", name="A Customer", country="DE", address="1 Street, 10115 Berlin"),
            site="LYS",
            carrier=CARRIER,
            region="EMEA",
        )
        return order.model_dump_json(exclude_none=True).encode()

    async def milestone(self, n: int, kind: str) -> None:
        """Report a milestone as the partner that owns it."""
        partner = WMS if kind in GOODS else CARRIER
        status, body = await self.clients[partner].post("/v1/events", event(f"{self.prefix}-{n}", kind, partner))
        assert status == ACCEPTED, body

    async def reached(self, step: str, members: range) -> bool:
        """Whether these orders have finished a step: the event applied, and what was owed because of it done.

        Looks by primary keys only, so that looking costs next to nothing.
        """
        keys = [f"{ERP}/{self.prefix}-{n}" for n in members]
        if step == "release":
            return await self._done([f"{key}/{instruction}" for key in keys for instruction in INSTRUCTIONS])
        partner = WMS if step in GOODS else CARRIER
        events = [f"/partners/{partner}#{self.prefix}-{n}.{step}.0" for n in members]
        decided = await self._count(DECIDED, keys, events)
        told = [f"{ERP}/{self.prefix}-{n}/DN-{self.prefix}-{n}/{step}" for n in members] if step in TOLD else []
        return decided and (not told or await self._done(told))

    async def confirmed(self, orders: int) -> bool:
        """Whether the server has kept everything that was decided for the first so many orders."""
        return await self._count(CONFIRMED, [f"order/{ERP}/{self.prefix}-{n}" for n in range(orders)])

    async def _done(self, effects: list[str]) -> bool:
        return await self._count(DONE, effects)

    async def _count(self, query: str, *lists: list[str]) -> bool:
        async with self.database.connection() as connection:
            cursor = await connection.execute(query.encode(), lists)
            row = await cursor.fetchone()
        return bool(row and row["n"] == len(lists[0]))

    async def orders_per_s(self, orders: int) -> float:
        """Carry orders through the whole product; how many a second. Returns when all is confirmed."""
        await self.silence(orders)
        took_s = await in_waves(orders, self.release, self.milestone, self.reached)
        while not await self.confirmed(orders):
            await asyncio.sleep(LOOK_EVERY_S)
        return orders / took_s

    async def steadily(self, rate_per_s: float, seconds: float) -> None:
        """An open load: messages at a steady rate, whatever the product does. Seven messages make an order."""
        orders = max(1, int(rate_per_s * seconds))
        await self.silence(orders)
        messages = [(n, step) for step in range(7) for n in range(orders)]
        began = time.monotonic()
        sent: list[asyncio.Task[None]] = []
        for at, (n, step) in enumerate(sorted(messages, key=lambda m: m[0] + m[1] * orders / 7)):
            await asyncio.sleep(max(0.0, began + at / (rate_per_s * 7) - time.monotonic()))
            sent.append(asyncio.create_task(self.release(n) if step == 0 else self.milestone(n, STAGES[step - 1])))
        await asyncio.gather(*sent)
        async with asyncio.timeout(60):
            while not await self.reached("delivered", range(orders)):
                await asyncio.sleep(0.1)


def event(order: str, kind: str, partner: str, number: int = 0) -> bytes:
    """A milestone in its envelope."""
    goods = {"order": order, "lines": LINES} if kind in GOODS else {}
    data = {"kind": kind, "shipment": f"DN-{order}", "occurred_at": datetime.now(UTC).isoformat(), **goods}
    envelope = {
        "specversion": "1.0",
        "id": f"{order}.{kind}.{number}",
        "source": f"/partners/{partner}",
        "type": "syncline.shipment.milestone.v1",
        "data": data,
    }
    return json.dumps(envelope).encode()


async def connect(stack: LocalStack, database: Database, prefix: str) -> Product:
    """Partners, keys and connections."""
    roles = {ERP: Role.ERP, WMS: Role.WMS, CARRIER: Role.CARRIER, "tms": Role.TMS}
    host, port = stack.urls.gateway.removeprefix("http://").split(":")
    clients = {}
    async with database.transaction() as connection:
        for partner, role in roles.items():
            await partners.add(connection, partner, role, partner)
            key = await partners.new_key(connection, partner, "bench")
            headers = f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            clients[partner] = LeanClient(host, int(port), headers)
    token = stack.env["SYNCLINE_SIM_TOKEN"]
    return Product(database, clients, prefix, Driver(Targets(stack.urls.gateway, "", stack.urls.sims, token)))
