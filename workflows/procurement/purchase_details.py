"""What support sees of a purchase order in the Temporal UI: half a page of markdown."""

from domain.procurement.purchase_order import PurchaseFile
from schemas.messaging.effects import Effect
from workflows.runtime.deadline_timer import Due

SHOWN_ENTRIES = 24


def details(
    state: PurchaseFile, due: Due | None, owed: tuple[Effect, ...], cases: tuple[str, ...], history: list[str]
) -> str:
    """The purchase order on half a page of markdown."""
    lines = [
        f"**{state.status}** · purchase order {state.start.number} · {state.start.supplier} to {state.start.site}",
        "",
        *(
            f"- line {x.line.line}: {x.line.packs} ordered · {'-' if x.confirmed is None else x.confirmed} confirmed · "
            f"{x.advised} advised · {x.received} received · {x.damaged} damaged"
            for x in state.lines
        ),
        *(f"- invoice {name}: {it.decision} {'; '.join(it.reasons)}".rstrip() for name, it in state.judged.items()),
    ]
    if due:
        lines.append(f"- next: {due.awaited} by {due.at:%Y-%m-%d %H:%M} UTC")
    lines.extend(f"- open case: {case}" for case in cases)
    lines.extend(f"- owed to {x.system}: {x.operation}" for x in owed)
    lines.extend(["", *(f"1. {entry}" for entry in history[-SHOWN_ENTRIES:])])
    return "\n".join(lines)
