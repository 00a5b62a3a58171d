"""Keys come back from what they are written as, for all that contracts admit, and say what is wrong with others."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import (
    CaseKey,
    EffectKey,
    EventKey,
    LineKey,
    StockProposalKey,
    Subject,
    SubjectKind,
    SupplyKey,
    books_key,
    erp_of,
    is_purchase,
    order_key,
    purchase_key,
    replenishment_key,
    sender_rma,
    shipment_back,
)
from schemas.workflow_ids import WorkflowId, WorkflowKind, workflow_of

ERPS = st.from_regex(r"[a-z0-9][a-z0-9-]{1,31}", fullmatch=True) | st.sampled_from(["stock", "po", "case", "order"])
NUMBERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", fullmatch=True) | st.sampled_from(["po", "0", "short_ship"])
SHIPMENTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,59}", fullmatch=True) | st.sampled_from(["DN:1", "po:1"])
RMAS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}", fullmatch=True) | SHIPMENTS.map(sender_rma)
KINDS = st.from_regex(r"[a-z_]{1,40}", fullmatch=True)
COUNTS = st.integers(0, 10**9)
PRINTABLE = st.from_regex(r"[\x21-\x7e]{1,120}", fullmatch=True)
"""Ids and sources of events: slashes, colons and `#` among them."""

ORDERS = st.builds(Subject, st.just(SubjectKind.ORDER), ERPS, NUMBERS)
PURCHASES = st.builds(Subject, st.just(SubjectKind.PURCHASE_ORDER), ERPS, NUMBERS)
REPLENISHMENTS = st.builds(Subject, st.just(SubjectKind.REPLENISHMENT), ERPS, NUMBERS)
BOOKS = st.builds(Subject, st.just(SubjectKind.BOOKS), KINDS, NUMBERS)
WORKFLOWS = st.builds(Subject, st.just(SubjectKind.WORKFLOW), st.from_regex(r"[a-z]+_[a-z]+", fullmatch=True), NUMBERS)
SUBJECTS = ORDERS | PURCHASES | REPLENISHMENTS | BOOKS | WORKFLOWS
RETURN_IDS = st.builds(lambda order, rma: WorkflowId.of_return(str(order), rma), ORDERS, RMAS)
CASE_KEYS = st.builds(CaseKey, SUBJECTS, KINDS, COUNTS)

KEYS: list[Any] = [
    (Subject, SUBJECTS),
    (CaseKey, CASE_KEYS),
    (LineKey, st.builds(LineKey, ORDERS | PURCHASES, COUNTS)),
    (StockProposalKey, st.builds(StockProposalKey, COUNTS)),
    (EffectKey, st.builds(EffectKey, ORDERS | PURCHASES | REPLENISHMENTS, PRINTABLE)),
    (EventKey, st.builds(EventKey, PRINTABLE, PRINTABLE)),
    (SupplyKey, st.builds(SupplyKey, ERPS, NUMBERS, COUNTS, SHIPMENTS | st.just(""))),
    (WorkflowId, (ORDERS | PURCHASES | REPLENISHMENTS).map(WorkflowId.of) | RETURN_IDS),
    (WorkflowId, CASE_KEYS.map(lambda case: WorkflowId.of_case(str(case)))),
]


@given(st.sampled_from(KEYS).flatmap(lambda pair: st.tuples(st.just(pair[0]), pair[1], pair[1])))
def test_a_key_comes_back_as_it_was_written_and_names_nothing_else(drawn: tuple[Any, Any, Any]) -> None:
    kind, key, other = drawn
    assert kind.parse(str(key)) == key
    assert (str(key) == str(other)) == (key == other)


@given(st.sampled_from([kind for kind, _ in KEYS]), st.text(alphabet="ab/:#p o1é", max_size=12) | PRINTABLE)
def test_another_text_is_refused_with_what_is_wrong_or_is_the_same_when_written(kind: Any, text: str) -> None:
    try:
        key = kind.parse(text)
    except ValueError as error:
        assert re.match(r"""(['"]).*\1 (is|names|does) """, str(error))
    else:
        assert str(key) == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (order_key("erp-one", "4711"), "erp-one/4711"),
        (purchase_key("erp-one", "4500"), "erp-one/po:4500"),
        (replenishment_key("erp-one", "R-1"), "erp-one/replenishment:R-1"),
        (books_key("wms", "LYS"), "stock/wms/LYS"),
        (CaseKey(Subject.parse("erp-one/po:4500"), "short_ship", 2), "erp-one/po:4500/short_ship/2"),
        (CaseKey(Subject.parse("stock/wms/LYS"), "stock_difference", 1), "stock/wms/LYS/stock_difference/1"),
        (LineKey(Subject.parse("erp-one/4711"), 3), "erp-one/4711/3"),
        (StockProposalKey(12), "stock/12"),
        (EffectKey(Subject.parse("erp-one/4711"), "DN-1/picked"), "erp-one/4711/DN-1/picked"),
        (EffectKey(Subject.parse("erp-one/4711"), "hold/A").edition(1), "erp-one/4711/hold/A"),
        (EffectKey(Subject.parse("erp-one/4711"), "hold/A").edition(2), "erp-one/4711/hold/A/e2"),
        (EventKey("/partners/wms", "e-1"), "/partners/wms#e-1"),
        (SupplyKey("erp-one", "4500", 10), "po/erp-one/4500/10"),
        (SupplyKey("erp-one", "4500", 10, "S:1"), "po/erp-one/4500/10/S:1"),
        (workflow_of("erp-one/4711"), "order/erp-one/4711"),
        (workflow_of("erp-one/po:4500"), "inbound/erp-one/4500"),
        (workflow_of("erp-one/replenishment:R-1"), "replenishment/R-1"),
        (WorkflowId.of_return("erp-one/4711", "rts-DN:1"), "return/erp-one/4711/rts-DN:1"),
        (WorkflowId.of_case("erp-one/4711/delay/1"), "case/erp-one/4711/delay/1"),
    ],
)
def test_keys_are_written_as_they_always_were(key: Any, text: str) -> None:
    assert str(key) == text


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("order/stock/4711", "stock/4711"),
        ("inbound/erp-one/4500", "erp-one/po:4500"),
        ("return/erp-one/4711/rts-DN:1", "erp-one/4711"),
        ("case/erp-one/po:4500/short_ship/1", "erp-one/po:4500"),
        ("case/stock/wms/LYS/stock_difference/1", "stock/wms/LYS"),
        ("case/stock/4711/delay/1", "stock/4711"),
    ],
)
def test_a_workflow_id_says_what_it_is_about(text: str, subject: str) -> None:
    assert str(WorkflowId.parse(text).subject) == subject


