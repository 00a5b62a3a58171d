"""The stage of the scenarios: everybody who talks to Syncline, and everything of which somebody can take a look."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import count
from typing import Any, TypeVar

import httpx

from domain.partners.parties import TRANSPORT_PARTNER, warehouse_partner
from schemas.base import Contract, Role, System
from schemas.cases.exceptions import Channel
from schemas.cases.policies import ChannelPolicy, PolicyRule, Scope
from schemas.inventory.reports import InventoryKind, InventoryReport
from schemas.inventory.stock import Bucket, place
from schemas.settings import MASTER_SECRET, SIM_TOKEN
from simulators.driver import TIMEOUT_S, TRY_AGAIN, Driver, Targets, asked_again
from simulators.world.network import ERP, centre
from stack.layout import LocalStack
from store.engine import Database
from store.partners import partners

PRICE, CURRENCY = Decimal("12.50"), "EUR"
"""The price of a pack on this stage."""
SITE, OTHER_SITE = centre("EMEA").id, centre("APAC").id
"""The warehouse that sends, and the one that can help out."""
CARRIER, SECOND_CARRIER, THIRD_CARRIER = "carrier-alpha", "carrier-bravo", "carrier-cargo"
SUPPLIER = "maker-one"
WAREHOUSES = {warehouse_partner(site): site for site in (SITE, OTHER_SITE)}
"""The site of each warehouse."""
MISTAKEN = "carrier-delta"
"""A carrier that was entered as a supplier, by mistake."""
SERVICE_ADDRESS = "desk@example.com"
"""The address of every queue of people without its own."""
AT_HAND = (Bucket.ON_HAND, Bucket.ALLOCATED)
"""Places of packs that a warehouse can send."""
WAIT_S = 40.0
"""Seconds that a scenario waits for an event."""
FIRST_LOOK_S, LONGEST_PAUSE_S = 0.1, 0.5


class Actors(StrEnum):
    """Partner ids of the callers with an API key."""

    ERP = ERP
    SUPPORT = "helpdesk"
    PLANNER = "planner"
    ADMIN = "admin"


ROLES = {Actors.ERP: Role.ERP, Actors.SUPPORT: Role.SUPPORT, Actors.PLANNER: Role.PLANNING, Actors.ADMIN: Role.ADMIN}
REPORTERS = {
    **dict.fromkeys(WAREHOUSES, Role.WMS),
    TRANSPORT_PARTNER: Role.TMS,
    CARRIER: Role.CARRIER,
    SECOND_CARRIER: Role.CARRIER,
    THIRD_CARRIER: Role.CARRIER,
    SUPPLIER: Role.SUPPLIER,
    MISTAKEN: Role.SUPPLIER,
}
Answer = TypeVar("Answer", bound=Contract)


class SceneFailed(Exception):
    """Something did not come as it should: the scenario ends here."""


class ArrivedMail(Contract):
    """A message that arrived at the mail server."""

    to: tuple[str, ...]
    subject: str
    text: str


class ChatMessage(Contract):
    """A message that arrived in a chat room."""

    room: str
    message: dict[str, Any]


class ArrivedEvent(Contract):
    """A signed event that arrived at a webhook."""

    name: str
    event: dict[str, Any]


class ArrivedMessages(Contract):
    """Messages to people, as the mail server has them."""

    mails: tuple[ArrivedMail, ...]
    chats: tuple[ChatMessage, ...]
    events: tuple[ArrivedEvent, ...]


class Stage:
    """Use with `open_stage`."""

    def __init__(
        self,
        driver: Driver,
        api: Mapping[Actors, httpx.AsyncClient],
        database: Database,
        messages_url: str,
        keys: Mapping[str, str],
    ) -> None:
        self.driver = driver
        self._keys = keys
        self._database = database
        self._api = api
        self._messages_url = messages_url
        self._receipts = count(1)

    async def ask(self, by: Actors, path: str, body: Contract, method: str = "POST") -> httpx.Response:
        """Send a request to the API as somebody, again while the gateway has taken no decision. 4xx is an answer."""
        return await self._call(by, method, path, content=body.model_dump_json(exclude_unset=True))

    async def read(self, by: Actors, path: str, answered: type[Answer], **query: str | int) -> Answer:
        """Read from the API as somebody. Raises `SceneFailed` when it is refused."""
        answer = await self._call(by, "GET", path, params=query)
        if not answer.is_success:
            raise SceneFailed(f"GET {path}: {answer.status_code} {answer.text[:300]}")
        return answered.model_validate_json(answer.content)

    async def look(self, by: Actors, path: str) -> httpx.Response:
        """Read from the API what may not be there yet."""
        return await self._call(by, "GET", path)

    async def _call(self, by: Actors, method: str, path: str, **request: Any) -> httpx.Response:
        """The last answer. Raises httpx.TransportError when there is none to the last attempt."""
        deadline = time.monotonic() + WAIT_S
        while True:
            late = time.monotonic() > deadline
            try:
                answer = await self._api[by].request(method, path, **request)
            except httpx.TransportError:
                if late:
                    raise
            else:
                if late or answer.status_code not in TRY_AGAIN:
                    return answer
            await asyncio.sleep(FIRST_LOOK_S)

    async def messages(self) -> ArrivedMessages:
        """Everything that people were sent so far."""
        async with httpx.AsyncClient(trust_env=False) as mail_server:
            answer = await asked_again(lambda: mail_server.get(self._messages_url))
        return ArrivedMessages.model_validate_json(answer.content)

    async def put_rule(self, rule: PolicyRule) -> None:
        """Put a policy rule as the administrator. Raises `SceneFailed` when it is refused."""
        answer = await self.ask(Actors.ADMIN, "/v1/policies", rule, "PUT")
        if not answer.is_success:
            raise SceneFailed(f"policy {rule.id}: {answer.status_code} {answer.text[:300]}")

    async def has(self, partner: str, packs: Mapping[str, int]) -> None:
        """Let a warehouse have at least so many packs of each item: those that are missing come in. Others have all."""
        if site := WAREHOUSES.get(partner):
            books = await self.driver.stock(System.WMS, site)
            there = {item: sum(books.get((item, place(it, site)), 0) for it in AT_HAND) for item in packs}
            await self.put_away(site, {item: n - there[item] for item, n in packs.items() if n > there[item]})

    async def put_away(self, site: str, packs: Mapping[str, int]) -> None:
        """A warehouse has so many packs of each item more: in its own books, and it says so."""
        now = datetime.now(UTC)
        reports = [
            InventoryReport(
                id=f"receipt-{item}-{next(self._receipts)}",
                kind=InventoryKind.RECEIPT,
                site=site,
                item=item,
                quantity=n,
                occurred_at=now,
                unit_value=PRICE,
                currency=CURRENCY,
            )
            for item, n in packs.items()
        ]
        await self.driver.inventory(self._keys[warehouse_partner(site)], reports)

    async def change_role(self, partner: str, role: Role) -> None:
        """Correct what a partner is to us, as the administrator does on the command line."""
        async with self._database.transaction() as connection:
            await partners.add(connection, partner, role, partner)


async def wait(condition: Callable[[], Awaitable[bool]], within_s: float = WAIT_S) -> bool:
    """Look until a condition holds, more and more seldom. False when it does not come in time."""
    deadline, pause_s = time.monotonic() + within_s, FIRST_LOOK_S
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(pause_s)
        pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)
    return True


@asynccontextmanager
async def open_stage(stack: LocalStack, database: Database) -> AsyncIterator[Stage]:
    """Provision everybody, and give the stage. All mail to our own people goes to one desk."""
    async with database.transaction() as connection:
        for partner, role in (*REPORTERS.items(), *ROLES.items()):
            await partners.add(connection, partner, role, partner)
        warehouses = [partner for partner, role in REPORTERS.items() if role is Role.WMS]
        keys = {name: await partners.new_key(connection, name, "scenarios") for name in (*Actors, *warehouses)}
    targets = Targets(
        stack.urls.gateway,
        keys[Actors.ERP],
        stack.urls.sims,
        stack.env[SIM_TOKEN],
        stack.env[MASTER_SECRET],
    )
    async with AsyncExitStack() as opened:
        api = {
            by: await opened.enter_async_context(
                httpx.AsyncClient(
                    base_url=stack.urls.gateway,
                    headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                    timeout=TIMEOUT_S,
                    trust_env=False,
                )
            )
            for by, key in ((by, keys[by]) for by in Actors)
        }
        driver = await opened.enter_async_context(Driver(targets))
        stage = Stage(driver, api, database, stack.urls.messages, keys)
        await stage.put_rule(channel_rule("desk", ChannelPolicy(address=SERVICE_ADDRESS), Channel.EMAIL))
        yield stage


def channel_rule(name: str, policy: ChannelPolicy, channel: Channel, queue: str | None = None) -> PolicyRule:
    """The rule of a channel to one queue of people, or to every one."""
    body = policy.model_dump(mode="json", exclude_unset=True)
    return PolicyRule(id=name, about="channel", scope=Scope(queue=queue, channel=channel), body=body)
