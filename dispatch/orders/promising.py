"""Promises in the gateway: the first one at release, the promise inquiry, and the message that moves an order's day."""

from datetime import datetime
from itertools import product
from typing import NamedTuple

from dispatch.events.admission import digest_of
from dispatch.orders import days
from dispatch.requests import CommandRecord
from domain.days import day_of
from domain.inventory import pool
from domain.inventory import promising as decide
from domain.inventory.promise import HANDLING_DAYS, begins_on, by_lead_time, lead_days, promise
from schemas.base import Role, Variant
from schemas.cases.exceptions import Action, OrderPolicy
from schemas.days import EVERY_DAY, Days, Way
from schemas.inventory.promising import STOCK, Given, Need, PromiseAnswer, PromiseQuestion, Rescheduling, Source, Terms
from schemas.orders.release import OrderRelease
from schemas.workflows.commands import ActionRequest, Verb
from schemas.workflows.lifecycle import OrderStart
from store.engine import Connection, Database
from store.inventory import promising
from store.messaging.inbox import NewMessage

PROMISING = "promising"
"""The sender of such messages."""


class AskedOrders(NamedTuple):
    """The orders that an inquiry covers."""

    erp: str
    region: str


async def first_promise(
    database: Database, start: OrderStart, release: OrderRelease, policy: OrderPolicy, now: datetime
) -> OrderStart:
    """The start with its promise, made now and kept: a repeat gets the same. Of an order from a distribution centre,
    what it is promised is reserved in the same transaction; others are promised by lead time. A replay of the past
    keeps the promise of its own time."""
    if start.clock == "events":
        return start
    async with database.transaction() as connection:
        given, fresh = await promising.given(connection, start.key)
        if given is None and fresh:
            given = await _give(connection, start, release, policy, now)
    if given is None:  # promised before there was order promising
        return start
    return start.model_copy(update={"promise": given.promise, "sendings": given.sendings})


async def _give(
    connection: Connection, start: OrderStart, release: OrderRelease, policy: OrderPolicy, now: datetime
) -> Given:
    today = begins_on(release, now, start.here)
    own = start.variant is Variant.DISTRIBUTION_CENTRE
    terms = Terms(
        site=start.site,
        alternates=policy.alternates if own else (),
        released_on=today,
        lead_days=lead_days(start.variant, release.mode),
        handling_days=HANDLING_DAYS[start.variant],
        replenish_days=policy.backorder_days,
        priority=start.priority,
        here=start.here,
        carriage=start.way.carriage,
        there=start.there,
        elsewhere=await _elsewhere(connection, start, policy.alternates if own else (), now),
    )
    lead_time = promise(release, today, start.way)
    if not own:
        given = Given(promise=lead_time)
        await promising.give(connection, start.key, given, terms, ())
        return given
    needs = [Need(line=x.line, item=x.item, packs=x.quantity, wanted_on=x.due_on) for x in start.lines]
    items = {it.item for it in needs}
    free = await promising.free(connection, await promising.lock(connection, items, terms.sites))
    given, reservations = decide.first(lead_time, needs, terms, pool.Pool(free), _managed(free))
    await promising.give(connection, start.key, given, terms, reservations)
    return given


async def _elsewhere(
    connection: Connection, order: OrderStart | AskedOrders, alternates: tuple[str, ...], now: datetime
) -> dict[str, Days]:
    """The days of other sites, where something is known of them."""
    places = [days.site_of(order.erp, site, order.region) for site in alternates]
    found = await days.found(connection, places, now) if places else ()
    return {site: it for site, it in zip(alternates, found, strict=True) if it != EVERY_DAY}


def _managed(free: list[Source]) -> set[tuple[str, str]]:
    return {(it.item, it.site) for it in free if it.supply == STOCK}


async def would_promise(
    database: Database, question: PromiseQuestion, policy: OrderPolicy, now: datetime, erp: str = ""
) -> PromiseAnswer:
    """The promise that an order released now would get. Reserves nothing, and waits for nobody."""
    alternates = question.alternates or policy.alternates
    async with database.connection() as connection:
        terms = await _asked(connection, question, policy, now, AskedOrders(erp, question.region or ""), alternates)
        needs = [
            Need(line=x.line, item=x.item, packs=x.quantity, wanted_on=x.requested_on or question.requested_on)
            for x in question.lines
        ]
        free = await promising.free(connection, product({it.item for it in needs}, terms.sites))
    earliest = decide.delivered_on(terms.released_on, terms.site, terms)
    lead_time = by_lead_time(
        {it.line: it.wanted_on for it in needs}, earliest, Way(terms.here, terms.carriage, terms.there)
    )
    given, reservations = decide.first(lead_time, needs, terms, pool.Pool(free), _managed(free))
    return PromiseAnswer(promise=given.promise, parts=reservations)


async def _asked(
    connection: Connection,
    question: PromiseQuestion,
    policy: OrderPolicy,
    now: datetime,
    by: AskedOrders,
    alternates: tuple[str, ...],
) -> Terms:
    """The terms that a release would have."""
    customer = days.customer_of(by.erp, question.customer or "", by.region)
    here, there = await days.found(connection, (days.site_of(by.erp, question.site, by.region), customer), now)
    wanted = (question.carrier,) if question.carrier else ()
    carriers = await days.of_carriers(connection, by.erp, wanted, by.region, now)
    return Terms(
        site=question.site,
        alternates=alternates,
        released_on=day_of(now, here),
        lead_days=lead_days(Variant.DISTRIBUTION_CENTRE, question.mode),
        handling_days=HANDLING_DAYS[Variant.DISTRIBUTION_CENTRE],
        replenish_days=policy.backorder_days,
        here=here,
        carriage=carriers.get(question.carrier or "", EVERY_DAY),
        there=there,
        elsewhere=await _elsewhere(connection, by, alternates, now),
    )


def reschedule_command(rescheduling: Rescheduling, request_id: str) -> NewMessage:
    """The message that gives an order other days; the relay hands it over as any command."""
    request = ActionRequest(
        id=request_id, reason=rescheduling.reason, action=Action.RESCHEDULE, promises=rescheduling.promises
    )
    record = CommandRecord[ActionRequest](
        key=rescheduling.order, verb=Verb.ACT, by=PROMISING, role=Role.ADMIN, request=request
    )
    return NewMessage(
        partner=PROMISING,
        channel=PROMISING,
        kind=record.kind,
        external_id=request.id,
        digest=digest_of(record.raw),
        raw=record.raw,
        workflow_id=record.workflow_id,
    )
