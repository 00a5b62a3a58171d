"""A stack for hard situations: what is told and asked over the API, lost tasks, and everybody's books at the end."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from demo.order import REQUESTS, Order
from demo.report import RunFacts, build, sound
from demo.scene import Scene
from demo.stage import CARRIER, SITE, Actors, Stage, open_stage
from domain.partners.parties import warehouse_partner
from schemas.base import System
from schemas.orders.milestones import Milestone, MilestoneKind, SentLine
from simulators.webhooks import message_of
from simulators.world.network import ERP
from stack.layout import LocalStack, StackOptions, local_stack
from store.engine import Database
from store.partners import partners
from store.views import report
from tests.faults.losing import LOSS, SEED
from tests.faults.temporal_proxy import TaskFaults, task_faults
from tests.integration.books import compare, compare_lists
from tests.stack.standins import until

PATIENCE_S = 600.0 if os.environ.get("SYNCLINE_CHAOS") == "full" else 120.0
"""Until something is so that needs many steps, or a process that comes again."""
WAREHOUSE = warehouse_partner(SITE)
MOST_BYTES = 900_000
"""JSON of one request: the gateway takes up to 1 MiB."""
DECIDED = ("applied", "superseded", "quarantined")
_numbers = count(1)


@dataclass
class Between:
    """What stands before Temporal: it loses what a test plans, and more when the setting says so."""

    proxy: TaskFaults = field(init=False)

    @asynccontextmanager
    async def stand(self, listen: str, target: str) -> AsyncIterator[TaskFaults]:
        """See `stack.layout.Detour`."""
        async with task_faults(target, listen=listen, seed=SEED, rate=LOSS) as self.proxy:
            yield self.proxy


@dataclass
class Ground:
    """The stack, and everybody who talks to it."""

    stack: LocalStack
    stage: Stage
    database: Database
    client: Client
    proxy: TaskFaults
    gateway: httpx.AsyncClient
    sims: httpx.AsyncClient
    keys: dict[str, str]

    def scene(self, name: str) -> Scene:
        """Where orders are released whose numbers begin so."""
        return Scene(self.stage, f"{name}-{next(_numbers)}")

    async def large(self, name: str, lines: int) -> Order:
        """An order of so many lines of a pack each. Its ERP is asked for every item first, which takes a while."""
        order = await self.scene(name).order(dict.fromkeys(range(1, lines + 1), 1), instructed=False)

        async def taken() -> bool:
            await asyncio.sleep(0.1)
            wms = await self.stage.driver.read(System.WMS, f"/{SITE}/v1/instructions/{order.number}")
            return wms.get("packs") == lines

        await until(taken, PATIENCE_S)
        return order

    async def ask(self, order: Order, verb: str, **said: Any) -> httpx.Response:
        """Support asks something of an order."""
        body = REQUESTS[verb].model_validate({"id": f"ask-{next(_numbers)}", "reason": "a test", **said})
        return await self.stage.ask(Actors.SUPPORT, f"/v1/orders/{order.number}/{verb}", body)

    async def amend(self, order: Order, packs: int) -> httpx.Response:
        """Support asks for so many packs of line 1."""
        return await self.ask(order, "amend", lines=[{"line": 1, "quantity": packs}])

    async def tell(self, partner: str, told: Sequence[Milestone], name: str = "") -> list[int]:
        """A partner tells these in as few requests as they fit in; the ids of the messages."""
        ids: list[int] = []
        for batch in batches(partner, told, name or f"batch-{next(_numbers)}"):
            for body in batch:
                (await self.sims.put(f"/wms/said/{partner}", content=body)).raise_for_status()
            headers = {
                "Authorization": f"Bearer {self.keys[partner]}",
                "Content-Type": "application/cloudevents-batch+json",
            }
            answer = await self.gateway.post("/v1/events", content=b"[" + b",".join(batch) + b"]", headers=headers)
            assert answer.status_code == 202, answer.text
            ids += answer.json()["ids"]
        return ids

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the store."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(query.encode(), values)
            return list(await cursor.fetchall())

    async def decided(self, ids: Iterable[int]) -> dict[str, int]:
        """Wait until messages are final; how many are in each state."""
        wanted = list(ids)

        async def final() -> bool:
            await asyncio.sleep(0.1)
            [row] = await self.rows(
                "SELECT count(*) AS n FROM inbox_message WHERE id = ANY(%s) AND state = ANY(%s)", wanted, list(DECIDED)
            )
            return bool(row["n"] == len(wanted))

        await until(final, PATIENCE_S)
        states = await self.rows(
            "SELECT state, count(*) AS n FROM inbox_message WHERE id = ANY(%s) GROUP BY 1 ORDER BY 1", wanted
        )
        return {row["state"]: row["n"] for row in states}

    async def is_at_rest(self) -> bool:
        """Whether everything is settled: messages, effects, and no step is provisional."""
        await asyncio.sleep(0.1)
        async with self.database.connection() as connection:
            return await report.settled(connection)

    async def agree(self) -> None:
        """Wait until nothing is under way, then compare everybody's books with ours."""
        await until(self.is_at_rest, PATIENCE_S)
        await compare(self.stack)
        await compare_lists(self.stack)
        [orders] = await self.rows("SELECT count(*) AS n FROM order_view")
        facts = RunFacts(orders["n"], dict(self.stack.restarts), 0.0)
        wrong = sound(await build(self.database, self.client, self.stage.driver, facts))
        found = [it for it in wrong if not it.endswith("orders did not end")]
        assert found == [], found

    async def figures(self, order: Order) -> dict[str, Any]:
        """Packs that are wanted of an order of one line, as everybody says, and its status here and in the ERP."""
        read = self.stage.driver.read
        erp = await read(System.ERP, f"/{ERP}/v1/orders/{order.number}")
        wms = await read(System.WMS, f"/{SITE}/v1/instructions/{order.number}")
        tms = await read(System.TMS, f"/v1/tenders/{order.number}")
        item = await read(System.PLANNING, f"/v1/items/ITEM-{order.number}-1")
        [ours] = await self.rows(
            "SELECT status, ordered - l.cancelled AS packs FROM order_line_view l JOIN order_view ON key = order_key "
            "WHERE key = %s",
            order.key,
        )
        return {
            "ours": int(ours["packs"]),
            "wms": wms["packs"],
            "tms": tms["packs"],
            "erp": sum(it["quantity"] for it in erp.get("lines", ())),
            "planning": sum(item.get("demand", {}).values()),
            "status": (ours["status"], erp["status"]),
        }

    async def history(self, order: Order) -> list[list[HistoryEvent]]:
        """The events of every run of an order's workflow, the newest run first."""
        runs, run_id = [], None
        while True:
            handle = self.client.get_workflow_handle(f"order/{order.key}", run_id=run_id)
            events = (await handle.fetch_history()).events
            runs.append(list(events))
            run_id = events[0].workflow_execution_started_event_attributes.continued_execution_run_id
            if not run_id:
                return runs


