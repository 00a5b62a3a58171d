"""Where packs come from: a shortage is covered by another site, a backorder or a planner, as the policy says."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from domain.decision import Cause, Decision, change, delta, effect, moved, redated
from domain.parties import warehouse_partner
from domain.promise import lead_days
from domain.shipments import packs_of
from domain.state import WHOLE_ORDER, OrderState
from domain.trouble import OpenProposal, Short, Source
from domain.variants import PLANS, RANK
from schemas.base import Variant
from schemas.effects import ChangeKind, Effect, LineChange, Operation
from schemas.exceptions import Reaction
from schemas.milestones import MilestoneEvent, ShippedLine
from schemas.milestones import MilestoneKind as M
from schemas.orders import OrderStatus
from schemas.records import Proposal, ProposalKind

PICKED, SHIPPED = RANK[OrderStatus.PICKED], RANK[OrderStatus.SHIPPED]


def short_picked(state: OrderState, event: MilestoneEvent) -> Decision:
    """A site could not pick some packs: its availability is cut by the reason, and the packs are found elsewhere."""
    if event.id in state.shorts:
        return Decision(state=state.grown(), superseded="this shortage was reported before")
    site = next((s for s in sites(state) if warehouse_partner(s) == event.partner), state.start.site)
    reason = event.reason or "stockout"
    told = Short(site=site, lines=event.lines, reason=reason)
    lines = still_short(state, told)
    if not lines:
        return Decision(state=state.grown(), superseded="these packs have been picked or are no longer wanted")
    cause = Cause(event.id, event.received_at, reason, event.traceparent)
    items = {line.line: line.item for line in state.demand if packs_of(lines, line.line)}
    short = told.model_copy(update={"lines": lines, "items": items})
    known = state.grown(shorts={**state.shorts, event.id: short})
    cut = Decision(
        state=known,
        effects=(change(known, ChangeKind.SHORT_PICKED, cause, site=site, lines=lines),),
        deltas=delta(known, event.kind, cause, moved(known, lines), occurred_at=event.occurred_at, site=site),
    )
    return cut.plus(_cover(known, event.id, short, cause))


def still_short(state: OrderState, short: Short) -> tuple[ShippedLine, ...]:
    """Those of the packs that have not been picked meanwhile, are still wanted, and still are this site's to send."""
    wanted = {line.line: state.due(line) - state.standing(line, PICKED) for line in state.demand}
    found = (
        (line, min(packs_of(short.lines, line), wanted.get(line, 0), share(state, short.site, line)))
        for line in sorted({x.line for x in short.lines})
    )
    return tuple(ShippedLine(line=line, quantity=quantity) for line, quantity in found if quantity > 0)


def _cover(state: OrderState, name: str, short: Short, cause: Cause) -> Decision:
    """The first reaction of the policy that is possible."""
    for reaction in state.start.policy.on_shortage:
        if reaction is Reaction.RE_SOURCE and state.start.variant is Variant.DISTRIBUTION_CENTRE:
            tried = {*sites(state), *(x.site for x in state.shorts.values())}
            site = next((site for site in state.start.policy.alternates if site not in tried), None)
            if site:
                return from_site(state, site, short.lines, cause, instead_of=short.site, short=name)
        elif reaction is Reaction.BACKORDER:
            return backorder(state, short.lines, backorder_day(state, cause), cause, short=name)
        elif reaction is Reaction.PLANNER:
            return _ask(state, name, short, cause)
    return Decision(state=state, done="nothing covers the shortage: people must decide")


def _ask(state: OrderState, name: str, short: Short, cause: Cause) -> Decision:
    packs = sum(line.quantity for line in short.lines)
    return propose(
        state,
        ProposalKind.SHORTAGE,
        name,
        backorder_day(state, cause),
        cause,
        f"{packs} packs are short at {short.site} ({short.reason}): backorder them?",
        short.lines,
    )


def propose(
    state: OrderState,
    kind: ProposalKind,
    subject: str,
    day: date,
    cause: Cause,
    summary: str,
    lines: tuple[ShippedLine, ...] = (),
) -> Decision:
    """Ask the planner."""
    number = state.proposed + 1
    name = f"{state.start.key}/{number}"
    asked = OpenProposal(kind=kind, subject=subject, proposed_on=day, lines=lines)
    proposal = Proposal(
        id=name,
        kind=kind,
        subject=subject,
        promised_on=state.first_promised_on,
        proposed_on=day,
        lines=lines,
        summary=summary,
        raised_at=cause.accepted_at,
    )
    grown = state.grown(proposed=number, proposals={**state.proposals, name: asked})
    return Decision(state=grown, proposals=(proposal,), done="the planner is asked")


def backorder_day(state: OrderState, cause: Cause) -> date:
    """The day to promise for packs that have to be replenished first, and then take the standard lead time: the same
    day as order promising comes to for them."""
    days = state.start.policy.backorder_days + lead_days(state.start.variant, None)
    return max(state.promised_on, cause.accepted_at.date() + timedelta(days=days))


def backorder(
    state: OrderState, lines: tuple[ShippedLine, ...], day: date, cause: Cause, *, short: str = ""
) -> Decision:
    """The site sends these packs later; their lines are promised anew, and the rest goes ahead."""
    days = {**state.days, **{line.line: max(day, state.first_promise(line.line)) for line in lines}}
    grown = covered(state, lines, f"backordered until {day}", short).grown(
        days=days, told=_without(state.told, lines), supplied=_without(state.supplied, lines)
    )
    effects = (change(grown, ChangeKind.BACKORDERED, cause, lines=lines, promised_on=day),)
    return Decision(state=grown, effects=(*effects, *redated(grown, state, cause)), done=f"backordered until {day}")


