"""Where packs come from: a shortage is covered by another site, a backorder or a planner, as the policy says."""

from datetime import date, timedelta
from typing import Any

from domain.days import day_of
from domain.inventory.promise import delivered_on
from domain.milestones.shipments import lines_of, packs_by_line
from domain.milestones.variants import RANK
from domain.orders.decision import Decision, EffectCause, change, delta, effect, moved, rescheduled
from domain.orders.fulfilment import OtherSource
from domain.orders.issues import Shortage, content_of
from domain.orders.promises import OpenProposal
from domain.orders.state import WHOLE_ORDER, OrderState
from domain.orders.targets import amended, carried, instructed, share_of, shares, sites
from domain.partners.parties import warehouse_partner
from schemas.base import Variant
from schemas.cases.exceptions import Reaction
from schemas.ids import LineKey
from schemas.messaging.effects import ChangeKind
from schemas.messaging.order_effects import InstructWarehouse, TenderTransport
from schemas.orders.changes import SitesJoined
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.release import OrderStatus
from schemas.planning.proposals import Proposal, ProposalKind, ProposalsRaised
from schemas.plurals import with_verb

PICKED, SHIPPED = RANK[OrderStatus.PICKED], RANK[OrderStatus.SHIPPED]


def short_picked(state: OrderState, event: MilestoneEvent) -> Decision:
    """A site could not pick some packs: its availability is cut by the reason, and the packs are found elsewhere."""
    said = content_of(event)
    if event.id in state.issues.shortages or any(short.said == said for short in state.issues.shortages.values()):
        return Decision(state=state, superseded="this shortage was reported before")
    site = next((s for s in sites(state) if warehouse_partner(s) == event.partner), state.start.site)
    reason = event.reason or "stockout"
    told = Shortage(site=site, lines=event.lines, reason=reason, said=said)
    lines = still_short(state, told)
    if not lines:
        return Decision(state=state, superseded="these packs have been picked or are no longer wanted")
    cause = EffectCause(event.id, event.received_at, reason, event.traceparent)
    items = {line.line: state.by_line[line.line].item for line in lines}
    short = told.model_copy(update={"lines": lines, "items": items})
    known = state.with_changes(issues={"shortages": {**state.issues.shortages, event.id: short}})
    cut = Decision(
        state=known,
        effects=(change(known, ChangeKind.SHORT_PICKED, cause, site=site, lines=lines),),
        deltas=delta(known, event.kind, cause, moved(known, lines), occurred_at=event.occurred_at, site=site),
    )
    return cut.plus(_cover(known, event.id, short, cause))


def still_short(state: OrderState, short: Shortage) -> tuple[ShippedLine, ...]:
    """Those of the packs that have not been picked meanwhile, are still wanted, and still are this site's to send."""
    found = {}
    for number, packs in packs_by_line(short.lines).items():
        line = state.by_line.get(number)
        if line is not None:
            open_packs = state.due(line) - state.standing(line, PICKED)
            found[number] = min(packs, open_packs, share_of(state, short.site, number))
    return lines_of({line: packs for line, packs in found.items() if packs > 0})


def _cover(state: OrderState, name: str, short: Shortage, cause: EffectCause) -> Decision:
    """The first reaction of the policy that is possible."""
    for reaction in state.start.policy.on_shortage:
        if reaction is Reaction.RE_SOURCE and state.start.variant is Variant.DISTRIBUTION_CENTRE:
            tried = {*sites(state), *(x.site for x in state.issues.shortages.values())}
            site = next((site for site in state.start.policy.alternates if site not in tried), None)
            if site:
                return from_site(state, site, short.lines, cause, instead_of=short.site, short=name)
        elif reaction is Reaction.BACKORDER:
            return backorder(state, short.lines, backorder_day(state, cause), cause, short=name)
        elif reaction is Reaction.PLANNER:
            return _ask(state, name, short, cause)
    return Decision(state=state, done="nothing covers the shortage: people must decide")


def _ask(state: OrderState, name: str, short: Shortage, cause: EffectCause) -> Decision:
    packs = sum(line.quantity for line in short.lines)
    return propose(
        state,
        ProposalKind.SHORTAGE,
        name,
        backorder_day(state, cause),
        cause,
        f"{with_verb(packs, 'pack', 'is', 'are')} short at {short.site} ({short.reason}): backorder them?",
        short.lines,
    )


def propose(
    state: OrderState,
    kind: ProposalKind,
    subject: str,
    day: date,
    cause: EffectCause,
    summary: str,
    lines: tuple[ShippedLine, ...] = (),
) -> Decision:
    """Ask the planner."""
    number = state.replanning.count + 1
    name = str(LineKey(state.start.subject, number))
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
    proposals = {**state.replanning.proposals, name: asked}
    asking = state.with_changes(replanning={"count": number, "proposals": proposals})
    return Decision(state=asking, changes=(ProposalsRaised(proposals=(proposal,)),), done="the planner is asked")


