"""Compensation: which operation undoes which. Run in reverse of what was done, each under a key of its own."""

from schemas.effects import Operation

UNDO: dict[Operation, Operation] = {
    Operation.INSTRUCT_WAREHOUSE: Operation.CANCEL_WAREHOUSE,
    Operation.TENDER_TRANSPORT: Operation.VOID_TENDER,
}


def undo(done: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations that take back `done`, last first. What needs no undoing is left out."""
    return tuple(UNDO[operation] for operation in reversed(done) if operation in UNDO)
