"""Reservations follow what happens to their order: used up as packs are allocated, given back when they are not wanted.

A step is followed once, in its own transaction, under the locks of the items concerned.
"""

from collections import Counter
from datetime import date
from typing import NamedTuple, Self

from psycopg.types.json import Jsonb

from schemas.inventory.promising import REPLENISHMENT, STOCK, Reservation, Terms
from schemas.inventory.stock import Bucket, Moves, StockMoved, StockPlace, place
from schemas.messaging.order_effects import OrderEffect, ReportMilestone, sent_elsewhere
from schemas.messaging.owed import EffectsPlanned
from schemas.orders.changes import LineRecord, LinesChanged, OrderPromised, OrderViewChanged, ReleaseAmended
from schemas.orders.milestones import ShippedLine
from schemas.workflows.records import StepRecord
from store.engine import Connection
from store.inventory import promising, supply

UNKNOWN = date.min
"""`Reservation.day` of packs that are not promised from anything yet."""
UNRESERVED = f"""
    WITH queued AS (
        INSERT INTO repromise (item)
        SELECT DISTINCT l.item
        FROM order_promise g
        JOIN order_view o ON o.key = g.order_key
        JOIN order_line_view l USING (order_key)
        JOIN stock_item s ON (s.item, s.site) = (l.item, o.site)
        WHERE g.order_key = %s
            AND NOT EXISTS (SELECT FROM peg p WHERE (p.order_key, p.line) = (l.order_key, l.line))
        RETURNING item
    )
    SELECT pg_notify('{supply.CHANNEL}', '')
    FROM queued
    LIMIT 1
"""


class ReservedStep(NamedTuple):
    """What reservations follow of a step. `more`: more may be wanted than before; `sent`: packs that other
    sites send instead."""

    order: str
    version: int
    closed: bool
    amended: bool
    more: bool
    lines: tuple[LineRecord, ...]
    moves: Moves
    sent: dict[str, tuple[ShippedLine, ...]]

    @classmethod
    def of(
        cls, record: StepRecord, moved: Moves | None = None, owed_anew: tuple[OrderEffect, ...] | None = None
    ) -> Self:
        """A step. Of one that is decided again: what it `moved` by now, and the effects that were not owed before.

        More may be wanted after an amendment, with another item, or when a corrected report took packs back.
        """
        moves = record.get(StockMoved).moves if moved is None else moved
        owed = record.get(EffectsPlanned).effects if owed_anew is None else owed_anew
        view, amended = record.find(OrderViewChanged), record.get(ReleaseAmended)
        corrected = any(isinstance(it.payload, ReportMilestone) and it.payload.correction for it in owed)
        return cls(
            order=record.order,
            version=record.version,
            closed=view is not None and view.closed,
            amended=bool(amended.messages),
            more=bool(amended.messages or amended.items or corrected),
            lines=record.get(LinesChanged).lines,
            moves=moves,
            sent=sent_elsewhere(owed),
        )


async def begin(connection: Connection, order: str) -> None:
    """Have lines looked at that were promised by lead time while stock of their item became known."""
    await connection.execute(UNRESERVED.encode(), (order,))


async def hold(connection: Connection, record: StepRecord, *, again: bool) -> bool:
    """Lock the items that a step may free or reserve, before anything else is; whether there are any. `again`: it may
    have been decided before, otherwise, and what that used up may be wanted again."""
    if record.find(OrderPromised):
        return False
    step = ReservedStep.of(record)
    new = again or step.more
    if not (step.moves or step.closed or new or step.sent):
        return False
    cursor = await connection.execute(
        """
        SELECT item
        FROM stock_item
        WHERE item IN (SELECT item FROM peg WHERE order_key = %s) OR item = ANY(%s)
        ORDER BY item, site
        FOR UPDATE
        """,
        (step.order, sorted({x.item for x in step.lines}) if new else []),
    )
    return bool(await cursor.fetchall())


async def follow(connection: Connection, step: ReservedStep, *, again: bool) -> None:
    """Make the reservations of an order follow a step, once; `again` when what a lost attempt had moved was undone: what
    it had used up is wanted again. The items are held."""
    days = {str(x.line): x.promised_on.isoformat() for x in step.lines} if step.amended else {}
    cursor = await connection.execute(
        """
        UPDATE order_promise
        SET version = %s, told = told || %s
        WHERE order_key = %s AND (version < %s OR %s)
        RETURNING terms
        """,
        (step.version, Jsonb(days), step.order, step.version, again),
    )
    known = await cursor.fetchone()
    if known is None:
        return
    cursor = await connection.execute(
        "SELECT * FROM peg WHERE order_key = %s ORDER BY line, site, supply_key", (step.order,)
    )
    before = [promising.peg_of(row) for row in await cursor.fetchall()]
    terms = Terms.model_validate(known["terms"])
    after = [] if step.closed else followed(before, step)
    if not step.closed:
        after = together([*after, *await _more(connection, step, after, terms, again=again)])
    if set(after) != set(before):
        await promising.release(connection, {(step.order, it.line) for it in before})
        await promising.reserve(connection, [(step.order, terms.priority, it) for it in after])
        await supply.look_at(connection, {it.item for it in (*before, *after)})