def _without(known: dict[int, date], lines: tuple[ShippedLine, ...]) -> dict[int, date]:
    numbers = {line.line for line in lines}
    return {line: day for line, day in known.items() if line not in numbers}


def from_site(
    state: OrderState,
    site: str,
    lines: tuple[ShippedLine, ...],
    cause: Cause,
    *,
    instead_of: str = "",
    short: str = "",
) -> Decision:
    """Let another site send these packs: it is instructed, its transport tendered, and the first site told to leave
    them, each with the difference only."""
    items = {line.line: line.item for line in state.demand}
    less = tuple(LineChange(line=x.line, item=items[x.line], quantity=-x.quantity) for x in lines)
    source = Source(site=site, lines=lines, ref=cause.ref)
    sources = (*(_less(it, lines) if it.site == instead_of else it for it in state.sources), source)
    grown = covered(state, lines, f"sent by {site}", short).grown(sources=sources)
    fields: dict[str, Any] = {"site": site, "lines": lines, "promised_on": grown.promised_on}
    effects = (
        effect(grown, Operation.INSTRUCT_WAREHOUSE, cause, **fields),
        *_amend_at(grown, instead_of or state.start.site, cause, changes=less),
        effect(grown, Operation.TENDER_TRANSPORT, cause, key=f"{Operation.TENDER_TRANSPORT}/{cause.ref}", **fields),
        change(grown, ChangeKind.RE_SOURCED, cause, site=site, lines=lines),
    )
    return Decision(state=grown, effects=effects, sites=(site,), done=f"sent by {site} instead")


def _less(source: Source, lines: tuple[ShippedLine, ...]) -> Source:
    left = ((x.line, x.quantity - packs_of(lines, x.line)) for x in source.lines)
    kept = tuple(ShippedLine(line=line, quantity=quantity) for line, quantity in left if quantity > 0)
    return source.model_copy(update={"lines": kept})


def amended(
    state: OrderState, changes: tuple[LineChange, ...], cause: Cause, *, everyone: bool = False, **fields: Any
) -> tuple[OrderState, tuple[Effect, ...]]:
    """Tell each site and its carrier their part of the changes, or `everyone` who takes part; and the state with what
    the sites send then.

    More is for the first site. Less is taken from it as far as it is to send anything, then from the site asked last.
    """
    sources = list(state.sources)
    told: dict[str, list[LineChange]] = {state.start.site: []}
    for it in changes:
        before = rest = max(0, -it.quantity - share(state, state.start.site, it.line))
        for at in reversed(range(len(sources))):
            taken = min(rest, packs_of(sources[at].lines, it.line))
            if taken:
                told.setdefault(sources[at].site, []).append(it.model_copy(update={"quantity": -taken}))
                sources[at] = _less(sources[at], (ShippedLine(line=it.line, quantity=taken),))
                rest -= taken
        if it.quantity + before - rest:
            told[state.start.site].append(it.model_copy(update={"quantity": it.quantity + before - rest}))
    effects = [
        it
        for site in sites(state)
        if everyone or told.get(site)
        for it in _amend_at(state, site, cause, changes=tuple(told.get(site, ())), **fields)
    ]
    return state.model_copy(update={"sources": tuple(sources)}), tuple(effects)


def _amend_at(state: OrderState, site: str, cause: Cause, **fields: Any) -> Iterator[Effect]:
    first = site == state.start.site
    cause = cause if first else cause._replace(ref=f"{site}/{cause.ref}")
    if Operation.INSTRUCT_WAREHOUSE in PLANS[state.start.variant].instructions:
        yield effect(state, Operation.AMEND_WAREHOUSE, cause, site=site, **fields)
    yield effect(state, Operation.AMEND_TENDER, cause, site="" if first else site, **fields)


def share(state: OrderState, site: str, line: int) -> int:
    """Packs of a line that a site is to send. The first site: what is wanted and no other site was told to send."""
    if site != state.start.site:
        return sum(packs_of(source.lines, line) for source in state.sources if source.site == site)
    wanted = sum(state.wanted(x) for x in state.demand if x.line == line)
    return max(0, wanted - sum(packs_of(source.lines, line) for source in state.sources))


def movable(state: OrderState) -> tuple[ShippedLine, ...]:
    """Packs that the first site is to send, that have not left, and that do not wait there picked: those that another
    site could send instead. What was picked and stayed behind when its shipment left is among them."""
    whole = state.goods.get(WHOLE_ORDER)
    if whole is not None and whole.rank >= PICKED:
        return ()
    found = []
    for line in state.demand:
        ready = sum(it.packs(line.line, SHIPPED if M.SHIPPED in it.seen else PICKED) for it in state.goods.values())
        open_packs = min(state.wanted(line) - ready, share(state, state.start.site, line.line))
        if open_packs > 0:
            found.append(ShippedLine(line=line.line, quantity=open_packs))
    return tuple(found)


def covered(state: OrderState, lines: tuple[ShippedLine, ...], how: str, short: str = "") -> OrderState:
    """The state in which a shortage is dealt with; without a name, every open one that is of these lines only."""
    numbers = {line.line for line in lines}
    names = [short] if short else [name for name, it in state.shorts.items() if not it.covered and _of(it, numbers)]
    done = {name: state.shorts[name].model_copy(update={"covered": how}) for name in names if name in state.shorts}
    return state.model_copy(update={"shorts": {**state.shorts, **done}}) if done else state


def _of(short: Short, numbers: set[int]) -> bool:
    return numbers >= {line.line for line in short.lines}


def sites(state: OrderState) -> tuple[str, ...]:
    """Every site that was told to send something."""
    return tuple(dict.fromkeys((state.start.site, *(source.site for source in state.sources))))
