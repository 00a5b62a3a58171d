"""What people read agrees with its number: no `1 packs`, whoever says it."""

import re
from pathlib import Path

import pytest

from domain.orders.issues import in_words
from domain.procurement import documents as papers
from domain.procurement.inbound_trouble import findings, mark
from domain.procurement.purchase_order import PurchaseFile
from schemas.cases.exceptions import Action
from schemas.orders.milestones import ShippedLine
from schemas.plurals import counted, signed, verb, with_verb
from schemas.procurement.purchase_orders import PurchaseDecision, PurchaseDocument
from tests.domain.purchases import NOON, advised, confirmed, invoiced, order, received, start

UNWANTED = "under way although nothing more is wanted"
ROOT = Path(__file__).resolve().parents[2]
TEXTS = ("domain", "gateway", "store", "commands", "workflows", "activities")
UNCOUNTED = re.compile(r"""f["'][^"']*\{[^{}A-Z]*\} (?:more )?(?:packs|lines|days|differences|messages|effects)\b""")
"""A number in braces right before a plural: it would be said of one as well."""


def test_every_count_goes_with_its_noun() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for room in TEXTS
        for path in sorted((ROOT / room).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNCOUNTED.search(line) and "counted(" not in line
    ]
    assert found == []


@pytest.mark.parametrize(("number", "said"), [(1, "1 pack is"), (2, "2 packs are"), (1200, "1,200 packs are")])
def test_a_count_with_its_verb(number: int, said: str) -> None:
    assert with_verb(number, "pack", "is", "are") == said
    assert f"{counted(number, 'pack')} {verb(number, 'is', 'are')}" == said


def test_a_difference_keeps_its_sign() -> None:
    assert [signed(n, "day") for n in (-2, -1, 0, 1, 1200)] == ["-2 days", "-1 day", "+0 days", "+1 day", "+1,200 days"]


def test_packs_of_lines_in_words() -> None:
    lines = [ShippedLine(line=n, quantity=n) for n in (1, 2)]
    assert in_words(lines) == "1 pack of line 1 and 2 packs of line 2"


def purchased(*documents: PurchaseDocument) -> PurchaseFile:
    """A purchase order of 100 and 50 packs after these."""
    state = PurchaseFile(start=start())
    for it in (order(), *documents):
        state, _ = papers.take(state, it)
    return state


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ((received("R", damaged=1, l1=100),), "1 pack of line 1 damaged"),
        ((received("R", damaged=2, l1=100),), "2 packs of line 1 damaged"),
        ((received("R", l1=101),), "101 packs of line 1 came or are coming, 100 ordered"),
        ((advised("S", l1=2), received("R", "S", l1=1)), "1 pack of shipment S was not in it"),
        ((advised("S", l1=3), received("R", "S", l1=1)), "2 packs of shipment S were not in it"),
        (
            (advised("S", l1=1), order(2, cancelled=True)),
            f"1 pack of shipment S is {UNWANTED}",
        ),
        (
            (advised("S", l1=2), order(2, cancelled=True)),
            f"2 packs of shipment S are {UNWANTED}",
        ),
        ((order(2, packs=(1, 1)), confirmed(packs=(0, 1))), "0 of 1 pack of line 1 confirmed"),
        ((order(2, packs=(2, 1)), confirmed(packs=(0, 1))), "0 of 2 packs of line 1 confirmed"),
        ((invoiced("I", l1=1), received("R", final=True, l2=1)), "invoice I: line 1: 1 pack invoiced, 0 received"),
        ((invoiced("I", l1=2), received("R", final=True, l2=1)), "invoice I: line 1: 2 packs invoiced, 0 received"),
    ],
)
def test_findings_of_purchase_orders_at_one_and_at_two(documents: tuple[PurchaseDocument, ...], said: str) -> None:
    assert said in [it.summary for it in findings(purchased(*documents))]


def test_what_people_agreed_to_in_the_words_of_an_earlier_build_stays_agreed() -> None:
    state = purchased(received("R", damaged=1, l1=100))
    [damage] = findings(state)
    assert damage.summary == "1 pack of line 1 damaged"
    old = f"{damage.kind}/{damage.subject}: 1 packs of line 1 damaged"
    decision = PurchaseDecision(id="d", action=Action.ACCEPT, at=NOON, agreed=(old,))
    assert findings(state.model_copy(update={"decisions": (decision,)})) == ()
    assert mark(damage) != mark(damage.model_copy(update={"summary": "2 packs of line 1 damaged"}))
