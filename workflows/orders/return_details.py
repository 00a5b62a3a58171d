"""What support sees of a return in the Temporal UI: half a page of markdown."""

from domain.returns import returning
from domain.returns.returning import ReturnFile
from schemas.messaging.effects import Effect
from workflows.runtime.deadline_timer import Due
from workflows.runtime.entity import TIMELINE_LINES


def details(state: ReturnFile, due: Due | None, owed: tuple[Effect, ...], cases: list[str], history: list[str]) -> str:
    """The return on half a page of markdown: where it is, what came back, what is owed, what happened."""
    outcome = returning.outcome(state)
    known = {"received": outcome.received, "restocked": outcome.restocked, "scrapped": outcome.scrapped}
    packs = " · ".join(f"{name} {sum(line.quantity for line in lines)}" for name, lines in known.items())
    lines = [
        f"**{outcome.state}** · {outcome.rma} of order {outcome.order} · to {state.start.site}",
        "",
        f"- packs: expected {state.expected.total()} · {packs}",
    ]
    if due:
        lines.append(f"- next: {due.awaited} by {due.at:%Y-%m-%d %H:%M} UTC")
    lines.extend(f"- open case: {case}" for case in cases)
    lines.extend(f"- owed to {x.system}: {x.operation} {x.topic.change or ''}".rstrip() for x in owed)
    lines.extend(["", *(f"1. {entry}" for entry in history[-TIMELINE_LINES:])])
    return "\n".join(lines)
