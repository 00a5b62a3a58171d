"""Writes X12 interchanges, one message at a time. Control numbers, days and times are the caller's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from formats.edi.parts import PartyId
from formats.edi.syntax import Syntax
from formats.edi.writing import MessageDraft, MessageJudge, SegmentWriter, refuse
from formats.findings import FormatError
from formats.x12.grammar import REPETITION_SINCE, X12Grammar
from formats.x12.tables.sets import GROUPS
from formats.x12.versions import message_type

STANDARD = Syntax(b"*", b">", b"~")
"""Delimiters up to 004010: what most partners write."""
REPEATING = Syntax(b"*", b">", b"~", b"", b"^")
"""Delimiters from 004020 on, where elements may repeat."""
HIGHEST = 999_999_999
"""ISA13 and GS06 have nine digits."""


@dataclass(frozen=True, slots=True)
class X12Header:
    """What ISA says.

    Attributes:
        number: ISA13, 1 to 999999999.
        day: Six digits, as ISA09 has them.
        time: Four digits.
        version: ISA12, `00401`.
        usage: `P` production, `T` test, `I` information.
        acknowledge: Whether the receiver is asked for a TA1.
    """

    sender: PartyId
    receiver: PartyId
    number: int
    day: str
    time: str
    version: str = "00401"
    usage: str = "P"
    acknowledge: bool = False


@dataclass(frozen=True, slots=True)
class X12Group:
    """A group: what GS says, and its messages, all of one functional identifier.

    Attributes:
        number: GS06, 1 to 999999999.
        day: Eight digits.
        time: Four, six or eight digits.
        version: GS08, `004010`.
        messages: Read once, while they are written.
    """

    sender: str
    receiver: str
    number: int
    day: str
    time: str
    version: str
    messages: Iterable[MessageDraft]


@dataclass
class X12Writer:
    """Writes interchanges in one syntax.

    Attributes:
        syntax: The delimiters.
        newline: What stands behind each terminator, such as a line break.
        judge: Whether each message is read again, and refused when anything is found.
    """

    syntax: Syntax = STANDARD
    newline: bytes = b""
    judge: bool = True
    _judge: MessageJudge = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._writer = SegmentWriter(self.syntax)
        self._judge = MessageJudge(X12Grammar(), self.syntax)

    def interchange(self, header: X12Header, groups: Iterable[X12Group]) -> Iterator[bytes]:
        """The bytes of an interchange, in pieces of a message each.

        Raises:
            FormatError: Something cannot be said in X12: a delimiter inside a value, a number or party that does not
                fit its element, a message that a reader would find fault with.
        """
        yield self._lines(self._isa(header))
        count = 0
        for group in groups:
            count += 1
            yield from self._group(group)
        yield self._lines(self._writer.write([("IEA", str(count), f"{header.number:09}")]))

    def _isa(self, header: X12Header) -> bytes:
        sender, receiver = header.sender, header.receiver
        repetition = "U"
        if header.version >= REPETITION_SINCE:
            repetition = (self.syntax.repetition or b"U").decode("latin-1")
        _fits(1 <= header.number <= HIGHEST, "ISA13 has nine digits and is not 0")
        for party in (sender, receiver):
            _fits(
                1 <= len(party.id) <= 15 and len(party.qualifier) == 2,
                "a party of ISA has 15 characters and a qualifier of 2",
            )
        _fits(len(header.day) == 6 and len(header.time) == 4, "ISA has a day of six digits and a time of four")
        _fits(
            len(header.version) == 5 and len(header.usage) == 1, "ISA has a version of five digits and a usage of one"
        )
        values = (
            *(
                "00",
                " " * 10,
                "00",
                " " * 10,
                sender.qualifier,
                f"{sender.id:15}",
                receiver.qualifier,
                f"{receiver.id:15}",
            ),
            *(header.day, header.time, repetition, header.version, f"{header.number:09}"),
            *("1" if header.acknowledge else "0", header.usage, self.syntax.component.decode("latin-1")),
        )
        joined = self.syntax.element.decode("latin-1").join(("ISA", *values)).encode("ascii", "replace")
        _fits(joined.count(self.syntax.element) == len(values), "a value of ISA holds the divider of elements")
        return joined + self.syntax.terminator

    def _group(self, group: X12Group) -> Iterator[bytes]:
        _fits(1 <= group.number <= HIGHEST, "GS06 has nine digits and is not 0")
        count, functional = 0, ""
        for message in group.messages:
            identifier = GROUPS.get(message.type.kind, "")
            if not count:
                functional = identifier
                yield self._lines(self._writer.write([self._gs(group, functional)]))
            _fits(
                bool(identifier) and identifier == functional, "the messages of a group have one functional identifier"
            )
            count += 1
            yield self._lines(self.message(message))
        _fits(count > 0, "a group has a message")
        yield self._lines(self._writer.write([("GE", str(count), str(group.number))]))

    def _gs(self, group: X12Group, functional: str) -> tuple[str, ...]:
        return (
            *("GS", functional, group.sender, group.receiver, group.day, group.time),
            *(str(group.number), "X", group.version),
        )

    def message(self, message: MessageDraft) -> bytes:
        """The bytes of a message with its header and trailer."""
        reference = message.reference
        header, trailer = ("ST", message.type.kind, reference), ("SE", str(len(message.rows) + 2), reference)
        written = self._writer.write([header, *message.rows, trailer])
        if self.judge:
            refuse(message, self._judge.findings(message.type, written))
        return written

    def _lines(self, written: bytes) -> bytes:
        return (
            written.replace(self.syntax.terminator, self.syntax.terminator + self.newline) if self.newline else written
        )


def new_message(kind: str, version: str, reference: str, rows: Iterable[tuple[str, ...]]) -> MessageDraft:
    """A transaction set to be written.

    Args:
        version: GS08, `004010` or `005010X230`.
        reference: ST02, four to nine digits.
    """
    return MessageDraft(message_type(kind, version), reference, list(rows))


def _fits(right: bool, text: str) -> None:
    if not right:
        raise FormatError(text)
