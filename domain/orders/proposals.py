"""Proposals to the planner: raised when a promise has slipped by enough, taken back when they have become pointless."""

from domain.orders import sourcing
from domain.orders.decision import Decision, EffectCause
from domain.orders.promises import OpenProposal
from domain.orders.state import OrderState
from schemas.planning.proposals import Decided, ProposalKind, ProposalsDecided


def replan(state: OrderState, cause: EffectCause) -> Decision:
    """Take back what has become pointless, and ask the planner when the promise has slipped by enough more than what
    was promised or asked before. One question at a time: what is decided on a shortage changes the day as well.

    A slip of supply is no question of each order: the governor asks once about the item and its site.
    """
    decision = withdrawn(state, cause)
    state = decision.state
    late = max(
        (
            state.first_promised_on,
            state.replanning.asked_day or state.first_promised_on,
            *state.promises.by_supply.values(),
        )
    )
    enough = (state.promised_on - late).days >= state.start.policy.propose_after_days
    if state.replanning.proposals or not enough or _over(state) or state.start.clock == "events":
        return decision
    summary = f"promised {state.first_promised_on}, expected {state.promised_on}: re-plan?"
    day = state.promised_on
    proposed = sourcing.propose(
        state.with_changes(replanning={"asked_day": day}), ProposalKind.DELAY, "promise", day, cause, summary
    )
    return decision.plus(proposed)


def withdrawn(state: OrderState, cause: EffectCause) -> Decision:
    """Take back the questions that have become pointless: there is nothing to answer any more."""
    recovered = not _over(state) and not _slipped(state)
    if recovered and state.replanning.asked_day is not None:
        state = state.with_changes(replanning={"asked_day": None})
    gone = tuple(name for name, it in state.replanning.proposals.items() if _pointless(state, it))
    if not gone:
        return Decision(state=state)
    left = {name: it for name, it in state.replanning.proposals.items() if name not in gone}
    why = "the order has ended" if _over(state) else "it has settled itself"
    decided = tuple(
        Decided(id=name, state="withdrawn", by="syncline", at=cause.accepted_at, reason=why) for name in gone
    )
    fewer = state.with_changes(replanning={"proposals": left})
    return Decision(state=fewer, changes=(ProposalsDecided(decided=decided),))


def _over(state: OrderState) -> bool:
    return state.delivered or state.ending.cancelled is not None or state.ending.cancelling is not None


def _slipped(state: OrderState) -> bool:
    return (state.promised_on - state.first_promised_on).days >= state.start.policy.propose_after_days


def _pointless(state: OrderState, asked: OpenProposal) -> bool:
    if _over(state):
        return True
    if asked.kind == ProposalKind.DELAY:
        return not _slipped(state)
    short = state.issues.shortages[asked.subject]
    return bool(short.covered) or not sourcing.still_short(state, short)
