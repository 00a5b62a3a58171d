"""Small builders: an order of two lines, and events on it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.orders import commands, lifecycle
from domain.orders.decision import Decision
from domain.orders.findings import findings
from domain.orders.state import OrderState
from schemas.base import Contract, Role, Variant
from schemas.cases.exceptions import ExceptionKind, OrderPolicy
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneEvent, MilestoneKind, ShippedLine
from schemas.orders.release import LineDue, LinePromise, Promise
from schemas.workflows.commands import Command, Verb
from schemas.workflows.lifecycle import OrderStart

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DUE = date(2026, 5, 20)
FULL = (ShippedLine(line=1, quantity=40), ShippedLine(line=2, quantity=60))
FIRST = (ShippedLine(line=1, quantity=40), ShippedLine(line=2, quantity=10))
REST = (ShippedLine(line=2, quantity=50),)
TEN = (ShippedLine(line=1, quantity=10),)


def start(
    variant: Variant = Variant.DISTRIBUTION_CENTRE,
    *,
    pod: bool = False,
    clock: str = "wall",
    policy: OrderPolicy = OrderPolicy(),  # noqa: B008 - frozen
) -> OrderStart:
    return OrderStart(
        erp="erp-one",
        number="SO-1",
        digest="d",
        inbox_id=1,
        variant=variant,
        region="EMEA",
        site="LYS",
        lines=(
            LineDue(line=1, item="A", quantity=40, due_on=DUE),
            LineDue(line=2, item="B", quantity=60, due_on=DUE),
        ),
        promise=Promise(
            promised_on=DUE, lines=(LinePromise(line=1, promised_on=DUE), LinePromise(line=2, promised_on=DUE))
        ),
        proof_of_delivery_required=pod,
        clock=clock,
        released_at=NOON,
        accepted_at=NOON,
        policy=policy,
        checks_times=True,
    )


def event(
    kind: MilestoneKind,
    hours: float,
    *,
    shipment: str = "DN-1",
    lines: tuple[ShippedLine, ...] = (),
    eta: datetime | None = None,
    name: str = "",
    **more: Any,
) -> MilestoneEvent:
    said = {"partner": "wms-lys", "role": Role.WMS, **more}
    return MilestoneEvent(
        id=f"src#{name or f'{shipment}.{kind}'}",
        kind=kind,
        shipment=shipment,
        occurred_at=NOON + timedelta(hours=hours),
        received_at=NOON + timedelta(hours=hours, minutes=1),
        inbox_id=int(hours * 10) + 2,
        lines=lines,
        eta=eta,
        **said,
    )


def command(request: Contract, role: Role = Role.SUPPORT, hours: float = 0.5) -> Command[Any]:
    """A request as an order's workflow gets it."""
    return Command(request=request, by="sam", role=role, inbox_id=900, accepted_at=NOON + timedelta(hours=hours))


def opened(variant: Variant = Variant.DISTRIBUTION_CENTRE, **more: Any) -> OrderState:
    """An order that was just released."""
    return lifecycle.open_order(start(variant, **more)).state


def after(state: OrderState, *events: MilestoneEvent) -> OrderState:
    """The order when it has heard of these events."""
    for one in events:
        state = lifecycle.apply(state, one).state
    return state


def refusal(state: OrderState, verb: Verb, request: Contract, role: Role = Role.SUPPORT) -> str:
    """What is answered to a request that cannot be carried out; empty when it can."""
    return commands.refusal(state, verb, command(request, role)) or ""


def done(state: OrderState, verb: Verb, request: Contract, role: Role = Role.SUPPORT) -> Decision:
    """What is decided on a request, which must be possible."""
    assert refusal(state, verb, request, role) == ""
    return commands.decide(state, verb, command(request, role))


def told(decision: Decision) -> list[Operation]:
    """What the other systems are told, in order."""
    return [effect.operation for effect in decision.effects]


def kinds(state: OrderState) -> dict[ExceptionKind, list[str]]:
    """What is wrong with the order: the subjects of each kind."""
    found: dict[ExceptionKind, list[str]] = {}
    for finding in findings(state):
        found.setdefault(finding.kind, []).append(finding.subject)
    return found