def test_an_erp_may_be_called_as_books_are() -> None:
    assert Subject.parse("stock/4711") == (SubjectKind.ORDER, "stock", "4711")
    assert is_purchase("stock/po:4500")
    assert StockProposalKey.read("stock/4711/1") is None
    assert StockProposalKey.read("stock/4711") == StockProposalKey(4711)


def test_a_workflow_of_its_own_is_no_order() -> None:
    assert Subject.parse("cycle_count/57") == (SubjectKind.WORKFLOW, "cycle_count", "57")
    assert CaseKey.parse("cycle_count/57/stock_difference/1").subject.kind is SubjectKind.WORKFLOW
    for refusing in (erp_of, workflow_of):
        with pytest.raises(ValueError, match="cycle_count/57"):
            refusing("cycle_count/57")


@given(PRINTABLE, PRINTABLE)
def test_two_events_of_a_partner_never_share_a_name(before: str, after: str) -> None:
    """Both a source and an id may have a `#`: which of them it is in is told apart."""
    assert str(EventKey(f"{before}#{after}", "x")) != str(EventKey(before, f"{after}#x"))


@pytest.mark.parametrize(
    ("parse", "text", "rule"),
    [
        (Subject.parse, "", "a part of it is empty"),
        (Subject.parse, "4711", "it must be <erp>/<number>"),
        (Subject.parse, "erp-one/", "a part of it is empty"),
        (Subject.parse, "erp-one/po:", "names no purchase_order"),
        (Subject.parse, "erp-one/x:1", "names no order: its number is 'x:1'"),
        (Subject.parse, "erp-one/4711/1", "it must be <erp>/<number>, or stock/<system>/<target>"),
        (erp_of, "stock/wms/LYS", "is of no ERP"),
        (CaseKey.parse, "erp-one/4711", "names no case"),
        (CaseKey.parse, "erp-one/4711/delay/x", "'x' is no whole number"),
        (CaseKey.parse, "erp-one/4711/delay/01", "'01' is no whole number"),
        (EffectKey.parse, "erp-one/4711", "names no effect"),
        (EventKey.parse, "/partners/wms", "it has no #"),
        (SupplyKey.parse, "erp-one/4711/1", "names no supply"),
        (WorkflowId.parse, "planning/all/0", "is no workflow of an order"),
        (workflow_of, "stock/wms/LYS", "has no workflow"),
        (lambda text: WorkflowId.parse(text).rma, "order/erp-one/4711", "is no return"),
        (lambda text: WorkflowId.parse(text).subject, "replenishment/R-1", "does not say what it is about"),
    ],
)
def test_what_is_wrong_with_a_key_is_said(parse: Any, text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(rule)):
        parse(text)


@given(SHIPMENTS | st.just(""))
def test_what_a_carrier_brings_back_is_known_by_its_number(shipment: str) -> None:
    assert shipment_back(sender_rma(shipment)) == shipment
    assert shipment_back(f"R-{shipment}") is None


def test_kinds_of_workflows_are_those_of_histories() -> None:
    assert {it.value for it in WorkflowKind} == {"order", "inbound", "return", "case", "replenishment"}
