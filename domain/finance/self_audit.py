"""Drifts of our own books as differences: each is named for ever, says what is right, and what its repair does."""

from collections.abc import Iterable

from schemas.finance.reconciliation import About, Comparison, Difference, DifferenceClass
from schemas.finance.self_audit import Check, Drift

SUBJECTS = {
    Check.BALANCE: "balance of {item} in {where}",
    Check.ENTRY: "movement {where} of {item}",
    Check.NEGATIVE: "stock of {item} in {where}",
    Check.RESERVED: "reservations of {item} for line {where}",
    Check.OVERSOLD: "reservations of {item} from {where}",
    Check.SUPPLY: "supply {where}",
    Check.LINK: "link of {where}",
}
REPAIRS = {
    Check.BALANCE: "the balance becomes the sum of the ledger's entries",
    Check.ENTRY: "the side that is missing is entered again, when the balances show where it was",
    Check.NEGATIVE: "what is really there is booked: count it first; nothing unless you say otherwise",
    Check.RESERVED: "what is reserved too much is given back, what is missing is reserved anew",
    Check.OVERSOLD: "the item's promises are planned anew",
    Check.SUPPLY: "the expected packs become what the purchase order still brings",
    Check.LINK: "the shipment is linked to its order again",
}
"""The command that a person gives with `syncline reconcile repair`."""
OWNER = "syncline"


def compared(drifts: Iterable[Drift], looked_at: int) -> Comparison:
    """The findings of an audit, as a comparison of so many figures."""
    return Comparison(compared=looked_at, differences=tuple(map(difference, drifts)))


def difference(drift: Drift) -> Difference:
    """A drift as a difference. What waits for somebody already passes by itself, unless it takes too long."""
    kind = DifferenceClass.MISSING if drift.check in (Check.ENTRY, Check.LINK) else DifferenceClass.QUANTITY
    return Difference(
        about=About.BOOK,
        subject=SUBJECTS[drift.check].format(item=drift.item, where=drift.where.strip()),
        item=drift.item,
        place=drift.place,
        kind=DifferenceClass.TIMING if drift.waits else kind,
        ours=drift.written,
        theirs=drift.right,
        explained_by=drift.waits,
        owner=OWNER,
        proposal=f"repair: {REPAIRS[drift.check]}",
    )
