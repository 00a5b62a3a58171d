"""Comparing targets: what an ERP, a warehouse and transport are to have of each order, by our books and by theirs.

Orders own their targets. Who lost an amendment or a cancellation holds another number of packs, or an order that is no
more. The revision is not compared: right packs are right, whatever said them.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from domain.orders import targets
from domain.orders.split_goods import WrittenOrder
from schemas.base import System
from schemas.finance.entries import subject_of
from schemas.finance.reconciliation import About, Comparison, Difference, DifferenceClass, TargetFigure
from schemas.orders.release import OrderStatus

NAMED = 10
"""Lines that a difference names: those of an order of 2,000 lines fill no case."""
OWN_SITE = "its own site"
TENDER_OVER = "tender_reject"
"""Condition of an order whose tender nobody takes: it may be taken back by now, or lie with the last carrier."""
CANCELLING = "cancelling"
Packs = Mapping[str, int]
"""Held packs by their words: `line 1 of A`, `from LYS`."""
Class = DifferenceClass


class OrderTargets(NamedTuple):
    """The target of a system for an order. `packs`: None when it cannot be told; `called_off`: whether the order is to
    be cancelled there, None when either is right.

    `owed` is what the system was not told yet; `young`: it was told, or the order changed, so lately that its list may
    be older.
    """

    called_off: bool | None
    packs: Packs | None
    owed: tuple[str, ...] = ()
    young: bool = False


class OrderStanding(NamedTuple):
    """How an order stands: its status, its conditions, and whether a carrier was asked to bring goods of it back."""

    status: OrderStatus
    conditions: Collection[str]
    intercepted: bool


def expected(system: System, target: str, order: WrittenOrder, it: OrderStanding) -> OrderTargets:
    """The expected target of a system: a warehouse at its site, an ERP and transport of all of it.

    Goods that are brought back leave the tender as it is, and nothing more is told of it.
    """
    cancelled, cancelling = it.status is OrderStatus.CANCELLED, CANCELLING in it.conditions
    either = None if it.intercepted else False
    if system is System.ERP:
        return OrderTargets(cancelled, None if cancelled else _lines(targets.wanted(order)))
    if system is System.WMS:
        gone = cancelled or cancelling
        return OrderTargets(gone or either, None if gone else _lines(targets.at_sites(order).get(target, {})))
    if cancelling or TENDER_OVER in it.conditions:
        return OrderTargets(None, None)
    if cancelled:
        return OrderTargets(None if it.intercepted else True, None)
    sites = {site: sum(lines.values()) for site, lines in targets.shares(order).items()}
    return OrderTargets(either, {_part("" if at == order.start.site else at): packs for at, packs in sites.items()})


def held(figure: TargetFigure) -> Packs:
    """The target that a system holds of an order."""
    packs = _lines({(x.line, x.item): x.quantity for x in figure.lines})
    return {**packs, **{_part(x.site): x.packs for x in figure.parts}}


def compare(
    system: System, ours: Mapping[str, OrderTargets], theirs: Mapping[str, TargetFigure], known: Collection[str]
) -> Comparison:
    """Compare what is to be had of orders. `known`: orders of ours among theirs that are not compared here."""
    found = []
    for number in sorted({*ours, *theirs}):
        order, said = ours.get(number), theirs.get(number)
        if order is None and number in known:
            continue
        differs = _differs(order or OrderTargets(called_off=True, packs=None), said)
        if differs is None:
            continue
        kind, mine, there = differs
        waits = (order.owed or (("it has just changed",) if order.young else ())) if order else ()
        has = mine if order else "nothing: nobody knows it"
        found.append(
            Difference(
                about=About.TARGET,
                subject=subject_of(About.TARGET, number),
                place=f"order:{number}",
                kind=Class.TIMING if waits else kind,
                ours=mine if order else "",
                theirs=there,
                explained_by=", ".join(waits),
                owner=system,
                proposal=f"take in what order {number} is to have: {has}",
            )
        )
    return Comparison(compared=len({*ours, *theirs}), differences=tuple(found))


def _differs(order: OrderTargets, said: TargetFigure | None) -> tuple[Class, str, str] | None:
    """The class of a difference, ours and theirs in words; None when there is none."""
    there = held(said) if said else {}
    if order.called_off:
        holds = said is not None and not said.cancelled and any(there.values())
        return (Class.DUPLICATE, "cancelled", _words(there, there)) if holds else None
    if said is not None and said.cancelled:
        return None if order.called_off is None else (Class.MISSING, _words(order.packs or {}, {}), "cancelled")
    if order.packs is None:
        return None
    mine = order.packs
    about = {x: 0 for x in (*mine, *there) if mine.get(x, 0) != there.get(x, 0)}
    if not about:
        return None
    return Class.QUANTITY if said else Class.MISSING, _words(mine, about), _words(there, about) if said else ""


def _words(packs: Packs, about: Packs) -> str:
    """Packs in words, of those things only, or of all when there are none."""
    named = [f"{x}: {packs.get(x, 0)}" for x in sorted(about or packs)]
    return ", ".join(named[:NAMED]) + (f" and {len(named) - NAMED} more" if len(named) > NAMED else "")


def _lines(packs: targets.Targets) -> Packs:
    return {f"line {line} of {item}": n for (line, item), n in packs.items() if n}


def _part(site: str) -> str:
    return f"from {site or OWN_SITE}"
