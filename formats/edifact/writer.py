"""Writes EDIFACT interchanges, one message at a time. References, days and times are the caller's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from formats.edi.parts import PartyId
from formats.edi.syntax import Syntax
from formats.edi.writing import MessageDraft, MessageJudge, Row, SegmentWriter, refuse
from formats.edifact.grammar import DEFAULT, EdifactGrammar
from formats.edifact.versions import message_type
from formats.findings import FormatError

STANDARD = Syntax(b"+", b":", b"'", b"?", b"", ".", "UNOC")
"""The default delimiters, and Latin-1."""


@dataclass(frozen=True, slots=True)
class EdifactHeader:
    """What UNB says.

    Attributes:
        reference: 0020, up to 14 characters.
        day: Six digits; eight in syntax version 4.
        time: Four digits.
        syntax_version: `3` or `4`.
        test: Whether the interchange is a test.
        application: 0026, when one is agreed.
    """

    sender: PartyId
    receiver: PartyId
    reference: str
    day: str
    time: str
    syntax_version: str = "3"
    test: bool = False
    application: str = ""


@dataclass
class EdifactWriter:
    """Writes interchanges in one syntax.

    Attributes:
        syntax: Delimiters and repertoire; those of a partner's own interchange keep its characters.
        newline: What stands behind each terminator, such as a line break.
        advice: Whether UNA is written. Without it, the delimiters must be the default ones.
        judge: Whether each message is read again, and refused when anything is found.
    """

    syntax: Syntax = STANDARD
    newline: bytes = b""
    advice: bool = True
    judge: bool = True
    _judge: MessageJudge = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._writer = SegmentWriter(self.syntax)
        self._judge = MessageJudge(EdifactGrammar(), self.syntax)

    def interchange(self, header: EdifactHeader, messages: Iterable[MessageDraft]) -> Iterator[bytes]:
        """The bytes of an interchange, in pieces of a message each.

        Raises:
            FormatError: Something cannot be said in EDIFACT: a character outside the repertoire, a message that a
                reader would find fault with, delimiters that need a UNA which is not to be written.
        """
        yield self._advice() + self._lines(self._writer.write([self._unb(header)]))
        count = 0
        for message in messages:
            count += 1
            yield self._lines(self.message(message))
        if not count:
            raise FormatError("an interchange has a message")
        yield self._lines(self._writer.write([("UNZ", str(count), header.reference)]))

    def _advice(self) -> bytes:
        syntax = self.syntax
        mark = syntax.marks[:1].encode()
        signs = syntax.component + syntax.element + mark + (syntax.release or b" ") + (syntax.repetition or b" ")
        if self.advice:
            return b"UNA" + signs + syntax.terminator + self.newline
        if signs[:4] + b" " + syntax.terminator != DEFAULT or syntax.repetition not in (b"", b"*"):
            raise FormatError("without UNA an interchange has the default delimiters")
        return b""

    def _unb(self, header: EdifactHeader) -> Row:
        if not 1 <= len(header.reference) <= 14:
            raise FormatError("the reference of an interchange has 1 to 14 characters")
        if not header.sender.id or not header.receiver.id:
            raise FormatError("an interchange names its sender and receiver")
        parties = [(one.id, one.qualifier) if one.qualifier else one.id for one in (header.sender, header.receiver)]
        level = (self.syntax.repertoire, header.syntax_version)
        row = ["UNB", level, *parties, (header.day, header.time), header.reference, "", header.application]
        return [*row, "", "", "", "1"] if header.test else row

    def message(self, message: MessageDraft) -> bytes:
        """The bytes of a message with its header and trailer."""
        directory, _, association = message.type.version.partition(":")
        described = (message.type.kind, *directory.split(".", 1), "UN", *([association] if association else []))
        header, trailer = ("UNH", message.reference, described), ("UNT", str(len(message.rows) + 2), message.reference)
        written = self._writer.write([header, *message.rows, trailer])
        if self.judge:
            refuse(message, self._judge.findings(message.type, written))
        return written

    def _lines(self, written: bytes) -> bytes:
        if not self.newline:
            return written
        pieces = written.split(self.syntax.terminator)
        release, joined = self.syntax.release, pieces[0]
        for piece in pieces[1:]:
            odd = release and (len(joined) - len(joined.rstrip(release))) % 2
            joined += self.syntax.terminator + (b"" if odd else self.newline) + piece
        return joined


def new_message(kind: str, directory: str, reference: str, rows: Iterable[Row], association: str = "") -> MessageDraft:
    """A message to be written.

    Args:
        directory: `D.96A`.
        reference: UNH 0062, up to 14 characters.
        association: The code of those who agreed on a subset, such as `EAN008`.
    """
    version, _, release = directory.partition(".")
    return MessageDraft(message_type(kind, version, release, association), reference, list(rows))
