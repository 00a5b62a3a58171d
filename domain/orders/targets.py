"""What each system is to have of an order, as a function of its state: packs of each line and item, by site.

Others are told these targets and never differences, so that it does not matter what they had heard before: who knows
the newest word on every line knows everything.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple, Protocol

from domain.milestones.variants import PLANS
from domain.orders.decision import EffectCause, effect
from domain.orders.demand import OrderDemand
from domain.orders.fulfilment import OrderSourcing, PickedBefore
from domain.orders.state import OrderState
from schemas.messaging.effects import LineTarget, Operation
from schemas.messaging.order_effects import AmendTender, AmendWarehouse, OrderEffect, OrderPayload
from schemas.orders.release import LineDue

Targets = Mapping[tuple[int, str], int]
"""(line, item) → packs."""


class NewTerms(NamedTuple):
    """What an amendment changes beside packs, for everyone: the day, and the message that has the new address."""

    promised_on: date | None = None
    address_from: int | None = None


SAME_TERMS = NewTerms()


class OrderOrigin(Protocol):
    """Where an order begins."""

    @property
    def site(self) -> str:
        """Its own site."""


class Shared(Protocol):
    """An order as far as it says who is to have what: its state, or what is written of it."""

    @property
    def start(self) -> OrderOrigin:
        """Where it begins."""

    @property
    def lines(self) -> tuple[LineDue, ...]:
        """The lines as they are wanted."""

    @property
    def demand(self) -> OrderDemand:
        """What was cancelled of them."""

    @property
    def sourcing(self) -> OrderSourcing:
        """What other sites were told to send, and what stays another item."""

    def wanted(self, line: LineDue) -> int:
        """Packs of a line that are still to be delivered or were."""


def sites(state: Shared) -> tuple[str, ...]:
    """Every site that was told to send something."""
    return tuple(dict.fromkeys((state.start.site, *(source.site for source in state.sourcing.sources))))


def shares(state: Shared) -> dict[str, dict[int, int]]:
    """Packs of each line that each site is to send, what has left included. The first site: what is wanted, or got
    lost after it had left, and no other site was told to send."""
    found: dict[str, dict[int, int]] = {site: {} for site in sites(state)}
    elsewhere = Counter[int]()
    for source in state.sourcing.sources:
        for it in source.lines:
            found[source.site][it.line] = found[source.site].get(it.line, 0) + it.quantity
            elsewhere[it.line] += it.quantity
    found[state.start.site].update(
        {
            line.line: max(
                0, state.wanted(line) + state.demand.cancelled_after_issue.get(line.line, 0) - elsewhere[line.line]
            )
            for line in state.lines
        }
    )
    return found


def at_sites(state: Shared) -> dict[str, Targets]:
    """What each site is to have. Packs that were picked before their line got another item stay what they are."""
    items = {line.line: line.item for line in state.lines}
    kept: dict[tuple[str, int], list[PickedBefore]] = {}
    for it in state.sourcing.picked_before:
        kept.setdefault((it.site, it.line), []).append(it)
    found: dict[str, Targets] = {}
    for site, lines in shares(state).items():
        packs = Counter[tuple[int, str]]()
        for line, share in lines.items():
            rest = share
            for it in kept.get((site, line), ()):
                stays = min(it.quantity, rest)
                packs[line, it.item] += stays
                rest -= stays
            packs[line, items[line]] += rest
        found[site] = packs
    return found


def wanted(state: Shared) -> Targets:
    """What the ERP is to have: the packs of each line that are still to be delivered, or were."""
    found = Counter[tuple[int, str]]()
    others: dict[int, Counter[str]] = {}
    for it in state.sourcing.picked_before:
        others.setdefault(it.line, Counter())[it.item] += it.quantity
    for line in state.lines:
        rest = state.wanted(line)
        for item, packs in others.get(line.line, Counter[str]()).items():
            stays = min(packs, rest)
            found[line.line, item] += stays
            rest -= stays
        found[line.line, line.item] += rest
    return found


def changed(before: Targets, after: Targets) -> tuple[LineTarget, ...]:
    """The targets that are not what they were, by line."""
    names = sorted(dict.fromkeys((*before, *after)), key=lambda name: name[0])
    return tuple(
        LineTarget(line=line, item=item, quantity=after.get((line, item), 0))
        for line, item in names
        if before.get((line, item), 0) != after.get((line, item), 0)
    )


def told(before: OrderState, after: OrderState) -> tuple[LineTarget, ...]:
    """What the ERP is told of lines that are wanted otherwise than before."""
    return changed(wanted(before), wanted(after))


def amended(
    before: OrderState, after: OrderState, cause: EffectCause, terms: NewTerms = SAME_TERMS
) -> tuple[OrderEffect, ...]:
    """Tell each site that took part before, and its carrier, what it is to have now, where that is something else; or
    everyone, because `terms` changed as well."""
    old, new = at_sites(before), at_sites(after)
    return tuple(it for site in sites(before) for it in _amend_at(after, site, old[site], new[site], cause, terms))


def _amend_at(
    state: OrderState, site: str, old: Targets, new: Targets, cause: EffectCause, terms: NewTerms
) -> Iterator[OrderEffect]:
    first = site == state.start.site
    cause = cause if first else cause._replace(ref=f"{site}/{cause.ref}")
    lines, packs = changed(old, new), sum(new.values())
    everyone = terms != SAME_TERMS
    others = {name: it for name, it in terms._asdict().items() if it is not None} | {"reason": cause.reason}
    picks = Operation.INSTRUCT_WAREHOUSE in PLANS[state.start.variant].instructions
    if picks and (lines or everyone):
        yield effect(state, AmendWarehouse(site=site, targets=lines, **others), cause)
    differs = packs != sum(old.values())
    if differs or everyone:
        said = packs if differs else None
        yield effect(state, AmendTender(site="" if first else site, packs=said, **others), cause)


def instructed(state: OrderState, site: str) -> tuple[LineTarget, ...]:
    """What a site that is new is told to send."""
    return changed({}, at_sites(state)[site])


def carried(state: OrderState, site: str) -> int:
    """Packs that are to be carried from a site."""
    return sum(shares(state)[site].values())


def fitted(state: OrderState) -> OrderState:
    """The state in which no more is to be sent than is wanted. Less is taken from the first site as far as it is to
    send anything, then from the site asked last."""
    most = {
        line.line: state.wanted(line) + state.demand.cancelled_after_issue.get(line.line, 0) for line in state.lines
    }
    over = Counter({x.line: 0 for source in state.sourcing.sources for x in source.lines})
    for source in state.sourcing.sources:
        for x in source.lines:
            over[x.line] += x.quantity
    over.subtract({line: most.get(line, 0) for line in over})
    if not any(packs > 0 for packs in over.values()):
        return state
    sources = list(state.sourcing.sources)
    for at in reversed(range(len(sources))):
        kept = []
        for x in sources[at].lines:
            taken = min(max(0, over[x.line]), x.quantity)
            over[x.line] -= taken
            if x.quantity > taken:
                kept.append(x.model_copy(update={"quantity": x.quantity - taken}))
        sources[at] = sources[at].model_copy(update={"lines": tuple(kept)})
    return state.with_changes(sourcing={"sources": tuple(sources)})


def substituted(state: OrderState, items: Mapping[int, str], left: Mapping[int, int]) -> OrderState:
    """The state in which lines are of other items. Packs of them that are not `left` to pick stay as they were, where
    they are to come from."""
    share = shares(state)
    kept = list(state.sourcing.picked_before)
    for line in state.lines:
        if items.get(line.line, line.item) == line.item:
            continue
        before = [it for it in state.sourcing.picked_before if it.line == line.line]
        picked = state.wanted(line) + state.demand.cancelled_after_issue.get(line.line, 0) - left.get(line.line, 0)
        picked -= sum(it.quantity for it in before)
        for site, lines in share.items():
            free = lines.get(line.line, 0) - sum(it.quantity for it in before if it.site == site)
            stays = min(free, picked)
            if stays > 0:
                kept.append(PickedBefore(site=site, line=line.line, item=line.item, quantity=stays))
                picked -= stays
    swapped = tuple(line.model_copy(update={"item": items.get(line.line, line.item)}) for line in state.lines)
    return state.with_changes(demand={"amended_lines": swapped}, sourcing={"picked_before": tuple(kept)})


def joined(effects: tuple[OrderEffect, ...]) -> tuple[OrderEffect, ...]:
    """What one input leads to says everything of a site once: a later amendment takes an earlier one in."""
    found: list[OrderEffect] = []
    at: dict[tuple[Operation, str], OrderEffect] = {}
    for it in effects:
        if isinstance(it.payload, AmendWarehouse | AmendTender):
            name = (it.operation, it.payload.site)
            earlier = at.get(name)
            if earlier is not None:
                found.remove(earlier)
                it = it.model_copy(update={"payload": _with(earlier.payload, it.payload)})  # noqa: PLW2901 - as told
            at[name] = it
        found.append(it)
    return tuple(found)


def _with(earlier: OrderPayload, later: OrderPayload) -> OrderPayload:
    """The later amendment of a site, and what the earlier one says beside it."""
    match earlier, later:
        case AmendWarehouse(), AmendWarehouse():
            lines = {(x.line, x.item): x for x in (*earlier.targets, *later.targets)}
            said: dict[str, Any] = {"targets": tuple(sorted(lines.values(), key=lambda x: x.line))}
        case AmendTender(), AmendTender():
            packs = earlier.packs if later.packs is None else later.packs
            said = {"packs": packs, "expedite": earlier.expedite or later.expedite}
        case _:
            return later
    address = earlier.address_from if later.address_from is None else later.address_from
    terms = NewTerms(later.promised_on or earlier.promised_on, address)
    return later.model_copy(update={**said, **terms._asdict()})


def share_of(state: OrderState, site: str, line: int) -> int:
    """Packs of a line that a site is to send."""
    elsewhere, known = state.sourcing.elsewhere, state.by_line.get(line)
    if site != state.start.site:
        return elsewhere.get(site, {}).get(line, 0)
    most = state.wanted(known) + state.demand.cancelled_after_issue.get(line, 0) if known else 0
    return max(0, most - sum(packs.get(line, 0) for packs in elsewhere.values()))
