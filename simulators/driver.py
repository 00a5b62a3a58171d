"""The demo's driver: says what will happen, plays the ERP that releases orders, and reads the systems' books after."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from schemas.base import Contract, System
from schemas.inventory.reports import InventoryBatch, InventoryReport
from schemas.inventory.supply import StockReport
from schemas.messaging.webhooks import webhook_secret
from schemas.orders.milestones import Milestone
from schemas.orders.release import OrderRelease
from schemas.partners.master_data import MasterKind
from schemas.procurement.documents import ProcurementDocument
from simulators.faults import PRESETS, Faults
from simulators.systems.answers import CallAnswers
from simulators.systems.erp_stock import Releases
from simulators.systems.ledger import LedgerReport
from simulators.systems.purchasing import ItemRules
from simulators.systems.supplying import SupplyPlan, document_message
from simulators.webhooks import OutboxStatus, message_of
from simulators.world.network import ERP
from simulators.world.plans import MAX_BATCH, OrderPlan, PlanBatch

RELEASES_AT_ONCE = 12
"""Releases under way at once: below the gateway's own limit."""
TRY_AGAIN_AFTER_S = 0.5
"""Seconds between tries while a process starts or is away."""
TRIES = 240
"""Tries of one call: two minutes in all."""
BROKEN_AT_MOST = 5
"""Broken messages of a run: enough to show that none is lost."""
TIMEOUT_S = 30.0
"""Seconds for an answer: a release waits for a few at most."""
RELEASED, LATER = 201, 202
ANSWERED = frozenset({200, RELEASED, LATER})
TRY_AGAIN = frozenset({429, 502, 503, 504})