def followed(reservations: list[Reservation], step: ReservedStep) -> list[Reservation]:
    """What is left of the reservations: those of packs that were allocated are used up, stock first; of packs that are
    not wanted any more, or that another site sends now, given back, the latest first."""
    taken, lines, kept = _taken(step), {x.line: x for x in step.lines}, list[Reservation]()
    for number in sorted({it.line for it in reservations}):
        own, line = [it for it in reservations if it.line == number], lines.get(number)
        if line is None:
            kept += own
            continue
        own = _by_day([it for it in own if it.item == line.item])
        over = max(0, sum(it.packs for it in own) - open_packs(line))
        for site in sorted({it.site for it in own}):
            used = _held(own, {site}, min(over, taken[site, line.item]))
            own = _less(own, used, {site})
            taken[site, line.item] -= used
            over -= used
        own = _less(own[::-1], over, {it.site for it in own})[::-1]
        for to, packs in step.sent.items():
            elsewhere = {it.site for it in own} - {to}
            own = _less(own[::-1], sum(x.quantity for x in packs if x.line == number), elsewhere)[::-1]
        kept += [it.model_copy(update={"wanted_on": line.promised_on}) for it in own] if step.amended else own
    return sorted(kept, key=lambda it: (it.line, it.site, it.supply))


def together(reservations: list[Reservation]) -> list[Reservation]:
    """One for each line, site and supply: the table has one row for them."""
    found: dict[tuple[int, str, str], Reservation] = {}
    for it in reservations:
        known = found.get((it.line, it.site, it.supply))
        packs = it.packs + (known.packs if known else 0)
        found[it.line, it.site, it.supply] = it.model_copy(update={"packs": packs})
    return list(found.values())


def open_packs(line: LineRecord) -> int:
    """Packs of a line that are wanted and not allocated yet: no more than these are reserved."""
    return max(0, line.ordered - line.cancelled - max(line.allocated, line.shipped))


async def _more(
    connection: Connection, step: ReservedStep, reservations: list[Reservation], terms: Terms, *, again: bool
) -> list[Reservation]:
    """Packs that an amendment or a substitution added, that another site sends now, or that are wanted `again`: to be
    replenished, until the keeper of promises has looked. Only where stock is kept. What another site was told to send
    keeps its day; the rest has none yet, as nobody has seen whether there is anything for it."""
    wanted = Counter[tuple[int, str]]()
    lines = {x.line: x for x in step.lines}
    for to, packs in step.sent.items():
        wanted.update({(x.line, to): x.quantity for x in packs if x.line in lines})
    if again or step.more:
        for number, line in lines.items():
            found = sum(it.packs for it in reservations if it.line == number)
            wanted[number, terms.site] += open_packs(line) - found - sum(wanted[number, to] for to in step.sent)
    cursor = await connection.execute(
        "SELECT item, site FROM stock_item WHERE item = ANY(%s) AND site = ANY(%s)",
        ([x.item for x in step.lines], [site for _, site in wanted]),
    )
    kept = {(row["item"], row["site"]) for row in await cursor.fetchall()}
    return [
        Reservation(
            line=number,
            item=lines[number].item,
            site=site,
            supply=REPLENISHMENT,
            packs=packs,
            due=lines[number].promised_on,
            day=lines[number].promised_on if site in step.sent else UNKNOWN,
            wanted_on=lines[number].promised_on,
        )
        for (number, site), packs in sorted(wanted.items())
        if packs > 0 and (lines[number].item, site) in kept
    ]


def _taken(step: ReservedStep) -> Counter[tuple[str, str]]:
    """Packs that left what is on hand of a site, other than by a correction of its books."""
    found = Counter[tuple[str, str]]()
    for at, items in step.moves.items():
        bucket, site = StockPlace.parse(at)
        if bucket == Bucket.ON_HAND:
            corrected = step.moves.get(place(Bucket.ADJUSTMENT, site), {})
            found.update({(site, item): max(0, -packs - corrected.get(item, 0)) for item, packs in items.items()})
    return found


def trimmed(reservations: list[Reservation], packs: int) -> list[Reservation]:
    """Without so many packs, the latest first."""
    return _less(_by_day(reservations)[::-1], packs, {it.site for it in reservations})[::-1]


def _by_day(reservations: list[Reservation]) -> list[Reservation]:
    """Stock first, then supplies by their day, then what is to be replenished."""
    return sorted(reservations, key=lambda it: (it.supply == REPLENISHMENT, it.supply != STOCK, it.due, it.site))


def _held(reservations: list[Reservation], sites: set[str], most: int) -> int:
    return min(most, sum(it.packs for it in reservations if it.site in sites))


def _less(reservations: list[Reservation], packs: int, sites: set[str]) -> list[Reservation]:
    """Without so many packs at these sites, taken from the first on."""
    kept = []
    for it in reservations:
        gone = min(packs, it.packs) if it.site in sites else 0
        packs -= gone
        if it.packs > gone:
            kept.append(it.model_copy(update={"packs": it.packs - gone}))
    return kept
