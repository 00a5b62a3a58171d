"""Comparing books: ours with those of a warehouse, an ERP or planning; each difference with its class, owner, proposal.

Stock is compared per item and site: on hand, allocated, returned and blocked together, for systems divide it
differently. Stock on the way is compared per item, by shipment with an ERP and by site with planning. A difference is
explained when the messages under way add up to it. It waits when something has just moved. Any other is real.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from domain.finance.naming import UnderWay, explaining
from schemas.base import Contract, System
from schemas.finance.entries import AccountEntry, subject_of
from schemas.finance.reconciliation import About, Comparison, Difference, DifferenceClass, DifferenceState
from schemas.inventory.stock import Bucket, Figure, StockPlace
from schemas.orders.release import OrderStatus
from schemas.plurals import counted

AT_SITE = frozenset({Bucket.ON_HAND, Bucket.ALLOCATED, Bucket.RETURNS, Bucket.BLOCKED})
IN_TRANSIT = "in_transit"
"""Planning's place `in_transit:<site>`: packs on their way to or from a site, whatever carries them."""
ON_THE_WAY = (Bucket.TRANSIT, IN_TRANSIT)
ENDED = frozenset({OrderStatus.CLOSED, OrderStatus.CANCELLED, OrderStatus.RETURNED})
RISING = list(OrderStatus)
CENT = Decimal("0.01")
"""Two systems that divide the value of an order round differently. Anything from a cent on is a difference."""
Key = tuple[str, str]
"""(item, `site:<site>`, `transit:<shipment>` or `in_transit:<site>`)."""
Posted = tuple[str, str, str]
"""(order, account, currency)."""
Class = DifferenceClass


class Patience(Contract):
    """How long differences wait, in seconds. `settle_s`: whatever is younger may be two looks at different times.

    `stuck_s`: what is still under way after so long is not timing any more.
    """

    settle_s: float = 120.0
    stuck_s: float = 3600.0


class LedgerMovement(NamedTuple):
    """A movement in our ledger, and whether it is so young that their books need not have it."""

    key: str
    packs: int
    young: bool


class KnownFigures(NamedTuple):
    """Our knowledge of the figures that differ."""

    under_way: Mapping[Key, tuple[UnderWay, ...]]
    moved: Mapping[Key, tuple[LedgerMovement, ...]]
    items: frozenset[str]
    """Every item that our ledger has ever seen."""


def rolled_up(figures: Iterable[Figure]) -> Counter[Key]:
    """Packs per item and site, and per item on the way; customers, suppliers and scrap are left out. So are
    packs that planning has on the way to or from no site: suppliers sent them straight to customers."""
    packs: Counter[Key] = Counter()
    for figure in figures:
        bucket, which = StockPlace.parse(figure.place)
        if bucket in AT_SITE:
            packs[figure.item, f"site:{which}"] += figure.packs
        elif bucket in ON_THE_WAY and which:
            packs[figure.item, figure.place] += figure.packs
    return packs


def joined(found: Iterable[Comparison]) -> Comparison:
    """Several comparisons of a run as one."""
    parts = tuple(found)
    return Comparison(
        compared=sum(x.compared for x in parts),
        differences=tuple(d for x in parts for d in x.differences),
    )


def differing(ours: Mapping[Key, int], theirs: Mapping[Key, int]) -> list[Key]:
    """Which figures differ."""
    return [key for key in sorted({*ours, *theirs}) if ours.get(key, 0) != theirs.get(key, 0)]


def stock(system: System, ours: Mapping[Key, int], theirs: Mapping[Key, int], known: KnownFigures) -> Comparison:
    """Compare figures of stock."""
    their_items = {item for item, _ in theirs}
    found = []
    for key in differing(ours, theirs):
        item, where = key
        kind, why = _classified(key, ours, theirs, known, their_items)
        owner, proposal = _correction(system, key, kind, ours.get(key, 0), theirs.get(key, 0), why)
        found.append(
            Difference(
                about=About.STOCK,
                subject=f"{item} @ {where}",
                item=item,
                place=where,
                kind=kind,
                ours=str(ours[key]) if key in ours else "",
                theirs=str(theirs[key]) if key in theirs else "",
                explained_by=why if kind is Class.TIMING else "",
                owner=owner,
                proposal=proposal,
            )
        )
    return Comparison(compared=len({*ours, *theirs}), differences=tuple(found))


