"""Stock as double-entry books: packs of an item at a place. What one place gains another loses, so sums are conserved.

A place is written `<bucket>:<which>`: `on_hand:LYS`, `transit:DN-1`, `supplier:acme`, `customer:`.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar, NamedTuple, Self

from pydantic import Field

from schemas.base import Contract, LongText, Moment
from schemas.changes import Change


class Bucket(StrEnum):
    """Kinds of places. The first four are at a site, `transit` names a shipment, `supplier` a partner.

    `on_hand` is free to be allocated, `allocated` is set aside for an order, `returns` waits for inspection, `blocked`
    may not be used. `received` is where came from what no purchase order brought: a site's opening stock, and receipts.
    `adjustment` is what counts found or missed: the other side of a correction.
    """

    ON_HAND = "on_hand"
    ALLOCATED = "allocated"
    RETURNS = "returns"
    BLOCKED = "blocked"
    RECEIVED = "received"
    ADJUSTMENT = "adjustment"
    TRANSIT = "transit"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    SCRAP = "scrap"


Count = Annotated[int, Field(ge=-(10**15), le=10**15)]
"""Packs in somebody's books: beyond any stock, and still a number that can be added up and written down."""
Moves = dict[str, dict[str, int]]
"""place → item → packs gained, or lost when negative. The packs of each item sum to zero."""


class StockMoved(Change):
    """How stock moved since the step before."""

    tag: ClassVar[str] = "moves"
    moves: Moves = {}  # noqa: RUF012 - pydantic copies field defaults


class StockPlace(NamedTuple):
    """A place as it is written: `<bucket>:<which>`. Figures that are compared have one more, `site:<id>`, for all that
    is at a site."""

    bucket: str
    which: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        bucket, colon, which = text.partition(":")
        if not bucket or not colon:
            raise ValueError(f"{text!r} is no place: it must be <bucket>:<which>")
        return cls(bucket, which)

    def __str__(self) -> str:
        return f"{self.bucket}:{self.which}"


def place(bucket: Bucket, which: str = "") -> str:
    """The name of a place."""
    return str(StockPlace(bucket, which))


class StockMove(Contract):
    """One movement as it is booked. `key` books it once; `source` says what it comes from, `ref` of which. Without
    `occurred_at` it happened when it is booked."""

    key: str
    kind: str
    source: str
    ref: str
    occurred_at: Moment | None = None
    moves: Moves


class Figure(Contract):
    """Packs of an item at a place."""

    place: LongText
    item: LongText
    packs: Count


def entries(moves: Moves) -> Iterator[Figure]:
    """Every side of a movement."""
    for name, items in moves.items():
        for item, packs in items.items():
            yield Figure(place=name, item=item, packs=packs)
