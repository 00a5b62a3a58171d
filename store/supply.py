"""Expected supply: what purchase and transfer orders will still bring."""

from schemas.supply import Supply
from store.engine import Connection


async def set_supplies(connection: Connection, supplies: list[Supply]) -> None:
    """What is expected under each key from now on."""
