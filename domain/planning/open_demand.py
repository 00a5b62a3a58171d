"""Open demand: packs of an order that are still wanted and not delivered, as a function of its state.

An absolute figure: planning holds the newest of each, so that nothing has to add up over the order's life.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from domain.milestones.variants import RANK
from domain.orders.goods import site_of
from domain.orders.state import WHOLE_ORDER, OrderState
from schemas.orders.release import LineDue, OrderStatus
from schemas.planning.movements import DemandRow

DELIVERED = RANK[OrderStatus.DELIVERED]
Shares = dict[int, list[tuple[str, int]]]
"""Line → packs that each other site than the order's own has still to bring to the customer."""


def open_demand(state: OrderState) -> tuple[DemandRow, ...]:
    """Open packs of each item, at the site that is to send them, by the earliest day promised for any of them.

    Nothing is open of an order that has ended, nor of packs that a carrier has brought back to the sender.
    """
    if state.ending.closed or state.ending.cancelled is not None:
        return ()
    days = {it.line: it.promised_on for it in state.line_promises}
    shares = _elsewhere(state)
    packs: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], date] = {}
    for line in state.lines:
        for site, quantity in _by_site(state, line, shares):
            about = (line.item, site)
            packs[about] += quantity
            first[about] = min(days[line.line], first.get(about, date.max))
    return tuple(
        DemandRow(item=item, site=site, packs=packs[item, site], day=first[item, site]) for item, site in sorted(packs)
    )


def changed(before: OrderState | None, state: OrderState) -> tuple[DemandRow, ...] | None:
    """The open demand that a step has to write; None when what is written already holds.

    A step of several inputs always writes it: a lost attempt may have written what only some of them had come to.
    """
    single = before is not None and state.version - before.version <= 1
    if before is not None and single and _facts(before) == _facts(state):
        return None
    wanted = open_demand(state)
    return None if before is not None and single and open_demand(before) == wanted else wanted


def _facts(state: OrderState) -> tuple[object, ...]:
    """What open demand is worked out from, as far as it is cheap to compare: most reports change nothing of it."""
    tally = state.tally
    return (
        (
            state.ending.closed,
            state.ending.cancelled,
            state.demand.amended_lines,
            state.demand.cancelled_quantity,
            state.promise_days,
        ),
        (tally.reached[DELIVERED], tally.home, tally.whole.rank >= DELIVERED),
        (state.sourcing.sources, tally.goods if state.sourcing.sources else None),
    )


def _by_site(state: OrderState, line: LineDue, shares: Shares) -> Iterator[tuple[str, int]]:
    """Open packs of a line by the site that is to send them: what no other site is to send is of the order's own."""
    left = max(0, state.due(line) - state.standing(line, DELIVERED))
    for site, share in shares.get(line.line, ()):
        quantity = min(left, share)
        if quantity:
            left -= quantity
            yield site, quantity
    if left:
        yield state.start.site, left


def _elsewhere(state: OrderState) -> Shares:
    """What other sites were told to send, less what they have delivered or a carrier has brought back of it."""
    told: Counter[tuple[str, int]] = Counter()
    for source in state.sourcing.sources:
        if source.site != state.start.site:
            for x in source.lines:
                told[source.site, x.line] += x.quantity
    if not told:
        return {}
    for name, it in state.goods.items():
        site = site_of(state, it)
        for line in it.lines if name != WHOLE_ORDER else ():
            if (site, line) in told:
                told[site, line] -= max(it.packs(line, DELIVERED), state.back(name, line))
    shares: Shares = {}
    for (site, line), quantity in told.items():
        if quantity > 0:
            shares.setdefault(line, []).append((site, quantity))
    return shares
