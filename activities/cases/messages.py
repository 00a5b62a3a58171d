"""Messages from notices: each template has a plain text, whose first line is the subject, and an HTML of the same."""

from datetime import datetime, tzinfo
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from connectors.notify.ports import OutgoingMessage
from domain.cases.notices import message_key
from schemas.cases.cases import Notice
from schemas.cases.notifications import CUSTOMER
from schemas.ids import Subject

DIGEST = "digest"
MAX_VALUE = 500
"""Characters of one fact in a message."""


def write_message(notices: tuple[Notice, ...], to: str, zone: tzinfo, now: datetime) -> OutgoingMessage:
    """One message to an address; times are in the reader's zone. Several notices make a digest.

    A template that is not known falls back: to `customer_generic` for a customer, else to `case_alert`. What
    customers read comes from the templates alone and from the fact `promised_on`; other facts are for our own people.
    Raises jinja2.TemplateError when a template is broken.
    """
    notice = notices[0]
    fallback = "customer_generic" if notice.to == CUSTOMER else "case_alert"
    name = notice.template if len(notices) == 1 else DIGEST
    values = {
        "notice": notice,
        "notices": notices,
        "number": Subject.parse(notice.order).number,
        "facts": {"promised_on": notice.facts.get("promised_on")},
        "zone": zone,
    }
    plain, html = (_render(name, fallback, kind, values) for kind in ("txt", "html"))
    subject, _, text = plain.partition("\n")
    return OutgoingMessage(message_key(notices), to, " ".join(subject.split()), text.strip() + "\n", html, notices, now)


def _render(name: str, fallback: str, kind: str, values: dict[str, object]) -> str:
    return _TEMPLATES.select_template([f"{name}.{kind}", f"{fallback}.{kind}"]).render(values)


def _words(name: str) -> str:
    """`short_ship` as people read it: `Short ship`."""
    return name.replace("_", " ").capitalize()


def _lines(notice: Notice, zone: tzinfo) -> list[tuple[str, str]]:
    """Facts for readers of our own: labels and values, each on one line."""
    asked_at = notice.asked_at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
    facts = ((_words(name), " ".join(value.split())[:MAX_VALUE]) for name, value in notice.facts.items() if value)
    return [*facts, ("Asked at", asked_at)]


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
)
_TEMPLATES.filters.update(words=_words, lines=_lines)
