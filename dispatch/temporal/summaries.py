"""One-line summaries of workflows for support."""

from schemas.plurals import counted
from schemas.workflows.lifecycle import OrderStart
from schemas.workflows.returns import ReturnStart


def of_order(start: OrderStart) -> str:
    """An order's."""
    lines = counted(len(start.lines), "line")
    return f"{start.number} · {lines} · {start.site} · by {start.promise.promised_on}"


def of_return(start: ReturnStart) -> str:
    """A return's."""
    packs = counted(sum(line.quantity for line in start.lines), "pack")
    return f"Return {start.rma} of {start.order} · {packs} · to {start.site}"
