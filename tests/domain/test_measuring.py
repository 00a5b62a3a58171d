"""What partners send in their own units is a whole number of what the item is kept in, at the price that it had."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from domain import measuring
from domain.units import Measure, NotConvertible
from schemas.base import Unit
from schemas.inventory.reports import SentReport
from schemas.orders.milestones import SentLine
from schemas.parsing import check
from schemas.partners.master_data import Conversion, Item, KeptLine
from schemas.procurement.documents import GoodsReceipt, Invoice
from schemas.procurement.rates import Rate
from schemas.procurement.sent_documents import SentInvoice, SentOrder, SentReceipt

TABLETS = Item(id="A", units=(Conversion(unit=Unit.CARTON, base=Decimal(24)),))
POWDER = Item(id="C", unit=Unit.GRAM)
ITEMS = {"A": TABLETS, "C": POWDER}
KNOWN = {1: KeptLine(line=1, item="A", unit=Unit.PACK), 2: KeptLine(line=2, item="C", unit=Unit.GRAM)}
KEPT_IN_PACKS = "the item is kept in PK, and no conversion of CT is known"
KEPT_IN_GRAMS = "the item is kept in GRM, and no conversion of PK is known"
REPORT = {"id": "r", "kind": "receipt", "site": "DC1", "item": "A", "occurred_at": "2026-12-01T10:00:00Z"}
INVOICE = {"erp": "erp-one", "po": "4500", "number": "I", "currency": "EUR", "due_on": "2026-12-31"}
RECEIPT = {"erp": "erp-one", "po": "4500", "number": "R", "site": "DC1", "received_at": "2026-12-01T10:00:00Z"}
ORDER = {
    **{"number": "4500", "supplier": "acme", "site": "DC1", "region": "EU", "currency": "EUR"},
    "ordered_at": "2026-12-01T10:00:00Z",
}


def report(**said: Any) -> SentReport:
    """A report as it comes through the door."""
    return check(SentReport, {**REPORT, **said})


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ({"quantity": 2, "unit": "CT"}, 48),
        ({"quantity": 0.5, "unit": "CT"}, 12),
        ({"quantity": 7}, 7),
        ({"quantity": 7, "unit": "PK"}, 7),
        ({"item": "C", "quantity": 2.5, "unit": "KGM"}, 2500),
        ({"item": "C", "quantity": 7}, 7),
        ({"kind": "count", "quantity": 0, "unit": "CT"}, 0),
    ],
)
def test_a_report_is_booked_in_what_its_item_is_kept_in(said: dict[str, Any], whole: int) -> None:
    assert measuring.report(report(**said), ITEMS).quantity == whole


@pytest.mark.parametrize(
    ("said", "field", "rule"),
    [
        ({"quantity": 2, "unit": "PF"}, "unit", "the item is kept in PK, and no conversion of PF is known"),
        ({"quantity": 2.5, "unit": "PK"}, "quantity", "is not a whole number of PK, which the item is kept in"),
        ({"quantity": 0.03, "unit": "CT"}, "quantity", "is not a whole number of PK, which the item is kept in"),
        (
            {"item": "X", "quantity": 1, "unit": "CT"},
            "unit",
            "the item is kept in PK, and no conversion of CT is known",
        ),
        (
            {"item": "C", "quantity": 1, "unit": "PK"},
            "unit",
            KEPT_IN_GRAMS,
        ),
    ],
)
def test_what_is_not_known_or_not_whole_is_refused(said: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(NotConvertible) as refused:
        measuring.report(report(**said), ITEMS)
    assert (refused.value.field, refused.value.rule) == (field, rule)


@pytest.mark.parametrize(
    ("price", "one", "rate"),
    [
        ("240", Fraction(24), Rate(Decimal(10))),
        ("100", Fraction(24), Rate(Decimal(100), 24)),
        ("0.5", Fraction(1, 12), Rate(Decimal(6))),
        ("3.55", Fraction(1000), Rate(Decimal("3.55"), 1000)),
        ("12.5", Fraction(1), Rate(Decimal("12.5"))),
    ],
)
def test_a_price_is_for_one_where_that_is_exact_and_never_rounded(price: str, one: Fraction, rate: Rate) -> None:
    found = Measure(one, Unit.PACK).rate(Rate(Decimal(price)))
    assert found == rate
    assert found.exact * one == Fraction(Decimal(price))


def test_the_value_of_a_report_is_that_of_its_unit() -> None:
    found = measuring.report(report(quantity=2, unit="CT", unit_value="100", currency="EUR"), ITEMS)
    assert (found.quantity, found.unit_value, found.per) == (48, Decimal(100), 24)


def test_an_order_in_cartons_is_kept_in_packs_and_its_carton_holds_for_all_that_is_said_of_it() -> None:
    line = {"line": 1, "item": "A", "packs": 10, "unit": "CT", "unit_price": "100", "due_on": "2026-12-20"}
    made, known, findings = measuring.order(check(SentOrder, {**ORDER, "lines": [line]}), ITEMS)
    assert made is not None and not findings
    [ordered] = made.lines
    assert (ordered.packs, ordered.rate) == (240, Rate(Decimal(100), 24))
    assert known == [KeptLine(line=1, item="A", unit=Unit.PACK, base=240, asked=Decimal(10), asked_unit=Unit.CARTON)]
    smaller = {"A": Item(id="A", units=(Conversion(unit=Unit.CARTON, base=Decimal(12)),))}
    said = check(SentReceipt, {**RECEIPT, "lines": [{"line": 1, "packs": 3, "damaged": 0.125, "unit": "CT"}]})
    receipt, _ = measuring.document(said, {1: known[0]}, smaller)
    assert isinstance(receipt, GoodsReceipt)
    assert [(it.packs, it.damaged) for it in receipt.lines] == [(72, 3)]


def test_an_invoice_in_cartons_is_worth_what_its_sender_says() -> None:
    lines = [
        {"line": 1, "packs": 3, "unit": "CT", "unit_price": "100"},
        {"line": 2, "packs": 2.5, "unit": "KGM", "unit_price": "3.55"},
    ]
    invoice, findings = measuring.document(check(SentInvoice, {**INVOICE, "lines": lines}), KNOWN, ITEMS)
    assert isinstance(invoice, Invoice) and not findings
    assert [it.packs for it in invoice.lines] == [72, 2500]
    assert invoice.amount == Decimal("308.875")


def test_every_line_of_a_document_that_has_no_whole_number_is_named() -> None:
    lines = [
        {"line": 1, "packs": 1, "unit": "PF", "unit_price": "1"},
        {"line": 2, "packs": 0.5, "unit": "GRM", "unit_price": "1"},
        {"line": 3, "packs": 1, "unit": "CT", "unit_price": "1"},
        {"line": 9, "packs": 1, "unit_price": "1"},
    ]
    made, findings = measuring.document(check(SentInvoice, {**INVOICE, "lines": lines}), KNOWN, ITEMS)
    assert made is None
    assert [it["field"] for it in findings] == ["lines[0].unit", "lines[1].packs", "lines[2].line"]


def test_a_line_of_a_milestone_means_the_same_in_each_order_or_says_which_it_means() -> None:
    line = check(SentLine, {"line": 1, "quantity": 2, "unit": "CT"})
    one = measuring.Known(KNOWN, ITEMS)
    other = measuring.Known(KNOWN, {"A": Item(id="A", units=(Conversion(unit=Unit.CARTON, base=Decimal(12)),))})
    assert measuring.shipped(line, [one, one]).quantity == 48
    with pytest.raises(NotConvertible, match="order: say it"):
        measuring.shipped(line, [one, other])
    with pytest.raises(NotConvertible, match="line: is not a line"):
        measuring.shipped(line, [])
