"""Messages: every template in plain text and HTML, nothing internal for customers, nothing that breaks out."""

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
    message = written(each)
    assert message.key == each.key
    assert "erp-one/SO-1" in message.subject
    assert "\n" not in message.subject
    for part in (message.text, message.html):
        assert "the ETA of shipment S-1 is 3 days late" in part
        assert "dhl" in part
        assert "syncline case ack erp-one/SO-1/delay/1" in part
        assert "2026-03-02 13:00 CET" in part, "in the time zone of the readers"
    assert "<table" in message.html
    assert "<" not in message.text


def test_an_escalation_says_its_tier() -> None:
    assert written(notice(template="case_escalated", tier=2)).subject.startswith("Still open, tier 2: Delay")


def test_a_digest_holds_each_notice() -> None:
    message = written(notice(1), notice(2, tier=1))
    assert message.subject == "2 notices for transport"
    assert message.notices == (notice(1), notice(2, tier=1))
    for part in (message.text, message.html):
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
    message = written(notice(template=template, to="customer", facts=facts))
    assert message.subject == CUSTOMER_SUBJECTS[template]
    for part in (message.text, message.html):
        assert "SO-1" in part
        assert "Kind regards" in part
        assert not [word for word in ("carrier lost it", "dhl", "erp-one", "syncline case", "None") if word in part]


@pytest.mark.parametrize("template", ["customer_delay", "customer_generic"])
def test_a_customer_is_told_the_new_day_when_it_is_known(template: str) -> None:
    message = written(notice(template=template, to="customer", facts={"promised_on": "2026-04-01"}))
    assert "2026-04-01" in message.text
    assert "2026-04-01" in message.html


def test_html_is_escaped_and_a_value_stays_on_its_line() -> None:
    hostile = {"summary": "<script>alert(1)</script>\n\nSubject: other", "long": "x" * 2000}
    message = written(notice(facts=hostile))
    assert "<script>" not in message.html
    assert "&lt;script&gt;" in message.html
    assert "Summary: <script>alert(1)</script> Subject: other\n" in message.text, "plain text is not HTML"
    assert len(message.text) < 1000


def test_a_messages_address_and_text_are_not_in_its_repr() -> None:
    assert DESK not in repr(written(notice()))
    assert "days late" not in repr(written(notice()))
