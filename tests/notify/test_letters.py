"""Letters: every template in plain text and HTML, nothing internal for customers, nothing that breaks out."""

from zoneinfo import ZoneInfo

import pytest

from activities.cases.messages import write_message
from connectors.notify.ports import OutgoingMessage
from schemas.cases.cases import Notice
from tests.notify.mailbox import DESK, NOON, notice

ZONE = ZoneInfo("Europe/Berlin")


def written(*notices: Notice) -> OutgoingMessage:
    """The letter of these notices."""
    return write_message(notices, DESK, ZONE, NOON)


OWN = [notice(), notice(template="case_escalated", tier=1), notice(template="unheard_of")]


@pytest.mark.parametrize("each", OWN, ids=lambda each: each.template)
def test_an_alert_says_what_where_and_what_to_do_in_both_parts(each: Notice) -> None:
    letter = written(each)
    assert letter.key == each.key
    assert "erp-one/SO-1" in letter.subject
    assert "\n" not in letter.subject
    for part in (letter.text, letter.html):
        assert "the ETA of shipment S-1 is 3 days late" in part
        assert "dhl" in part
        assert "syncline case ack erp-one/SO-1/delay/1" in part
        assert "2026-03-02 13:00 CET" in part, "in the time zone of the readers"
    assert "<table" in letter.html
    assert "<" not in letter.text


def test_an_escalation_says_its_tier() -> None:
    assert written(notice(template="case_escalated", tier=2)).subject.startswith("Still open, tier 2: Delay")


def test_a_digest_holds_each_notice() -> None:
    letter = written(notice(1), notice(2, tier=1))
    assert letter.subject == "2 notices for transport"
    assert letter.notices == (notice(1), notice(2, tier=1))
    for part in (letter.text, letter.html):
        assert "S-1 is 3 days late" in part
        assert "S-2 is 3 days late" in part
        assert "tier 1" in part


CUSTOMER_SUBJECTS = {
    "customer_delay": "Your order SO-1 is delayed",
    "customer_address": "Please check the delivery address of your order SO-1",
    "customer_generic": "News about your order SO-1",
    "customer_damage": "News about your order SO-1",
}


@pytest.mark.parametrize("template", CUSTOMER_SUBJECTS)
def test_a_customer_reads_of_their_order_and_of_nothing_internal(template: str) -> None:
    facts = {"summary": "carrier lost it", "carrier": "dhl"}
    letter = written(notice(template=template, to="customer", facts=facts))
    assert letter.subject == CUSTOMER_SUBJECTS[template]
    for part in (letter.text, letter.html):
        assert "SO-1" in part
        assert "Kind regards" in part
        assert not [word for word in ("carrier lost it", "dhl", "erp-one", "syncline case", "None") if word in part]


@pytest.mark.parametrize("template", ["customer_delay", "customer_generic"])
def test_a_customer_is_told_the_new_day_when_it_is_known(template: str) -> None:
    letter = written(notice(template=template, to="customer", facts={"promised_on": "2026-04-01"}))
    assert "2026-04-01" in letter.text
    assert "2026-04-01" in letter.html


def test_html_is_escaped_and_a_value_stays_on_its_line() -> None:
    hostile = {"summary": "<script>alert(1)</script>\n\nSubject: other", "long": "x" * 2000}
    letter = written(notice(facts=hostile))
    assert "<script>" not in letter.html
    assert "&lt;script&gt;" in letter.html
    assert "Summary: <script>alert(1)</script> Subject: other\n" in letter.text, "plain text is not HTML"
    assert len(letter.text) < 1000


def test_a_letters_address_and_text_are_not_in_its_repr() -> None:
    assert DESK not in repr(written(notice()))
    assert "days late" not in repr(written(notice()))
