"""The tender: offered to one carrier after the other, best ranked first, until one takes it or nobody is left."""

from datetime import datetime

from domain.milestones.variants import RANK
from domain.orders.decision import Decision, EffectCause, effect
from domain.orders.state import OrderState
from domain.orders.targets import carried
from schemas.ids import EffectKey
from schemas.messaging.effects import Effect, EffectReceipt, Operation
from schemas.messaging.order_effects import TenderTransport, VoidTender
from schemas.orders.milestones import MilestoneEvent, MilestoneKind
from schemas.orders.release import OrderStatus


def first_key(state: OrderState) -> str:
    """Key of the first tender of an order."""
    return str(EffectKey(state.start.subject, Operation.TENDER_TRANSPORT))


def taken(state: OrderState, tender: Effect, receipt: EffectReceipt, now: datetime) -> OrderState:
    """The transport desk has answered a tender: with the carrier that takes it, or that it will ask.

    The answer to an attempt that is over, or to the tender of another site's part, changes nothing.
    """
    current = state.transport.tender.key or first_key(state)
    if tender.key != current or state.transport.tender.accepted or state.transport.tender.exhausted:
        return state
    if not isinstance(tender.payload, TenderTransport):
        return state
    if receipt.carrier is None:
        waiting = state.transport.tender.model_copy(update={"carrier": tender.payload.carrier, "pending_since": now})
        return state.with_changes(transport={"tender": waiting})
    return _accepted(state, receipt.carrier)


def _accepted(state: OrderState, carrier: str) -> OrderState:
    tender = state.transport.tender.model_copy(
        update={"carrier": carrier, "accepted": True, "pending_since": None, "exhausted": False}
    )
    return state.with_changes(transport={"tender": tender, "carrier": carrier})


def answered(state: OrderState, event: MilestoneEvent) -> Decision:
    """A carrier takes the tender, or turns it down: then the next one is asked."""
    carrier = event.carrier or event.partner
    stale = _stale(state, event.kind, carrier)
    if stale:
        return Decision(state=state, superseded=stale)
    if event.kind is MilestoneKind.TENDER_ACCEPTED:
        return Decision(state=_accepted(state, carrier), done=f"{carrier} takes the tender")
    cause = EffectCause(event.id, event.received_at, event.reason or f"turned down by {carrier}", event.traceparent)
    return next_carrier(state, carrier, cause)


def _stale(state: OrderState, answer: MilestoneKind, carrier: str) -> str | None:
    """Why an answer changes nothing any more."""
    if answer is MilestoneKind.TENDER_ACCEPTED:
        if carrier in state.transport.tender.rejected:
            return f"{carrier} had turned the tender down"
        known = state.transport.tender.accepted and state.carrier == carrier
        return f"{carrier} has taken the tender before" if known else None
    if carrier in state.transport.tender.rejected:
        return f"{carrier} has turned the tender down before"
    if state.rank >= RANK[OrderStatus.SHIPPED]:
        return "the goods have left: the tender is over"
    holder = state.transport.tender.carrier or state.start.carrier
    return None if holder in ("", carrier) else f"the tender is not with {carrier}"


def next_carrier(state: OrderState, refused_by: str, cause: EffectCause, wanted: str = "") -> Decision:
    """Offer the transport to the next ranked carrier, or to `wanted`. Without a ranking the transport desk chooses.

    When the limit of attempts is reached or the list is used up, the tender is exhausted and people must look.
    """
    rejected = tuple(sorted({*state.transport.tender.rejected, refused_by} - {"", wanted}))
    left = [carrier for carrier in state.start.policy.carriers if carrier not in rejected]
    if used_up(state, rejected) and not wanted:
        over = state.transport.tender.model_copy(
            update={"rejected": rejected, "exhausted": True, "accepted": False, "pending_since": None, "carrier": ""}
        )
        nobody = state.with_changes(transport={"tender": over, "carrier": ""})
        return Decision(state=nobody, done="no carrier is left to ask")
    carrier = wanted or (left[0] if left else "")
    attempt = state.transport.tender.attempt + 1
    offer = effect(
        state,
        TenderTransport(
            promised_on=state.promised_on,
            carrier=carrier,
            packs=carried(state, state.start.site),
            address_from=state.demand.address_message,
        ),
        cause,
        key=f"{Operation.TENDER_TRANSPORT}/{attempt}",
    )
    tender = state.transport.tender.model_copy(
        update={
            "key": offer.key,
            "attempt": attempt,
            "carrier": carrier,
            "accepted": False,
            "pending_since": None,
            "rejected": rejected,
            "exhausted": False,
        }
    )
    asked = carrier or "the carrier that the transport desk chooses"
    tendered = state.with_changes(transport={"tender": tender, "carrier": ""})
    return Decision(state=tendered, effects=(offer,), done=f"tender goes to {asked}")


def used_up(state: OrderState, rejected: tuple[str, ...]) -> bool:
    """Whether there is nobody left to ask by the policy: the limit is reached, or the whole list has been asked."""
    policy = state.start.policy
    listed = bool(policy.carriers) and not set(policy.carriers) - set(rejected)
    return listed or state.transport.tender.attempt >= policy.tender_limit


def unanswered(state: OrderState, cause: EffectCause) -> Decision:
    """Nobody answered the tender in time: it is taken back and goes to the next carrier."""
    return retender(state, state.transport.tender.carrier or state.start.carrier, cause)


def retender(state: OrderState, instead_of: str, cause: EffectCause, wanted: str = "") -> Decision:
    """Take the tender back and offer it to the next carrier, or to the one that is wanted.

    The void's key names its cause: a carrier that takes a voided tender too late holds the same attempt once more.
    """
    if state.transport.tender.exhausted:
        return next_carrier(state, instead_of, cause, wanted)
    key = f"{Operation.VOID_TENDER}/{state.transport.tender.attempt}/{cause.ref}"
    void = effect(state, VoidTender(reason=cause.reason), cause, key=key)
    decision = next_carrier(state, instead_of, cause, wanted)
    return decision.model_copy(update={"effects": (void, *decision.effects)})
