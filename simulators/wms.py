"""Stand-in WMS: instructions per site. What it is told to pick starts to happen; what it is told to stop, stops."""

from collections.abc import Mapping
from enum import StrEnum

from starlette.routing import Route

from schemas.base import Contract
from schemas.effects import Operation
from schemas.instructions import Accepted, WarehouseCancellation, WarehouseInstruction
from simulators.desk import Desk
from simulators.journeys import World
from simulators.ledger import Call, deed


class InstructionState(StrEnum):
    """What a site makes of an order."""

    OPEN = "open"
    CANCELLED = "cancelled"


class Instruction(Contract):
    """An order as a site keeps it. `packs` is 0 when the cancellation came first."""

    order: str
    state: InstructionState
    packs: int = 0


class Wms:
    """The books of every site."""

    def __init__(self, desk: Desk, world: World) -> None:
        self.desk = desk
        self._world = world
        self._instructions: dict[tuple[str, str], Instruction] = {}

    def routes(self) -> list[Route]:
        """The dialect under `/wms`."""
        instructions = "/{instance}/v1/instructions"
        return [
            self.desk.takes(instructions, WarehouseInstruction, self._instruct),
            self.desk.takes(f"{instructions}/{{order}}/cancellation", WarehouseCancellation, self._cancel),
            self.desk.shows(f"{instructions}/{{order}}", self._find),
            *self.desk.control(),
        ]

    def _find(self, path: Mapping[str, str]) -> Instruction | None:
        return self._instructions.get((path["instance"], path["order"]))

    def _instruct(self, call: Call, instance: str, body: WarehouseInstruction) -> Accepted:
        def take() -> Accepted:
            packs = sum(line.quantity for line in body.lines)
            known = self._instructions.get((instance, body.order))
            state = known.state if known else InstructionState.OPEN
            self._instructions[instance, body.order] = Instruction(order=body.order, state=state, packs=packs)
            self._world.instruct(body)
            return self.desk.accepted()

        return self.desk.ledger.once(call, deed(instance, Operation.INSTRUCT_WAREHOUSE, body.order), take)

    def _cancel(self, call: Call, instance: str, body: WarehouseCancellation) -> Accepted:
        def stop() -> Accepted:
            known = self._instructions.get((instance, body.order))
            self._instructions[instance, body.order] = Instruction(
                order=body.order, state=InstructionState.CANCELLED, packs=known.packs if known else 0
            )
            self._world.stop(body.order)
            return self.desk.accepted()

        return self.desk.ledger.once(call, deed(instance, Operation.CANCEL_WAREHOUSE, body.order), stop)
