"""Stand-in WMS: what each site was told of an order. What it is told to pick starts to happen; told to stop, stops."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from starlette.routing import Route

from schemas.base import Contract
from schemas.effects import LineChange, Operation
from schemas.instructions import (
    Accepted,
    ReturnNotice,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.milestones import ShippedLine
from schemas.postings import TransferInstruction
from simulators.answers import AnswerBook
from simulators.desk import Desk, Refusal
from simulators.ledger import Call, deed
from simulators.lists import Packs, StockDesk
from simulators.wms_stock import WmsStock
from simulators.world import World


class InstructionState(StrEnum):
    """What a site makes of an order."""

    OPEN = "open"
    CANCELLED = "cancelled"


class ExpectedReturn(Contract):
    """Packs that a site was told to receive back."""

    rma: str
    lines: tuple[ShippedLine, ...]


class Instruction(Contract):
    """An order as a site keeps it.

    `lines` are the packs to send: instructed and amended, until they are cancelled; `packs` is their sum. A cancelled
    instruction has none, whatever comes after; `put_away` is what had been picked and went back to its place.
    `address_version` counts the addresses told.
    """

    order: str
    state: InstructionState = InstructionState.OPEN
    lines: tuple[LineChange, ...] = ()
    packs: int = 0
    held: bool = False
    address_version: int = 0
    put_away: int = 0
    returns: tuple[ExpectedReturn, ...] = ()


def net(lines: Iterable[LineChange], changes: Iterable[LineChange]) -> tuple[LineChange, ...]:
    """The packs of each line and item after changes, without those that came to nothing."""
    packs: dict[tuple[int, str], int] = {}
    for change in (*lines, *changes):
        packs[change.line, change.item] = packs.get((change.line, change.item), 0) + change.quantity
    return tuple(LineChange(line=n, item=item, quantity=q) for (n, item), q in sorted(packs.items()) if q)


class Wms:
    """The books of every site."""

    def __init__(self, desk: Desk, world: World, stock: WmsStock) -> None:
        self.desk = desk
        self._stock = stock
        self._answers = AnswerBook(desk.system)
        self._world = world
        self._instructions: dict[tuple[str, str], Instruction] = {}
        self._transfers: dict[tuple[str, str], TransferInstruction] = {}

    def routes(self) -> list[Route]:
        """The dialect under `/wms`."""
        instructions = "/{instance}/v1/instructions"
        order = f"{instructions}/{{order}}"
        return [
            self.desk.takes(instructions, WarehouseInstruction, self._instruct),
            self.desk.takes(f"{order}/amendments", WarehouseAmendment, self._amend),
            self.desk.takes(f"{order}/hold", WarehouseHold, self._hold),
            self.desk.takes(f"{order}/cancellation", WarehouseCancellation, self._cancel),
            self.desk.takes("/{instance}/v1/returns", ReturnNotice, self._expect),
            self.desk.takes("/{instance}/v1/transfers/{po}", TransferInstruction, self._transfer),
            self.desk.shows(order, self._find),
            self._answers.route(),
            *StockDesk(self.desk, self._figures).routes("/{instance}"),
            *self._stock.routes(),
            *self.desk.control(),
        ]

    def _find(self, path: Mapping[str, str]) -> Instruction | None:
        return self._instructions.get((path["instance"], path["order"]))

    def _known(self, site: str, number: str) -> Instruction:
        return self._instructions.get((site, number)) or Instruction(order=number)

    def _write(self, site: str, number: str, **change: object) -> Accepted:
        self._instructions[site, number] = self._known(site, number).model_copy(update=change)
        return self.desk.accepted()

    def _figures(self, site: str) -> Packs:
        told = {order: it.lines for (at, order), it in self._instructions.items() if at == site}
        for (at, po), it in self._transfers.items():
            if at == site:
                told[po] = tuple(LineChange(line=x.line, item=x.item, quantity=x.packs) for x in it.lines)
        return self._stock.figures(site, told)

    def _send(self, site: str, number: str, changes: Iterable[LineChange], *, address: bool) -> Accepted:
        known = self._known(site, number)
        changes = tuple(changes)
        self._stock.instructed(site, number, changes)
        lines = net(known.lines, changes) if known.state is InstructionState.OPEN else ()
        version = known.address_version + address
        return self._write(site, number, lines=lines, packs=sum(x.quantity for x in lines), address_version=version)

    def _instruct(self, call: Call, site: str, body: WarehouseInstruction) -> Accepted:
        def take() -> Accepted:
            self._world.instruct(body)
            told = [LineChange(line=line.line, item=line.item, quantity=line.quantity) for line in body.lines]
            return self._send(site, body.order, told, address=True)

        operation = Operation.INSTRUCT_WAREHOUSE
        return self.desk.ledger.once(call, deed(site, operation, body.order, occurrence=call.after(operation)), take)

    def _amend(self, call: Call, site: str, body: WarehouseAmendment) -> Accepted:
        def amend() -> Accepted:
            self._world.amend(body.order, site, body.changes)
            return self._send(site, body.order, body.changes, address=body.ship_to is not None)

        operation = Operation.AMEND_WAREHOUSE
        return self.desk.ledger.once(call, deed(site, operation, body.order, occurrence=call.after(operation)), amend)

    def _transfer(self, call: Call, site: str, body: TransferInstruction) -> Accepted:
        """Goods for another site. A version says all that is to be sent: an older one that comes later says nothing."""

        def take() -> Accepted:
            told = self._transfers.get((site, body.po))
            if told is None or told.version < body.version:
                self._transfers[site, body.po] = body
            return self.desk.accepted()

        what = deed(site, Operation.INSTRUCT_TRANSFER, body.po, occurrence=str(body.version))
        return self.desk.ledger.once(call, what, take)

    def _hold(self, call: Call, site: str, body: WarehouseHold) -> Accepted:
        def hold() -> Accepted:
            self._world.hold(body.order, site, on=body.on)
            return self._write(site, body.order, held=body.on)

        operation = Operation.HOLD_WAREHOUSE if body.on else Operation.RESUME_WAREHOUSE
        return self.desk.ledger.once(call, deed(site, operation, body.order, occurrence=call.after(operation)), hold)

    def _cancel(self, call: Call, site: str, body: WarehouseCancellation) -> Accepted:
        def stop() -> Accepted:
            loaded = Refusal("already_loaded", f"order {body.order} is on the truck")
            self._answers.check(body.order, "cancel", loaded)
            put_away = self._world.call_off(body.order, site)
            state = InstructionState.CANCELLED
            return self._write(site, body.order, state=state, lines=(), packs=0, put_away=put_away)

        return self.desk.ledger.once(call, deed(site, Operation.CANCEL_WAREHOUSE, body.order), stop)

    def _expect(self, call: Call, site: str, body: ReturnNotice) -> Accepted:
        def expect() -> Accepted:
            expected = ExpectedReturn(rma=body.rma, lines=body.lines)
            return self._write(site, body.order, returns=(*self._known(site, body.order).returns, expected))

        what = deed(site, Operation.EXPECT_RETURN, body.order, occurrence=body.rma)
        return self.desk.ledger.once(call, what, expect)
