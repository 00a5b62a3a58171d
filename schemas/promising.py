"""Order promising (available to promise): what is free, what is promised from it, and how availability will develop."""

from datetime import date

from schemas.base import Contract, Moment


class FreeSupply(Contract):
    """Expected supply that nobody was promised: `packs` on `day`. `ref` names it for people."""

    key: str
    ref: str
    packs: int
    day: date


class Free(Contract):
    """What may be promised of an item at a site: `stock` packs now, then supplies, the earliest first.

    Only item-sites whose stock is known are found: of the others, nothing can be promised but a lead time.
    """

    item: str
    stock: int
    supplies: tuple[FreeSupply, ...] = ()


class Peg(Contract):
    """Packs of an order line that are reserved: in stock (`supply` is empty), or of an expected supply. `day` is when
    they are there."""

    line: int
    item: str
    site: str
    supply: str = ""
    packs: int
    day: date


class ProjectedDay(Contract):
    """An item at a site at the end of a day: what comes, what is reserved for that day, and what is left to promise
    after everything up to then. Negative: more is promised than will be there."""

    day: date
    supply: int
    reserved: int
    projected: int


class Projection(Contract):
    """Answer to `GET /v1/availability`. `on_hand` is free to be allocated; `known` is false for an item that has no
    stock record at the site: nothing can be said of it."""

    item: str
    site: str
    known: bool
    as_of: Moment
    on_hand: int
    allocated: int
    days: tuple[ProjectedDay, ...] = ()
