"""Stand-in WMS: what each site was told of an order. What it is told to pick starts to happen; told to stop, stops."""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum

from starlette.routing import Route

from schemas.base import Contract
from schemas.finance.reconciliation import LineFigure, TargetFigure
from schemas.messaging.effects import LineTarget, Operation
from schemas.messaging.instructions import (
    Accepted,
    ReturnNotice,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderLine
from schemas.procurement.postings import TransferInstruction
from simulators.systems.answers import RecordedAnswers
from simulators.systems.call_handling import CallHandler, RuleRefusal
from simulators.systems.ledger import LedgerCall, deed
from simulators.systems.lists import Packs, StockLists, TargetLists
from simulators.systems.targets import NEVER, counts, more, taken
from simulators.systems.wms_stock import WmsStock
from simulators.world.world import World


class InstructionState(StrEnum):
    """The states of an order at a site."""

    OPEN = "open"
    CANCELLED = "cancelled"


class ExpectedReturn(Contract):
    """Packs that a site was told to receive back."""

    rma: str
    lines: tuple[ShippedLine, ...]


class Instruction(Contract):
    """An order as a site keeps it.

    `lines` are the packs to send, shipped ones included, each by its latest revision, until they are cancelled. `packs`
    is their sum. A cancelled instruction has none, whatever comes after. `put_away` counts picked packs that went back
    to their place. `address_version` counts addresses; `addressed`, `dated` and `held_by` are the revisions of address,
    day and hold.
    """

    order: str
    state: InstructionState = InstructionState.OPEN
    lines: tuple[LineFigure, ...] = ()
    packs: int = 0
    held: bool = False
    held_by: int = NEVER
    address_version: int = 0
    addressed: int = NEVER
    promised_on: date | None = None
    dated: int = NEVER
    put_away: int = 0
    returns: tuple[ExpectedReturn, ...] = ()


class Wms:
    """The books of every site."""

    def __init__(self, handler: CallHandler, world: World, stock: WmsStock) -> None:
        self.handler = handler
        self._stock = stock
        self._answers = RecordedAnswers(handler.system)
        self._world = world
        self._instructions: dict[tuple[str, str], Instruction] = {}
        self._transfers: dict[tuple[str, str], TransferInstruction] = {}

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/wms`."""
        instructions = "/{instance}/v1/instructions"
        order = f"{instructions}/{{order}}"
        return [
            self.handler.takes(instructions, WarehouseInstruction, self._instruct),
            self.handler.takes(f"{order}/amendments", WarehouseAmendment, self._amend),
            self.handler.takes(f"{order}/hold", WarehouseHold, self._hold),
            self.handler.takes(f"{order}/cancellation", WarehouseCancellation, self._cancel),
            self.handler.takes("/{instance}/v1/returns", ReturnNotice, self._expect),
            self.handler.takes("/{instance}/v1/transfers/{po}", TransferInstruction, self._transfer),
            self.handler.shows(order, self._find),
            self._answers.route(),
            *StockLists(self.handler, self._figures).routes("/{instance}"),
            *TargetLists(self._targets).routes("/{instance}"),
            *self._stock.routes(),
            *self.handler.control(),
        ]

    def _find(self, path: Mapping[str, str]) -> Instruction | None:
        return self._instructions.get((path["instance"], path["order"]))

    def _known(self, site: str, number: str) -> Instruction:
        return self._instructions.get((site, number)) or Instruction(order=number)

    def _write(self, site: str, number: str, **change: object) -> Accepted:
        self._instructions[site, number] = self._known(site, number).model_copy(update=change)
        return self.handler.accepted()

    def _figures(self, site: str) -> Packs:
        told: dict[str, tuple[LineTarget, ...]] = {
            order: it.lines for (at, order), it in self._instructions.items() if at == site
        }
        for (at, po), it in self._transfers.items():
            if at == site:
                told[po] = tuple(LineTarget(line=x.line, item=x.item, quantity=x.packs) for x in it.lines)
        return self._stock.figures(site, told)

    def _targets(self, path: Mapping[str, str]) -> Iterator[TargetFigure]:
        for (site, order), it in self._instructions.items():
            if site == path["instance"]:
                yield TargetFigure(order=order, cancelled=it.state is InstructionState.CANCELLED, lines=it.lines)

    def _send(self, site: str, number: str, told: WarehouseInstruction | WarehouseAmendment) -> Accepted:
        """Of the lines, the address and the day that are told, take those that nobody with a higher revision told."""
        known, revision = self._known(site, number), told.revision
        first = isinstance(told, WarehouseInstruction)
        said = (LineTarget(line=it.line, item=it.item, quantity=it.quantity) for it in told.lines)
        lines, new = taken(known.lines, said, revision, first=first)
        change: dict[str, object] = {"lines": lines, "packs": sum(it.quantity for it in lines)}
        if told.ship_to and counts(revision, known.addressed, first=first):
            change |= {"addressed": revision, "address_version": known.address_version + 1}
        if told.promised_on and counts(revision, known.dated, first=first):
            change |= {"dated": revision, "promised_on": told.promised_on}
        self._stock.instructed(site, number, new)
        if known.state is InstructionState.CANCELLED:
            return self.handler.superseded()
        self._write(site, number, **change)
        return self.handler.accepted() if new or change.keys() - {"lines", "packs"} else self.handler.superseded()

    def _instruct(self, call: LedgerCall, site: str, body: WarehouseInstruction) -> Accepted:
        def take() -> Accepted:
            reply = self._send(site, body.order, body)
            lines = (it for it in self._known(site, body.order).lines if it.quantity)
            left = tuple(OrderLine(line=it.line, item=it.item, quantity=it.quantity) for it in lines)
            self._world.instruct(body.model_copy(update={"lines": left}))
            return reply

        operation = Operation.INSTRUCT_WAREHOUSE
        return self.handler.ledger.once(call, deed(site, operation, body.order, occurrence=call.after(operation)), take)

    def _amend(self, call: LedgerCall, site: str, body: WarehouseAmendment) -> Accepted:
        def amend() -> Accepted:
            before = self._known(site, body.order).lines
            reply = self._send(site, body.order, body)
            self._world.amend(body.order, site, more(before, self._known(site, body.order).lines))
            return reply

        operation = Operation.AMEND_WAREHOUSE
        what = deed(site, operation, body.order, occurrence=call.after(operation))
        return self.handler.ledger.once(call, what, amend)

    def _transfer(self, call: LedgerCall, site: str, body: TransferInstruction) -> Accepted:
        """Goods for another site. A version says all that is to be sent: an older one that comes later says nothing."""

        def take() -> Accepted:
            told = self._transfers.get((site, body.po))
            if told is None or told.version < body.version:
                self._transfers[site, body.po] = body
            return self.handler.accepted()

        what = deed(site, Operation.INSTRUCT_TRANSFER, body.po, occurrence=str(body.version))
        return self.handler.ledger.once(call, what, take)

    def _hold(self, call: LedgerCall, site: str, body: WarehouseHold) -> Accepted:
        def hold() -> Accepted:
            if not counts(body.revision, self._known(site, body.order).held_by):
                return self.handler.superseded()
            self._world.hold(body.order, site, on=body.on)
            return self._write(site, body.order, held=body.on, held_by=body.revision)

        operation = Operation.HOLD_WAREHOUSE if body.on else Operation.RESUME_WAREHOUSE
        return self.handler.ledger.once(call, deed(site, operation, body.order, occurrence=call.after(operation)), hold)

    def _cancel(self, call: LedgerCall, site: str, body: WarehouseCancellation) -> Accepted:
        def stop() -> Accepted:
            loaded = RuleRefusal("already_loaded", f"order {body.order} is on the truck")
            self._answers.check(body.order, "cancel", loaded)
            put_away = self._world.call_off(body.order, site)
            state = InstructionState.CANCELLED
            return self._write(site, body.order, state=state, lines=(), packs=0, put_away=put_away)

        return self.handler.ledger.once(call, deed(site, Operation.CANCEL_WAREHOUSE, body.order), stop)

    def _expect(self, call: LedgerCall, site: str, body: ReturnNotice) -> Accepted:
        def expect() -> Accepted:
            expected = ExpectedReturn(rma=body.rma, lines=body.lines)
            return self._write(site, body.order, returns=(*self._known(site, body.order).returns, expected))

        what = deed(site, Operation.EXPECT_RETURN, body.order, occurrence=body.rma)
        return self.handler.ledger.once(call, what, expect)