Ask = Callable[[], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Targets:
    """Addresses of the gateway and the simulators, and the credentials for each. `master_secret` only for a driver
    that speaks as a partner."""

    gateway: str
    erp_key: str = field(repr=False)
    simulators: str
    simulator_token: str = field(repr=False)
    master_secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class ReleaseRefusal:
    """An order that the gateway did not take, with the findings of its answer."""

    number: str
    status: int
    findings: str


class Driver:
    """Use as an async context manager."""

    def __init__(self, targets: Targets) -> None:
        self._master_secret = targets.master_secret
        self._sims = httpx.AsyncClient(
            base_url=targets.simulators,
            headers={"Authorization": f"Bearer {targets.simulator_token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )
        self._gateway = httpx.AsyncClient(
            base_url=targets.gateway,
            headers={"Authorization": f"Bearer {targets.erp_key}", "Content-Type": "application/json"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sims.aclose()
        await self._gateway.aclose()

    async def _sim(self, method: str, path: str, content: str | bytes = b"") -> httpx.Response:
        """Ask the systems' stand-ins something that may be asked twice: again when the connection breaks."""
        return await asked_again(lambda: self._sims.request(method, path, content=content))

    async def plan(self, plans: Sequence[OrderPlan]) -> None:
        """Register what will physically happen. Raises httpx.HTTPStatusError when a plan is refused."""
        for at in range(0, len(plans), MAX_BATCH):
            body = PlanBatch.dump_json(tuple(plans[at : at + MAX_BATCH]), exclude_none=True)
            response = await self._sim("PUT", "/plans", content=body)
            response.raise_for_status()

    async def faults(self, preset: str) -> None:
        """Switch a preset of faults on, in every system."""
        for system in System:
            await self.befall(system, PRESETS[preset])

    async def befall(self, system: System, faults: Faults) -> None:
        """Let faults befall one system, instead of those that did."""
        response = await self._sim("PUT", f"/{system}/faults", content=faults.model_dump_json())
        response.raise_for_status()

    async def release(self, releases: Sequence[OrderRelease], told: Callable[[str], None]) -> list[ReleaseRefusal]:
        """Release orders as an ERP would: several at once, again after a fault. `told(number)` after each."""
        places = asyncio.Semaphore(RELEASES_AT_ONCE)

        async def one(order: OrderRelease) -> ReleaseRefusal | None:
            async with places:
                refusal = await self._release(order)
                told(order.number)
                return refusal

        content = Releases.dump_json(tuple(releases), exclude_none=True)
        (await self._sim("PUT", f"/erp/{ERP}/released", content=content)).raise_for_status()
        answers = await asyncio.gather(*(one(order) for order in releases))
        return [refusal for refusal in answers if refusal]

    async def _release(self, order: OrderRelease) -> ReleaseRefusal | None:
        body = order.model_dump_json(exclude_none=True)
        response = await _insist(lambda: self._gateway.post("/v1/orders", content=body))
        if response is None:
            return ReleaseRefusal(order.number, 0, "the gateway did not answer")
        if response.status_code in ANSWERED:
            return None
        return ReleaseRefusal(order.number, response.status_code, response.text[:500])

    async def command(self, path: str, body: Contract) -> httpx.Response:
        """Ask something of an order as its ERP: any POST of the API, again after a fault. Raises when none answers."""
        content = body.model_dump_json(exclude_none=True)
        return await decided(lambda: self._gateway.post(path, content=content))

    async def say(self, partner: str, milestone: Milestone, event_id: str) -> httpx.Response:
        """Tell a milestone as a partner would: enveloped, signed, again after a fault. Raises when none answers."""
        message = message_of(partner, milestone, event_id)
        secret = webhook_secret(self._master_secret, partner)
        (await self._sim("PUT", f"/wms/said/{partner}", content=message.body)).raise_for_status()

        def post() -> Awaitable[httpx.Response]:
            return self._gateway.post(message.path, content=message.body, headers=message.signed(secret))

        return await decided(post)

    async def inventory(self, key: str, reports: Sequence[InventoryReport]) -> None:
        """Report inventory as the warehouse that has this API key: into its own books, then to the gateway, again after
        a fault. Raises httpx.HTTPStatusError when one of them refuses it."""
        for at in range(0, len(reports), MAX_BATCH):
            content = InventoryBatch(reports=tuple(reports[at : at + MAX_BATCH])).model_dump_json(exclude_none=True)
            (await self._sim("PUT", "/wms/reports", content=content)).raise_for_status()
            bearer = {"Authorization": f"Bearer {key}"}

            def post(content: str = content, bearer: dict[str, str] = bearer) -> Awaitable[httpx.Response]:
                return self._gateway.post("/v1/inventory", content=content, headers=bearer)

            (await decided(post)).raise_for_status()

    async def stock(self, system: System, instance: str = "") -> dict[tuple[str, str], int]:
        """(item, place) → packs, as a system's own books say: of a site, an ERP, or all of planning."""
        path = f"/{instance}/v1/stock" if instance else "/v1/stock"
        found = StockReport.model_validate(await self.read(system, path))
        return {(it.item, it.place): it.packs for it in found.figures}

    async def document(self, partner: str, document: ProcurementDocument, event_id: str) -> httpx.Response:
        """Send a procurement document as a partner would, signed, again after a fault. Raises when none answers."""
        message = document_message(partner, document, event_id)
        secret = webhook_secret(self._master_secret, partner)

        def post() -> Awaitable[httpx.Response]:
            return self._gateway.post(message.path, content=message.body, headers=message.signed(secret))

        return await decided(post)

    async def supply(self, plan: SupplyPlan) -> None:
        """Let a supplier and a warehouse do what a plan says. Raises httpx.HTTPStatusError when it is refused."""
        (await self._sim("PUT", "/supplies", content=plan.model_dump_json(exclude_none=True))).raise_for_status()

    async def item_rules(self, item: str, rules: ItemRules) -> None:
        """Let the ERP demand something of replenishments of an item. Raises httpx.HTTPStatusError."""
        content = rules.model_dump_json(exclude_unset=True)
        (await self._sim("PUT", f"/erp/rules/{item}", content=content)).raise_for_status()

    async def create(self, erp: str, kind: MasterKind, id: str) -> None:
        """Let an ERP know a record that begins with `NEW-` from now on. Raises httpx.HTTPStatusError."""
        (await self._sim("PUT", f"/erp/{erp}/master/{kind}/{id}")).raise_for_status()

    async def answers(self, system: System, order: str, answers: CallAnswers) -> None:
        """Let a system answer calls about an order otherwise than with yes. Raises httpx.HTTPStatusError."""
        content = answers.model_dump_json(exclude_unset=True)
        response = await self._sim("PUT", f"/{system}/answers/{order}", content=content)
        response.raise_for_status()

    async def read(self, system: System, path: str) -> dict[str, Any]:
        """An entry of a system's books, at `path` after its name: `/v1/tenders/PO-1`. Empty when there is none."""
        response = await self._sim("GET", f"/{system}{path}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return {}
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found

    async def outbox(self) -> OutboxStatus:
        """Events of the partners so far, and those that are still to come."""
        response = await self._sim("GET", "/webhooks/outbox")
        return OutboxStatus.model_validate_json(response.content)

    async def books(self) -> dict[str, LedgerReport]:
        """Each system's own ledger."""
        found = {}
        for system in System:
            response = await self._sim("GET", f"/{system}/ledger")
            response.raise_for_status()
            found[system.value] = LedgerReport.model_validate_json(response.content)
        return found


async def asked_again(ask: Ask) -> httpx.Response:
    """The answer to what may be asked twice. Raises httpx.TransportError when the connection breaks each time."""
    for _ in range(BROKEN_AT_MOST):
        try:
            return await ask()
        except httpx.TransportError:
            await asyncio.sleep(TRY_AGAIN_AFTER_S)
    return await ask()


async def _insist(post: Ask) -> httpx.Response | None:
    """Post until the gateway has taken a decision. The last answer, or None when there was none at all."""
    response: httpx.Response | None = None
    for _ in range(TRIES):
        try:
            response = await post()
        except httpx.TransportError:
            response = None
        if response is not None and response.status_code not in TRY_AGAIN:
            return response
        await asyncio.sleep(TRY_AGAIN_AFTER_S)
    return response


async def decided(post: Ask) -> httpx.Response:
    """The decision of the gateway, asked again while it takes none. Raises httpx.TransportError when none comes."""
    response = await _insist(post)
    if response is None:
        raise httpx.TransportError("the gateway did not answer")
    return response
