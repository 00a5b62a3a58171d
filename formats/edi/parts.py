"""What reading a stream yields: envelopes that open and close, messages between them, and what stands outside."""

from dataclasses import dataclass
from enum import StrEnum

from formats.edi.message import EdiMessage
from formats.edi.syntax import Segment, Syntax
from formats.findings import DocumentFinding


class EnvelopeLevel(StrEnum):
    """Which envelope."""

    INTERCHANGE = "interchange"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class PartyId:
    """A sender or receiver, as the envelope names it."""

    id: str
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopeStart:
    """An interchange or group that opens.

    Attributes:
        segment: Its header.
        reference: Its control number.
        version: `00401` of ISA12, `005010X230` of GS08, `UNOC:3` of UNB, empty when there is none.
        findings: What is wrong with the header.
    """

    level: EnvelopeLevel
    segment: Segment
    syntax: Syntax
    sender: PartyId
    receiver: PartyId
    reference: str
    version: str
    findings: tuple[DocumentFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvelopeEnd:
    """An interchange or group that closes, by its trailer or because the stream goes on without.

    Attributes:
        reference: Control number of the header.
        segment: Its trailer; None when it is missing.
        messages: Messages that it held.
        groups: Groups that it held; 0 for a group.
        findings: What is wrong with the trailer, or with all of it.
        digest: Of an interchange: equal when it is sent again. Empty for a group.
        content_digest: Of an interchange: equal for the same messages under other control numbers. Empty for a group.
    """

    level: EnvelopeLevel
    reference: str
    segment: Segment | None
    messages: int
    groups: int
    findings: tuple[DocumentFinding, ...] = ()
    digest: str = ""
    content_digest: str = ""


@dataclass(frozen=True, slots=True)
class Outside:
    """What stands in no message: text that belongs nowhere, a segment that may not stand there, or one that may, such
    as TA1."""

    findings: tuple[DocumentFinding, ...]
    segment: Segment | None = None


Part = EnvelopeStart | EnvelopeEnd | EdiMessage | Outside
