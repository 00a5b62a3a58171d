"""A state from what an order was told is the state that it had; what is owed is what the ledger does not have."""

from datetime import timedelta
from random import Random

import pytest

from domain.orders import commands, lifecycle
from domain.orders.rebuilding import EffectEntry, RefoldingFacts, ReplayedInput, refold
from domain.orders.state import OrderState
from schemas.base import Contract, Variant
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest
from schemas.standard_identifiers import short_id
from schemas.workflows.commands import Amendment, HoldRequest, LineAmendment, ResumeRequest, Verb
from tests.domain.builders import FULL, NOON, command, event, start

TOLD: tuple[MilestoneEvent | tuple[Verb, Contract], ...] = (
    event(M.PICKED, 1, lines=FULL),
    (Verb.AMEND, Amendment(id="a1", reason="more", lines=(LineAmendment(line=2, quantity=90),))),
    event(M.PACKED, 2, lines=FULL),
    (Verb.HOLD, HoldRequest(id="h1", reason="credit")),
    (Verb.RESUME, ResumeRequest(id="r1", reason="paid")),
    event(M.SHIPPED, 3, lines=FULL),
    event(M.DELAYED, 4, eta=NOON + timedelta(days=30)),
    event(M.EXCEPTION, 5, cause="customs"),
    (Verb.CANCEL, CancelRequest(id="c1", reason="customer withdrew")),
    event(M.DELIVERED, 6),
)


def lived(seed: int) -> tuple[OrderState, list[ReplayedInput], list[OrderEffect]]:
    """The state of an order after all that, in some order; what it heard, and what it owed."""
    told = Random(seed).sample(TOLD, len(TOLD))
    decision = lifecycle.open_order(start(Variant.DISTRIBUTION_CENTRE))
    state, owed, heard = decision.state, [*decision.effects], list[ReplayedInput]()
    for n, it in enumerate(told):
        at, state = NOON + timedelta(minutes=n), state.next_version()
        if isinstance(it, tuple):
            verb, asked = it[0], command(it[1])
            refused = commands.refusal(state, verb, asked)
            heard.append(ReplayedInput(at, asked, verb, applied=not refused))
            if refused:
                continue
            decision = commands.decide(state, verb, asked)
        else:
            decision = lifecycle.apply(state, it)
            heard.append(ReplayedInput(at, it, applied=decision.superseded is None))
        state = decision.state
        owed += decision.effects
    return state, heard, owed


@pytest.mark.parametrize("seed", range(20))
def test_the_state_is_the_one_that_it_had(seed: int) -> None:
    state, heard, _ = lived(seed)
    run = refold(state.start, Random(seed).sample(heard, len(heard)), RefoldingFacts({}))
    assert run.state is not None
    assert run.state.model_copy(update={"version": 0}) == state.model_copy(update={"version": 0})
    assert {short_id(name) for it in heard for name in it.names} == set(run.seen)


@pytest.mark.parametrize("seed", range(20))
def test_what_the_ledger_has_is_not_owed(seed: int) -> None:
    state, heard, owed = lived(seed)
    keys = {it.key for it in owed}
    done = {
        key: EffectEntry("done", "", NOON + timedelta(days=9))
        for key in Random(seed).sample(sorted(keys), len(keys) // 2)
    }
    run = refold(state.start, heard, RefoldingFacts(done))
    assert {it.key for it in run.owed} == keys - done.keys()


def test_what_was_refused_waits_for_people() -> None:
    state, _, owed = lived(0)
    refused = EffectEntry("failed", "wms_api", NOON)
    run = refold(state.start, (), RefoldingFacts({owed[0].key: refused}))
    assert run.state is not None
    assert set(run.state.issues.refused_effects) == {owed[0].key}
    assert owed[0].key not in {it.key for it in run.owed}


def test_its_version_is_beyond_the_books() -> None:
    state, heard, _ = lived(0)
    run = refold(state.start, heard, RefoldingFacts({}, version=77))
    assert run.state is not None
    assert run.state.version == 77
