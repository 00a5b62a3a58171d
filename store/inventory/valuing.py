"""The value of moving goods: a share of their item's value in the order. The last share takes the rest."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import NamedTuple

CENT_OF_A_CENT = Decimal("0.0001")
"""The ledger keeps amounts to four decimals: no currency of ISO 4217 has more."""
DIGITS = 50
"""The value of an order times its packs has at most 17 and 11 digits before it is divided."""


class Worth(NamedTuple):
    """The value of so many packs of an item."""

    value: Decimal
    packs: int


class Held(NamedTuple):
    """The rest of an order's movements at a place: negative where its goods came from."""

    packs: int
    amount: Decimal


NOTHING = Held(0, Decimal(0))


def shares(worth: Worth, held: Mapping[str, Held], moved: Mapping[str, int]) -> dict[str, Decimal]:
    """The amount on each side of a movement of one item: `moved` has the packs by place, and sums to zero.

    Goods of the order leave a place with their share of what they brought there; the last take all of it. Goods from
    outside the order are worth their share of the value; together with earlier ones, the value of that many.
    """
    with localcontext(prec=DIGITS):
        released, drawn = dict[str, Decimal](), dict[str, int]()
        for place in sorted(x for x, packs in moved.items() if packs < 0):
            here = held.get(place, NOTHING)
            own = min(max(here.packs, 0), -moved[place])
            released[place] = _part(here.amount, own, here.packs) if own else Decimal(0)
            if more := -moved[place] - own:
                drawn[place] = more
        for place, amount in _split(_drawn(worth, held, sum(drawn.values())), drawn).items():
            released[place] += amount
        gained = {place: packs for place, packs in sorted(moved.items()) if packs > 0}
        return {
            **{place: -amount for place, amount in released.items()},
            **_split(sum(released.values(), Decimal(0)), gained),
        }


def _drawn(worth: Worth, held: Mapping[str, Held], packs: int) -> Decimal:
    """The value of so many more packs from outside, with earlier rounding made good."""
    if not packs:
        return Decimal(0)
    outside = [it for it in held.values() if it.packs <= 0]
    before = -sum(it.packs for it in outside)
    return _part(worth.value, before + packs, worth.packs) + sum(it.amount for it in outside)


def _split(amount: Decimal, weights: Mapping[str, int]) -> dict[str, Decimal]:
    """Split an amount by weight. The last share takes the rest."""
    total, upto, given, found = sum(weights.values()), 0, Decimal(0), dict[str, Decimal]()
    for name, weight in weights.items():
        upto += weight
        found[name] = _part(amount, upto, total) - given
        given += found[name]
    return found


def _part(amount: Decimal, packs: int, of: int) -> Decimal:
    return (amount * packs / of).quantize(CENT_OF_A_CENT, ROUND_HALF_UP)
