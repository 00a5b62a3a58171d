"""Promises in the gateway: the one that is given at release, the question what would be promised, and the message by
which an order hears of another day."""

from datetime import UTC, datetime, timedelta
from itertools import product

from domain import promising as decide
from domain.promise import lead_days
from gateway.admission import digest_of
from gateway.requests import CommandRecord
from schemas.base import Role, Variant
from schemas.commands import ActionRequest, Verb
from schemas.exceptions import Action, OrderPolicy
from schemas.lifecycle import OrderStart
from schemas.orders import LinePromise, OrderRelease, Promise
from schemas.promising import (
    STOCK,
    Given,
    Need,
    PromiseAnswer,
    PromiseQuestion,
    Redate,
    Source,
    Terms,
)
from store import promising
from store.engine import Connection, Database
from store.inbox import NewMessage

PROMISING = "promising"
"""Who tells orders of another day."""


async def first_promise(
    database: Database, start: OrderStart, release: OrderRelease, policy: OrderPolicy
) -> OrderStart:
    """The start with its promise. Of an order from a distribution centre, what it is promised is reserved in the same
    transaction, once: whoever asks again gets the same. Others, and replays of the past, are promised by lead time."""
    if start.variant is not Variant.DISTRIBUTION_CENTRE or start.clock == "events":
        return start
    async with database.transaction() as connection:
        given, fresh = await promising.given(connection, start.key)
        if given is None and fresh:
            given = await _give(connection, start, release, policy)
    if given is None:  # promised before there was order promising
        return start
    return start.model_copy(update={"promise": given.promise, "sendings": given.sendings})


async def _give(connection: Connection, start: OrderStart, release: OrderRelease, policy: OrderPolicy) -> Given:
    terms = Terms(
        site=start.site,
        alternates=policy.alternates,
        released_on=start.released_at.date(),
        lead_days=lead_days(start.variant, release.mode),
        replenish_days=policy.backorder_days,
        priority=start.priority,
    )
    needs = [Need(line=x.line, item=x.item, packs=x.quantity, wanted_on=x.due_on) for x in start.lines]
    items = {it.item for it in needs}
    free = await promising.free(connection, await promising.lock(connection, items, terms.sites))
    given, pegs = decide.first(start.promise, needs, terms, decide.Pool(free), _managed(free))
    await promising.give(connection, start.key, given, terms, pegs)
    return given


def _managed(free: list[Source]) -> set[tuple[str, str]]:
    return {(it.item, it.site) for it in free if it.supply == STOCK}


async def would_promise(database: Database, question: PromiseQuestion, policy: OrderPolicy) -> PromiseAnswer:
    """What would be promised now. Reserves nothing, and waits for nobody."""
    today = datetime.now(UTC).date()
    terms = Terms(
        site=question.site,
        alternates=question.alternates or policy.alternates,
        released_on=today,
        lead_days=lead_days(Variant.DISTRIBUTION_CENTRE, question.mode),
        replenish_days=policy.backorder_days,
    )
    needs = [
        Need(line=x.line, item=x.item, packs=x.quantity, wanted_on=x.requested_on or question.requested_on)
        for x in question.lines
    ]
    async with database.connection() as connection:
        free = await promising.free(connection, product({it.item for it in needs}, terms.sites))
    earliest = today + timedelta(days=terms.lead_days)
    lines = tuple(LinePromise(line=it.line, promised_on=max(it.wanted_on, earliest)) for it in needs)
    late = sum(1 for it in needs if it.wanted_on < earliest)
    reason = f"{late} of {len(lines)} lines need the lead time until {earliest}" if late else "as requested"
    by_lead_time = Promise(promised_on=max(x.promised_on for x in lines), lines=lines, reason=reason)
    given, pegs = decide.first(by_lead_time, needs, terms, decide.Pool(free), _managed(free))
    return PromiseAnswer(promise=given.promise, parts=pegs)


def redating(redate: Redate, request_id: str) -> NewMessage:
    """The message by which an order is told of other days; the relay hands it over as any command."""
    request = ActionRequest(id=request_id, reason=redate.reason, action=Action.RE_DATE, promises=redate.promises)
    record = CommandRecord[ActionRequest](
        key=redate.order, verb=Verb.ACT, by=PROMISING, role=Role.ADMIN, request=request
    )
    return NewMessage(
        partner=PROMISING,
        channel=PROMISING,
        kind=record.kind,
        external_id=request.id,
        digest=digest_of(record.raw),
        raw=record.raw,
    )
