"""How an order is fulfilled: which sites send what, who carries it, and what partners reported of its goods."""

from functools import cached_property
from typing import Any, Self

from domain.milestones.shipments import ShipmentState, packs_by_line
from domain.orders.demand import StatePart
from schemas.base import Contract, Moment
from schemas.orders.milestones import ShippedLine
from schemas.workflows.returns import ReturnOutcome


class OtherSource(Contract):
    """Another site that was told to send a part of the order. `ref` makes its effects' keys unique."""

    site: str
    lines: tuple[ShippedLine, ...]
    ref: str


class PickedBefore(Contract):
    """Packs of a line that a site had picked before the line got another item."""

    site: str
    line: int
    item: str
    quantity: int


class OrderSourcing(StatePart):
    """Where packs come from, beside the order's own site and the lines as they are wanted.

    `sources`: other sites that were told to send a part. `picked_before`: packs that stay another item.
    """

    sources: tuple[OtherSource, ...] = ()
    picked_before: tuple[PickedBefore, ...] = ()

    def with_changes(self, **fields: Any) -> Self:
        """The part with other values of these fields. Raises TypeError for a field that it does not have."""
        changed = super().with_changes(**fields)
        changed.__dict__.pop("elsewhere", None)
        return changed

    @cached_property
    def elsewhere(self) -> dict[str, dict[int, int]]:
        """Packs of each line that other sites were told to send."""
        found: dict[str, dict[int, int]] = {}
        for source in self.sources:
            at = found.setdefault(source.site, {})
            for line, packs in packs_by_line(source.lines).items():
                at[line] = at.get(line, 0) + packs
        return found


class TenderState(Contract):
    """The offer of the transport to carriers, one after the other. `key` is the effect of the attempt under way.

    `pending_since`: the transport desk took the tender and named no carrier yet. `exhausted`: nobody is left to ask.
    """

    key: str = ""
    attempt: int = 1
    carrier: str = ""
    accepted: bool = False
    pending_since: Moment | None = None
    rejected: tuple[str, ...] = ()
    exhausted: bool = False


class OrderTransport(StatePart):
    """Who carries the order: `carrier`, empty while nobody has taken it, and the tender that finds one."""

    carrier: str = ""
    tender: TenderState = TenderState()


class OrderReports(StatePart):
    """What partners reported of the goods: `shipments` by name, and `returns` by authorisation.

    Shipments stand here as reported. What each carries after consolidation is `OrderState.goods`.
    """

    shipments: dict[str, ShipmentState] = {}  # noqa: RUF012 - pydantic copies field defaults
    returns: dict[str, ReturnOutcome] = {}  # noqa: RUF012