def _classified(
    key: Key, ours: Mapping[Key, int], theirs: Mapping[Key, int], known: KnownFigures, their_items: set[str]
) -> tuple[Class, str]:
    """The class of a difference, and why: what is under way, or the movement that is missing or doubled."""
    difference = theirs.get(key, 0) - ours.get(key, 0)
    under_way, moved = known.under_way.get(key, ()), known.moved.get(key, ())
    if explains := explaining(difference, under_way):
        return Class.TIMING, ", ".join(x.by for x in explains)
    if young := [x.key for x in moved if x.young]:
        return Class.TIMING, f"just moved: {', '.join(young)}"
    if key[0] not in known.items or key[0] not in their_items:
        return Class.MASTER_DATA, ""
    for x in moved:
        if difference == -x.packs:
            return Class.MISSING, x.key
        if difference == x.packs:
            return Class.DUPLICATE, x.key
    return (Class.QUANTITY if key in ours and key in theirs else Class.MISSING), ""


def _correction(system: System, key: Key, kind: Class, ours: int, theirs: int, why: str) -> tuple[System, str]:
    """The owner of the figure, and the remedy there. Warehouses own what is at their site, carriers (through the
    TMS) say what is on the way; an ERP and planning follow."""
    item, where = key
    bucket, which = StockPlace.parse(where)
    owner = System.TMS if bucket in ON_THE_WAY else System.WMS
    if kind is Class.MASTER_DATA:
        return System.ERP, f"check whether item {item} is known under this number in {system}"
    if kind is Class.MISSING and why and system is not owner:
        return owner, f"confirm movement {why}; then {system} books it once"
    if kind is Class.DUPLICATE and why:
        return owner, f"confirm movement {why} once; then {system} reverses its second booking"
    if bucket in ON_THE_WAY:
        what = f"shipment {which}" if bucket == Bucket.TRANSIT else f"shipments to and from {which}"
        return owner, f"trace {what}: {ours:,} or {counted(theirs, 'pack')} of {item} on the way"
    return owner, f"count {item} at {which}: {ours:,} or {counted(theirs, 'pack')}; then report an adjustment"


class OurOrder(NamedTuple):
    """An order of ours: the status that its system should say, effects that it has not been told, and whether the order
    has just changed."""

    status: str
    owed: tuple[str, ...]
    young: bool


def expected_status(status: OrderStatus, told: Iterable[OrderStatus]) -> OrderStatus:
    """The status that an ERP should say of an order: that it has ended, else the furthest that it was told. It is told
    no status between the promise and what leaves, arrives or comes back."""
    return status if status in ENDED else max((OrderStatus.PROMISED, *told), key=RISING.index)


def _same_status(ours: str, theirs: str) -> bool:
    """An ERP closes an order by itself when all of it has arrived; we wait for the proof of delivery."""
    return theirs == ours or (ours, theirs) == (OrderStatus.DELIVERED, OrderStatus.CLOSED)


def orders(ours: Mapping[str, OurOrder], theirs: Mapping[str, str], waiting: Mapping[str, str]) -> Comparison:
    """Compare the status of orders with an ERP, which owns them. `waiting`: what has come of orders that we do not have
    yet, as a release in quarantine."""
    found = []
    for number in sorted({*ours, *theirs}):
        known, said = ours.get(number), theirs.get(number, "")
        if known is not None and _same_status(known.status, said):
            continue
        waits: tuple[str, ...]
        if known is None:
            waits = (waiting[number],) if number in waiting else ()
        else:
            waits = known.owed or (("it has just changed",) if known.young else ())
        proposal = "release it again" if known is None else f"take in the status {known.status}"
        found.append(
            Difference(
                about=About.ORDER,
                subject=subject_of(About.ORDER, number),
                kind=Class.TIMING if waits else Class.MISSING,
                ours=known.status if known else "",
                theirs=said,
                explained_by=", ".join(waits),
                owner=System.ERP,
                proposal=f"{proposal}, or say why not",
            )
        )
    return Comparison(compared=len({*ours, *theirs}), differences=tuple(found))


