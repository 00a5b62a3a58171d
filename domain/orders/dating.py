"""The days that are promised because of ETAs: only lines whose ETA changed are looked at."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.milestones.delay import redated
from domain.milestones.sums import differing
from domain.orders.state import OrderState


class _Dated(NamedTuple):
    """What the days of a state were made from. Dating it again would change nothing, whatever its other fields."""

    fields: tuple[Any, ...]
    etas: dict[int, datetime]


def promised(state: OrderState) -> OrderState:
    """Promise each line for the day that its newest ETA allows."""
    lines = _to_look_at(state)
    slack = timedelta(seconds=state.start.policy.eta_slack_s)
    told = dict(state.promises.by_eta)
    for line in lines:
        first = state.due_by_supply(line)
        day = redated(state.eta_of(line), first, state.promises.by_eta.get(line, first), slack, state.start.there)
        if day != first:
            told[line] = day
        else:
            told.pop(line, None)
    dated = state if told == state.promises.by_eta else state.with_changes(promises={"by_eta": told})
    dated.__dict__["dated"] = _Dated(_fields(dated), dated.tally.etas)  # beside the fields: nothing that is written
    return dated


def _to_look_at(state: OrderState) -> Iterable[int]:
    known: _Dated | None = state.__dict__.get("dated")
    if known is None or not all(one is other for one, other in zip(known.fields, _fields(state), strict=True)):
        return state.by_line
    return differing(known.etas, state.tally.etas) & state.by_line.keys()


def _fields(state: OrderState) -> tuple[Any, ...]:
    return (
        state.by_line,
        state.promises.by_decision,
        state.promises.by_supply,
        state.promises.by_eta,
        state.tally.whole.eta,
    )
