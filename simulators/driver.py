"""The demo's driver: says what will happen, plays the ERP that releases orders, and reads the systems' books after."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from schemas.base import System
from schemas.orders import OrderRelease
from simulators.faults import PRESETS
from simulators.ledger import LedgerReport
from simulators.plans import MAX_BATCH, OrderPlan, PlanBatch
from simulators.webhooks import OutboxStatus

RELEASES_AT_ONCE = 12
TRY_AGAIN_AFTER_S = 0.5
TRIES = 240
TIMEOUT_S = 30.0
RELEASED, LATER = 201, 202
ANSWERED = frozenset({200, RELEASED, LATER})
TRY_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Targets:
    """Where the gateway and the simulators listen, and the credentials for each."""

    gateway: str
    erp_key: str
    simulators: str
    simulator_token: str


@dataclass(frozen=True)
class Refusal:
    """An order that the gateway did not take, with the findings of its answer."""

    number: str
    status: int
    findings: str


class Driver:
    """Use as an async context manager."""

    def __init__(self, targets: Targets) -> None:
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

    async def plan(self, plans: Sequence[OrderPlan]) -> None:
        """Register what will physically happen. Raises httpx.HTTPStatusError when a plan is refused."""
        for at in range(0, len(plans), MAX_BATCH):
            body = PlanBatch.dump_json(tuple(plans[at : at + MAX_BATCH]), exclude_none=True)
            response = await self._sims.put("/plans", content=body)
            response.raise_for_status()

    async def faults(self, preset: str) -> None:
        """Switch a preset of faults on, in every system."""
        for system in System:
            response = await self._sims.put(f"/{system}/faults", content=PRESETS[preset].model_dump_json())
            response.raise_for_status()

    async def release(self, releases: Sequence[OrderRelease], told: Callable[[str], None]) -> list[Refusal]:
        """Release orders as an ERP would: several at once, again after a fault. `told(number)` after each."""
        places = asyncio.Semaphore(RELEASES_AT_ONCE)

        async def one(order: OrderRelease) -> Refusal | None:
            async with places:
                refusal = await self._release(order)
                told(order.number)
                return refusal

        answers = await asyncio.gather(*(one(order) for order in releases))
        return [refusal for refusal in answers if refusal]

    async def _release(self, order: OrderRelease) -> Refusal | None:
        body = order.model_dump_json(exclude_none=True)
        response: httpx.Response | None = None
        for _ in range(TRIES):
            try:
                response = await self._gateway.post("/v1/orders", content=body)
            except httpx.TransportError:
                response = None
            if response is not None and response.status_code in ANSWERED:
                return None
            if response is not None and response.status_code not in TRY_AGAIN:
                return Refusal(order.number, response.status_code, response.text[:500])
            await asyncio.sleep(TRY_AGAIN_AFTER_S)
        return Refusal(order.number, response.status_code if response else 0, "the gateway did not answer")

    async def outbox(self) -> OutboxStatus:
        """What the partners have said so far, and what they still have to say."""
        response = await self._sims.get("/webhooks/outbox")
        return OutboxStatus.model_validate_json(response.content)

    async def books(self) -> dict[str, LedgerReport]:
        """Each system's own ledger."""
        found = {}
        for system in System:
            response = await self._sims.get(f"/{system}/ledger")
            response.raise_for_status()
            found[system.value] = LedgerReport.model_validate_json(response.content)
        return found
