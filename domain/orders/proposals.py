"""Proposals to the planner: raised when a promise has slipped by enough, taken back when they have become pointless."""

from domain.orders import sourcing
from domain.orders.decision import Decision, EffectCause
from domain.orders.state import OrderState
from domain.orders.trouble import OpenProposal
from schemas.planning.proposals import Decided, ProposalKind, ProposalsDecided


def replan(state: OrderState, cause: EffectCause) -> Decision:
    """Take back what has become pointless, and ask the planner when the promise has slipped by enough more than what
    was promised or asked before. One question at a time: what is decided on a shortage changes the day as well.

    A slip of supply is no question of each order: the governor asks once about the item and its site.
    """
    decision = withdrawn(state, cause)
    state = decision.state
    late = max((state.first_promised_on, state.asked_for or state.first_promised_on, *state.supplied.values()))
    enough = (state.promised_on - late).days >= state.start.policy.propose_after_days
    if state.proposals or not enough or _over(state) or state.start.clock == "events":
        return decision
    summary = f"promised {state.first_promised_on}, expected {state.promised_on}: re-plan?"
    day = state.promised_on
    proposed = sourcing.propose(
        state.model_copy(update={"asked_for": day}), ProposalKind.DELAY, "promise", day, cause, summary
    )
    return decision.plus(proposed)


def withdrawn(state: OrderState, cause: EffectCause) -> Decision:
    """Take back the questions that have become pointless: there is nothing to answer any more."""
    recovered = not _over(state) and not _slipped(state)
    if recovered and state.asked_for is not None:
        state = state.model_copy(update={"asked_for": None})
    gone = tuple(name for name, it in state.proposals.items() if _pointless(state, it))
    if not gone:
        return Decision(state=state)
    left = {name: it for name, it in state.proposals.items() if name not in gone}
    why = "the order has ended" if _over(state) else "it has settled itself"
    decided = tuple(
        Decided(id=name, state="withdrawn", by="syncline", at=cause.accepted_at, reason=why) for name in gone
    )
    return Decision(state=state.grown(proposals=left), changes=(ProposalsDecided(decided=decided),))


def _over(state: OrderState) -> bool:
    return state.delivered or state.cancelled is not None or state.cancelling is not None


def _slipped(state: OrderState) -> bool:
    return (state.promised_on - state.first_promised_on).days >= state.start.policy.propose_after_days


def _pointless(state: OrderState, asked: OpenProposal) -> bool:
    if _over(state):
        return True
    if asked.kind == ProposalKind.DELAY:
        return not _slipped(state)
    short = state.shorts[asked.subject]
    return bool(short.covered) or not sourcing.still_short(state, short)