def batches(partner: str, told: Sequence[Milestone], name: str) -> list[list[bytes]]:
    """The events in requests, each no larger than the gateway takes."""
    found: list[list[bytes]] = [[]]
    size = 0
    for number, it in enumerate(told):
        body = message_of(partner, it, f"{name}-{number}").body
        if found[-1] and (size + len(body) > MOST_BYTES or len(found[-1]) == 500):
            found.append([])
            size = 0
        found[-1].append(body)
        size += len(body)
    return found


def milestone(order: Order, kind: MilestoneKind, nth: int, lines: Iterable[int] = (), **said: Any) -> Milestone:
    """A milestone of the nth shipment of an order; one pack of each of these lines."""
    packs = tuple(SentLine(line=line, quantity=1) for line in lines)
    return Milestone(
        kind=kind,
        order=order.number,
        shipment=order.shipment(nth) if nth else None,
        occurred_at=datetime.now(UTC),
        lines=packs,
        **said,
    )


def delays(order: Order, times: int) -> list[Milestone]:
    """A carrier expects an order later and later."""
    now = datetime.now(UTC)
    return [
        Milestone(
            kind=MilestoneKind.DELAYED,
            order=order.number,
            occurred_at=now + timedelta(milliseconds=nth),
            eta=now + timedelta(days=12 + nth),
        )
        for nth in range(times)
    ]


def payload_bytes(event: HistoryEvent) -> int:
    """Bytes of an event as it is kept and was sent."""
    return event.ByteSize()


@asynccontextmanager
async def open_ground(seed: int = 5) -> AsyncIterator[Ground]:
    """A stack of its own."""
    between = Between()
    options = StackOptions(ephemeral=True, durable=False, seed=seed, detour=between.stand)
    async with local_stack(options) as stack, Database(stack.settings.main_database.url, 4) as database:
        client = await Client.connect(stack.temporal.address, data_converter=pydantic_data_converter)
        async with (
            open_stage(stack, database) as stage,
            httpx.AsyncClient(base_url=stack.urls.gateway, timeout=60, trust_env=False) as gateway,
            httpx.AsyncClient(base_url=stack.urls.sims, timeout=60, trust_env=False) as sims,
        ):
            sims.headers["Authorization"] = f"Bearer {stack.env['SYNCLINE_SIM_TOKEN']}"
            async with database.transaction() as connection:
                keys = {it: await partners.new_key(connection, it, "heart") for it in (CARRIER, WAREHOUSE)}
            yield Ground(stack, stage, database, client, between.proxy, gateway, sims, keys)
