"""What a run of an order's workflow starts with."""

from domain.orders.state import OrderState
from schemas.base import Contract
from schemas.cases.cases import KnownCase
from schemas.messaging.order_effects import OrderEffect
from schemas.workflows.lifecycle import OrderStart


class OrderRun(Contract):
    """What a run of an order's workflow starts with; with `state` and the rest, an earlier one goes on."""

    start: OrderStart
    run: int = 1
    state: OrderState | None = None
    seen: tuple[str, ...] = ()
    owed: tuple[OrderEffect, ...] = ()
    history: tuple[str, ...] = ()
    failure_origin: str = ""
    failure: str = ""
    cases: tuple[KnownCase, ...] = ()
