"""A scenario while it is played: its rules and orders, what people were sent about it, and its checks."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from demo.checks import Checks
from demo.order import Order
from demo.stage import (
    CARRIER,
    CURRENCY,
    PRICE,
    SITE,
    SUPPLIER,
    Actors,
    ArrivedMessages,
    SceneFailed,
    Stage,
    channel_rule,
)
from gateway.views.orders import CaseList, CaseView, QuarantinedMessage, QuarantineList
from schemas.base import Contract, System, Variant
from schemas.cases.exceptions import CasePolicy, Channel, ExceptionKind, OrderPolicy
from schemas.cases.policies import About, ChannelPolicy, PolicyRule, Scope
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import OrderLine, OrderRelease, Party
from schemas.workflows.commands import NoteRequest, ReplanDecision
from simulators.systems.answers import CallAnswers
from simulators.world.network import centre

SUPPLIER_COUNTRY = "IE"
CUSTOMER_COUNTRY = "KE"


class Scene(Checks):
    """One scenario. A check that fails ends it with `SceneFailed`."""

    def __init__(self, stage: Stage, name: str) -> None:
        super().__init__(stage, name)
        self.orders: list[Order] = []
        self.documents: list[str] = []
        """Numbers of its purchase orders, and ids of its proposals."""

    @property
    def customer(self) -> str:
        """The customer of all its orders: rules for it touch no other scenario."""
        return f"CUSTOMER-{self.name.upper()}"

    async def order_policy(self, policy: OrderPolicy) -> None:
        """Policies of this scenario's customer: their differences from the defaults."""
        await self._rule("order", Scope(customer=self.customer), policy)

    async def case_policy(self, kind: ExceptionKind, policy: CasePolicy) -> None:
        """Case policies of this scenario's customer: their differences from the defaults."""
        await self._rule("case", Scope(customer=self.customer, kind=kind), policy)

    async def _rule(self, about: About, scope: Scope, policy: Contract) -> None:
        body = policy.model_dump(mode="json", exclude_unset=True)
        await self.stage.put_rule(PolicyRule(id=self.next_id(), about=about, scope=scope, body=body))

    async def reach(self, queue: str, channel: Channel, address: str) -> None:
        """A queue of people is reached over a channel at this address."""
        await self.stage.put_rule(channel_rule(self.next_id(), ChannelPolicy(address=address), channel, queue))

    async def order(
        self,
        lines: Mapping[int, int],
        *,
        days: int = 10,
        carrier: str = CARRIER,
        direct: bool = False,
        proof: bool = False,
        email: str | None = None,
        answers: Mapping[System, CallAnswers] | None = None,
        happens: tuple[MilestoneKind, ...] = (),
        instructed: bool = True,
        item: str = "ITEM",
    ) -> Order:
        """Release an order of so many packs of each line, wanted in `days`, and wait until it was `instructed`.

        Its warehouse has that many. `direct`: from its supplier instead. `proof`: proof of delivery is required.
        `email`: of the customer. `answers`: the systems' answers. `happens`: the simulated warehouse's own actions.
        `item`: the prefix of its item names.
        """
        now = datetime.now(UTC)
        number = f"{self.name.upper()}-{len(self.orders) + 1}"
        release = OrderRelease(
            number=number,
            released_at=now,
            requested_on=(now + timedelta(days=days)).date(),
            variant=Variant.DIRECT_DROP if direct else Variant.DISTRIBUTION_CENTRE,
            lines=tuple(
                OrderLine(line=n, item=f"{item}-{number}-{n}", quantity=packs, value=packs * PRICE)
                for n, packs in lines.items()
            ),
            currency=CURRENCY,
            ship_from=Party(id=SUPPLIER, country=SUPPLIER_COUNTRY) if direct else centre("EMEA"),
            ship_to=self.ship_to(email),
            site=None if direct else SITE,
            supplier=SUPPLIER if direct else None,
            carrier=carrier,
            region="EMEA",
            proof_of_delivery_required=proof,
        )
        order = Order(self, release)
        self.orders.append(order)
        for system, said in (answers or {}).items():
            await order.meets(system, said)
        if not direct:
            await self.stage.put_away(SITE, {line.item: line.quantity for line in release.lines})
        await order.release(happens)
        if instructed:
            await order.instructed()
        return order

    def ship_to(self, email: str | None = None, address: str = "1 First Street") -> Party:
        """The customer, at an address."""
        return Party(id=self.customer, country=CUSTOMER_COUNTRY, address=address, email=email)

    async def work_on(self, case: CaseView, verb: str, reason: str, to: str | None = None) -> None:
        """Support acknowledges, assigns or resolves a case. Raises `SceneFailed` when it is refused."""
        note = NoteRequest(id=self.next_id(), reason=reason, **({"to": to} if to else {}))
        await self._carried_out(Actors.SUPPORT, f"/v1/cases/{case.id}/{verb}", note)

    async def decide(self, decision: ReplanDecision) -> None:
        """The planner answers a proposal. Raises `SceneFailed` when that is refused."""
        await self._carried_out(Actors.PLANNER, f"/v1/proposals/{decision.proposal}/decision", decision)

    async def _carried_out(self, by: Actors, path: str, body: Contract) -> None:
        answer = await self.stage.ask(by, path, body)
        if not answer.is_success:
            raise SceneFailed(f"{path}: {answer.status_code} {answer.text[:300]}")

    async def quarantined(self, claim: str, partner: str) -> QuarantinedMessage:
        """Wait for a message of a partner in quarantine."""
        found: list[QuarantinedMessage] = []

        async def quarantined() -> bool:
            listed = await self.stage.read(Actors.SUPPORT, "/v1/quarantine", QuarantineList, limit=500)
            found[:] = [message for message in listed.messages if message.partner == partner]
            return bool(found)

        await self.until(claim, quarantined)
        return found[0]

    async def no_case_is_open(self) -> None:
        """Wait until every case of its orders is closed."""

        async def closed() -> bool:
            asked = [self.stage.read(Actors.SUPPORT, "/v1/cases", CaseList, order=it.number) for it in self.orders]
            return not any(listed.cases for listed in await asyncio.gather(*asked))

        await self.until("no case is open", closed)

    async def sent(self, claim: str, says: Callable[[ArrivedMessages], bool]) -> None:
        """Wait for what people should be sent."""

        async def arrived() -> bool:
            return says(await self.stage.messages())

        await self.until(claim, arrived)
