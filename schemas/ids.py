"""Keys that name things over messages, workflows and tables. Each parses and formats itself; nobody else splits them.

`str()` of a key is what stands on the wire, in the database and in histories. `parse` is its inverse; it raises a
ValueError that names the text and what is wrong with it.
"""

from enum import StrEnum
from typing import NamedTuple, NoReturn, Self

SENDER = "rts-"
"""Begins the number of the return authorisation for goods that a carrier brings back: return to sender."""


def _wrong(text: str, rule: str) -> NoReturn:
    raise ValueError(f"{text!r} {rule}")


def _whole(text: str, digits: str, what: str) -> int:
    """A number as we write it: digits, no zeros before them."""
    if not (digits.isascii() and digits.isdigit()) or str(int(digits)) != digits:
        _wrong(text, f"names no {what}: {digits!r} is no whole number")
    return int(digits)


class SubjectKind(StrEnum):
    """The subject of effects, cases, steps and movements."""

    ORDER = "order"
    PURCHASE_ORDER = "purchase_order"
    REPLENISHMENT = "replenishment"
    BOOKS = "books"
    WORKFLOW = "workflow"


_MARKS = {SubjectKind.PURCHASE_ORDER: "po:", SubjectKind.REPLENISHMENT: "replenishment:"}
"""The prefix of a number in a key. No order's number has a colon."""
_BOOKS = "stock"
"""Begins the key of books that are compared. An ERP may have this name: its keys have a part less."""


class Subject(NamedTuple):
    """An order `<erp>/<number>`, a purchase order `<erp>/po:<number>`, a replenishment `<erp>/replenishment:<id>`,
    compared books `stock/<system>/<target>`, or a workflow of its own, such as `cycle_count/<id>`. `owner`: the ERP,
    the system of the books, or the workflow's name."""

    kind: SubjectKind
    owner: str
    number: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        parts = text.split("/")
        if not all(parts):
            _wrong(text, "is no key: a part of it is empty")
        match parts:
            case [beginning, system, target] if beginning == _BOOKS:
                return cls(SubjectKind.BOOKS, system, target)
            case [workflow, id] if "_" in workflow:  # no ERP's name has one
                return cls(SubjectKind.WORKFLOW, workflow, id)
            case [erp, number]:
                kind = next((kind for kind, mark in _MARKS.items() if number.startswith(mark)), SubjectKind.ORDER)
                number = number.removeprefix(_MARKS.get(kind, ""))
                if not number or ":" in number:
                    _wrong(text, f"names no {kind}: its number is {number!r}")
                return cls(kind, erp, number)
        _wrong(text, "is no key: it must be <erp>/<number>, or stock/<system>/<target>")

    def __str__(self) -> str:
        if self.kind is SubjectKind.BOOKS:
            return f"{_BOOKS}/{self.owner}/{self.number}"
        return f"{self.owner}/{self.marked_number}"

    @property
    def erp(self) -> str:
        """The ERP whose order it is. Raises ValueError when no ERP ordered it."""
        return self.owner if self.is_ordered else _wrong(str(self), f"is of no ERP: it names {self.kind}")

    @property
    def is_ordered(self) -> bool:
        """Whether an ERP ordered it, as no ERP did books or a workflow of its own."""
        return self.kind not in (SubjectKind.BOOKS, SubjectKind.WORKFLOW)

    @property
    def marked_number(self) -> str:
        """Its number as it stands in its key: that of a purchase order begins with `po:`."""
        return marked(self.kind, self.number)

    @property
    def is_purchase(self) -> bool:
        """Whether it is a purchase order."""
        return self.kind is SubjectKind.PURCHASE_ORDER


def marked(kind: SubjectKind, number: str) -> str:
    """A number as it stands in a key of this kind: that of a purchase order begins with `po:`."""
    return f"{_MARKS.get(kind, '')}{number}"


def order_key(erp: str, number: str) -> str:
    """`<erp>/<number>`: names an order everywhere."""
    return str(Subject(SubjectKind.ORDER, erp, number))


def purchase_key(erp: str, number: str) -> str:
    """`<erp>/po:<number>`: names a purchase order wherever an order's key may stand."""
    return str(Subject(SubjectKind.PURCHASE_ORDER, erp, number))


def replenishment_key(erp: str, proposal: str) -> str:
    """`<erp>/replenishment:<id>`: names a replenishment wherever an order's key may stand."""
    return str(Subject(SubjectKind.REPLENISHMENT, erp, proposal))


def books_key(system: str, target: str) -> str:
    """`stock/<system>/<target>`: names compared books wherever a case names an order."""
    return str(Subject(SubjectKind.BOOKS, system, target))