def backorder_day(state: OrderState, cause: EffectCause) -> date:
    """The day to promise for packs that are replenished first, and then take the standard lead time. Order promising
    comes to the same day."""
    start = state.start
    due = day_of(cause.accepted_at, start.here) + timedelta(days=start.policy.backorder_days)
    return max(state.promised_on, delivered_on(due, start.variant, None, start.way))


def backorder(
    state: OrderState, lines: tuple[ShippedLine, ...], day: date, cause: EffectCause, *, short: str = ""
) -> Decision:
    """The site sends these packs later; their lines are promised anew, and the rest goes ahead."""
    days = {**state.promises.by_decision, **{line.line: max(day, state.first_promise(line.line)) for line in lines}}
    others = {"by_supply": _without(state.promises.by_supply, lines), "by_eta": _without(state.promises.by_eta, lines)}
    later = covered(state, lines, f"backordered until {day}", short).with_changes(
        promises={"by_decision": days, **others}
    )
    effects = (change(later, ChangeKind.BACKORDERED, cause, lines=lines, promised_on=day),)
    return Decision(state=later, effects=(*effects, *rescheduled(later, state, cause)), done=f"backordered until {day}")


def _without(known: dict[int, date], lines: tuple[ShippedLine, ...]) -> dict[int, date]:
    numbers = {line.line for line in lines}
    return {line: day for line, day in known.items() if line not in numbers}


def from_site(
    state: OrderState,
    site: str,
    lines: tuple[ShippedLine, ...],
    cause: EffectCause,
    *,
    instead_of: str = "",
    short: str = "",
) -> Decision:
    """Let another site send these packs. It is instructed and its transport tendered. The site that was to send them
    gets its new targets."""
    source = OtherSource(site=site, lines=lines, ref=cause.ref)
    sources = (*(_less(it, lines) if it.site == instead_of else it for it in state.sourcing.sources), source)
    resourced = covered(state, lines, f"sent by {site}", short).with_changes(sourcing={"sources": sources})
    about: dict[str, Any] = {
        "site": site,
        "promised_on": resourced.promised_on,
        "address_from": resourced.demand.address_message,
    }
    effects = (
        effect(resourced, InstructWarehouse(targets=instructed(resourced, site), **about), cause),
        *amended(state, resourced, cause),
        effect(resourced, TenderTransport(packs=carried(resourced, site), **about), cause),
        change(resourced, ChangeKind.RE_SOURCED, cause, site=site, lines=lines),
    )
    joined = SitesJoined(sites=(site,))
    return Decision(state=resourced, effects=effects, changes=(joined,), done=f"sent by {site} instead")


def _less(source: OtherSource, lines: tuple[ShippedLine, ...]) -> OtherSource:
    taken = packs_by_line(lines)
    left = ((x.line, x.quantity - taken.get(x.line, 0)) for x in source.lines)
    kept = tuple(ShippedLine(line=line, quantity=quantity) for line, quantity in left if quantity > 0)
    return source.model_copy(update={"lines": kept})


def movable(state: OrderState) -> tuple[ShippedLine, ...]:
    """Packs that another site could send instead of the first: they have not left, and do not wait there picked. Packs
    that were picked and stayed behind when their shipment left are among them."""
    whole = state.goods.get(WHOLE_ORDER)
    if whole is not None and whole.rank >= PICKED:
        return ()
    found, here = [], shares(state)[state.start.site]
    for line in state.lines:
        ready = state.tally.packs(line.line, PICKED) - state.tally.left_behind.get(line.line, 0)
        open_packs = min(state.wanted(line) - ready, here[line.line])
        if open_packs > 0:
            found.append(ShippedLine(line=line.line, quantity=open_packs))
    return tuple(found)


def covered(state: OrderState, lines: tuple[ShippedLine, ...], how: str, short: str = "") -> OrderState:
    """The state in which a shortage is dealt with; without a name, every open one that is of these lines only."""
    numbers = {line.line for line in lines}
    names = (
        [short]
        if short
        else [name for name, it in state.issues.shortages.items() if not it.covered and _of(it, numbers)]
    )
    done = {
        name: state.issues.shortages[name].model_copy(update={"covered": how})
        for name in names
        if name in state.issues.shortages
    }
    return state.with_changes(issues={"shortages": {**state.issues.shortages, **done}}) if done else state


def _of(short: Shortage, numbers: set[int]) -> bool:
    return numbers >= {line.line for line in short.lines}