def effects(
    system: System, ours: Mapping[str, bool], theirs: Iterable[str], elsewhere: Collection[str] = ()
) -> Comparison:
    """Compare our effects (key → whether it was confirmed) with those in the system's books. `elsewhere`: ours at other
    targets of the system, which may keep one list of all."""
    counted = Counter(key for key in theirs if key not in elsewhere)
    found = [x for key in sorted({*ours, *counted}) if (x := _effect(system, key, ours.get(key), counted[key]))]
    return Comparison(compared=len({*ours, *counted}), differences=tuple(found))


def _effect(system: System, key: str, confirmed: bool | None, times: int) -> Difference | None:
    if times == int(bool(confirmed)) and confirmed is not None:
        return None
    if times > 1:
        kind, why, proposal = Class.DUPLICATE, "", f"reverse what was booked {times} times under one key"
    elif confirmed is None:
        kind, why, proposal = Class.DUPLICATE, "", "reverse what nobody owes, or say where it came from"
    elif confirmed:
        kind, why, proposal = Class.MISSING, "", "book what was confirmed"
    else:
        kind, why, proposal = Class.TIMING, "its confirmation is on the way", "nothing: it is sent again under its key"
    return Difference(
        about=About.EFFECT,
        subject=subject_of(About.EFFECT, key),
        kind=kind,
        ours="" if confirmed is None else "done" if confirmed else "owed",
        theirs=str(times),
        explained_by=why,
        owner=system,
        proposal=proposal,
    )


def accounts(
    ours: Mapping[Posted, Decimal], theirs: Mapping[Posted, Decimal], owed: Mapping[str, Sequence[str]]
) -> Comparison:
    """Compare what orders have in accounts with an ERP, which owns them. `owed`: by order, what it was not told yet."""
    found = []
    for order, account, currency in sorted({*ours, *theirs}):
        name = (order, account, currency)
        mine, said = ours.get(name, Decimal(0)), theirs.get(name, Decimal(0))
        if abs(mine - said) < CENT:
            continue
        if owed.get(order):
            kind, proposal = Class.TIMING, "nothing: it is sent again under its key"
        elif not said:
            kind, proposal = Class.MISSING, f"post {mine} {currency} to {account} of order {order}"
        elif said == 2 * mine or not mine:
            kind, proposal = Class.DUPLICATE, f"reverse {said - mine} {currency} in {account} of order {order}"
        else:
            kind, proposal = (
                Class.QUANTITY,
                f"check order {order} in {account}: {mine} or {said} {currency}",
            )
        found.append(
            Difference(
                about=About.ACCOUNT,
                subject=AccountEntry(order, account, currency).subject,
                item=account,
                place=currency,
                kind=kind,
                ours=str(mine),
                theirs=str(said),
                explained_by=", ".join(owed.get(order, ())),
                owner=System.ERP,
                proposal=proposal,
            )
        )
    return Comparison(compared=len({*ours, *theirs}), differences=tuple(found))


def judged(difference: Difference, first_seen: datetime, now: datetime, patience: Patience) -> DifferenceState:
    """Whether a difference waits for another look or is for people. A real one is for people after a second look; an
    explained one when its explanation has been under way for too long."""
    waits_s = patience.stuck_s if difference.kind is Class.TIMING else patience.settle_s
    late = now - first_seen >= timedelta(seconds=waits_s)
    return DifferenceState.OPEN if late else DifferenceState.WAITING


def summaries(differences: Iterable[Difference]) -> Iterator[tuple[str, str]]:
    """(subject, sentence) of each, for a case."""
    for x in differences:
        if x.about is About.BOOK:
            yield x.subject, f"{x.ours} in our books, {x.theirs} is right; {x.proposal}"
            continue
        waits = f", explained by {x.explained_by}" if x.explained_by else ""
        yield (
            x.subject,
            f"{x.kind}: ours {x.ours or 'none'}, theirs {x.theirs or 'none'}{waits}; {x.owner}: {x.proposal}",
        )