def erp_of(key: str) -> str:
    """The ERP of an order, purchase order or replenishment. Raises ValueError."""
    return Subject.parse(key).erp


def is_purchase(key: str) -> bool:
    """Whether a key is a purchase order's. Raises ValueError."""
    return Subject.parse(key).is_purchase


class CaseKey(NamedTuple):
    """A case: `<subject>/<kind>/<n>`, the n-th of its kind."""

    subject: Subject
    kind: str
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        match text.rsplit("/", 2):
            case [subject, kind, number] if kind:
                return cls(Subject.parse(subject), kind, _whole(text, number, "case"))
        _wrong(text, "names no case: it must be <erp>/<number>/<kind>/<n>")

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """The case that somebody names; None when they name none."""
        try:
            return cls.parse(text or "")
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.subject}/{self.kind}/{self.number}"


class LineKey(NamedTuple):
    """A line of an order: `<order>/<line>`. A re-plan proposal of an order is named in the same way."""

    subject: Subject
    line: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        subject, _, line = text.rpartition("/")
        return cls(Subject.parse(subject), _whole(text, line, "line"))

    def __str__(self) -> str:
        return f"{self.subject}/{self.line}"


class LinkKey(NamedTuple):
    """A shipment and an order that it carries: `<shipment> <order>`."""

    shipment: str
    subject: Subject

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        shipment, _, subject = text.partition(" ")
        if not shipment:
            _wrong(text, "names no link: it must be <shipment> <erp>/<number>")
        return cls(shipment, Subject.parse(subject))

    def __str__(self) -> str:
        return f"{self.shipment} {self.subject}"


class StockProposalKey(NamedTuple):
    """A proposal about an item at a site: `stock/<n>`. One of an order, `<erp>/<number>/<n>`, has a part more."""

    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        beginning, _, number = text.partition("/")
        if beginning != _BOOKS:
            _wrong(text, "names no proposal of an item at a site: it must be stock/<n>")
        return cls(_whole(text, number, "proposal of an item at a site"))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None for the proposal of an order."""
        try:
            return cls.parse(text)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{_BOOKS}/{self.number}"


class EffectKey(NamedTuple):
    """An effect: `<subject>/<what>`. `what` begins with the operation, the shipment or the word for a change; the rest
    distinguishes it from others."""

    subject: Subject
    what: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        erp, number, what = (*text.split("/", 2), "", "")[:3]
        if not what:
            _wrong(text, "names no effect: it must be <erp>/<number>/<what>")
        return cls(Subject.parse(f"{erp}/{number}"), what)

    def __str__(self) -> str:
        return f"{self.subject}/{self.what}"

    def edition(self, number: int) -> str:
        """The key under which an edition of it is sent: `<key>/e<number>` after the first."""
        return str(self) if number == 1 else f"{self}/e{number}"


class EventKey(NamedTuple):
    """An event: `<source>#<id>` of its envelope, unique over all partners.

    Both may have a `#`. That of a source is written as a space, which no source has: so the first one ends it.
    """

    source: str
    id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        source, mark, id = text.partition("#")
        if not source or not id:
            _wrong(text, "names no event: it must be <source>#<id>" if mark else "names no event: it has no #")
        return cls(source.replace(" ", "#"), id)

    def __str__(self) -> str:
        return f"{self.source.replace('#', ' ')}#{self.id}"


class SupplyKey(NamedTuple):
    """The rest of a purchase order's line: `po/<erp>/<number>/<line>`, and `/<shipment>` of packs that have left."""

    erp: str
    number: str
    line: int
    shipment: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        match text.split("/"):
            case ["po", erp, number, line, *shipment] if erp and number and len(shipment) <= 1 and all(shipment):
                return cls(erp, number, _whole(text, line, "line"), *shipment)
        _wrong(text, "names no supply: it must be po/<erp>/<number>/<line>[/<shipment>]")

    def __str__(self) -> str:
        return "/".join(part for part in (self.stem, str(self.line), self.shipment) if part)

    @property
    def stem(self) -> str:
        """The prefix of the supplies of a purchase order."""
        return f"po/{self.erp}/{self.number}"

    @property
    def purchase(self) -> Subject:
        """The purchase order."""
        return Subject(SubjectKind.PURCHASE_ORDER, self.erp, self.number)


def sender_rma(shipment: str) -> str:
    """The number of the return authorisation for a shipment that a carrier brings back; for an order without shipments
    the shipment is empty."""
    return f"{SENDER}{shipment}"


def shipment_back(rma: str) -> str | None:
    """The shipment that a carrier brings back under this number; None for what customers send."""
    return rma.removeprefix(SENDER) if rma.startswith(SENDER) else None
