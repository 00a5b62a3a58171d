"""A freight invoice is what was to be expected, or people look at it."""

from decimal import Decimal

import pytest

from domain.finance.freight import FreightInvoiced, invoices

EXPECTED = FreightInvoiced(
    partner="dhl",
    id="F-1",
    order="erp-one/SO-1",
    shipment="DN-1",
    currency="USD",
    accrued=Decimal(100),
    invoiced=Decimal(100),
    tolerance=Decimal("0.1"),
    first=True,
)


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({}, None, ""),
        ({"invoiced": 110}, None, ""),
        ({"invoiced": 90}, None, ""),
        ({"invoiced": Decimal("110.01")}, "quantity", "10.01 over the accrual"),
        ({"invoiced": Decimal("89.99")}, "quantity", "10.01 under the accrual"),
        ({"accrued": Decimal(0), "invoiced": 1}, "missing", "nothing was accrued"),
        ({"first": False}, "duplicate", "invoiced before"),
        ({"first": False, "accrued": Decimal(0)}, "duplicate", "invoiced before"),
    ],
)
def test_what_does_not_fit_is_a_difference(change: dict[str, object], kind: str | None, said: str) -> None:
    comparison = invoices([EXPECTED.model_copy(update=change)])
    assert comparison.compared == 1
    assert [it.kind for it in comparison.differences] == ([kind] if kind else [])
    assert all(said in it.proposal and it.owner == "tms" for it in comparison.differences)
