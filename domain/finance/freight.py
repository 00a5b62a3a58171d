"""Freight invoices against what was accrued: which of them people have to look at."""

from collections.abc import Iterable
from decimal import Decimal

from schemas.base import Contract, System
from schemas.finance.reconciliation import About, Comparison, Difference, DifferenceClass


class FreightInvoiced(Contract):
    """A freight invoice. `first`: no other has come for its shipment before. `tolerance`: the share of what was accrued
    that it may differ by. `rated`: a rate had been set, so something was to be accrued."""

    partner: str
    id: str
    order: str
    shipment: str
    currency: str
    accrued: Decimal
    invoiced: Decimal
    tolerance: Decimal
    first: bool
    rated: bool = True

    @property
    def fits(self) -> bool:
        """Whether it is what was to be expected."""
        if not self.first:
            return False
        if not self.accrued and not self.rated:
            return True
        return abs(self.invoiced - self.accrued) <= self.tolerance * self.accrued


def invoices(found: Iterable[FreightInvoiced]) -> Comparison:
    """Compare invoices with accruals. They are booked as they are; what does not fit is for people."""
    every = list(found)
    return Comparison(compared=len(every), differences=tuple(_difference(it) for it in every if not it.fits))


def _difference(it: FreightInvoiced) -> Difference:
    what = f"invoice {it.id} of {it.partner} for shipment {it.shipment}"
    if not it.first:
        kind, wrong = DifferenceClass.DUPLICATE, "the shipment was invoiced before"
    elif not it.accrued:
        kind, wrong = DifferenceClass.MISSING, "nothing was accrued for it"
    else:
        over = it.invoiced > it.accrued
        kind, wrong = (
            DifferenceClass.QUANTITY,
            f"{abs(it.invoiced - it.accrued)} {'over' if over else 'under'} the accrual",
        )
    return Difference(
        about=About.INVOICE,
        subject=f"freight invoice {it.partner}/{it.id}",
        item=it.shipment,
        place=it.order,
        kind=kind,
        ours=f"{it.accrued} {it.currency}",
        theirs=f"{it.invoiced} {it.currency}",
        owner=System.TMS,
        proposal=f"{what}: {wrong}; have {it.partner} correct it, or resolve the case to accept it",
    )
