"""What a reader knows of the interchange that it is in."""

import re
from collections import Counter
from dataclasses import dataclass, field

from formats.edi.checking import at
from formats.edi.control import Digests, References
from formats.edi.grammar import EnvelopeCounts, EnvelopeGrammar
from formats.edi.message import MessageType
from formats.edi.parts import EnvelopeEnd, EnvelopeLevel, EnvelopeStart, Outside, Part
from formats.edi.syntax import Segment
from formats.findings import DocumentFinding, Severity


@dataclass
class Learning:
    """What a reader has learned of a syntax.

    Attributes:
        met: How often each type was read without its pattern.
        patterns: The pattern of each type, once it is compiled; None when it has none.
    """

    met: Counter[MessageType] = field(default_factory=Counter)
    patterns: dict[MessageType, re.Pattern[bytes] | None] = field(default_factory=dict)


@dataclass
class OpenInterchange:
    """An interchange while it is read.

    Attributes:
        types: Message types met, by what tells them apart in their header.
        current: The type whose pattern is tried first.
        tried: Position of the message that the current pattern did not match: it is read segment by segment.
    """

    grammar: EnvelopeGrammar
    start: EnvelopeStart
    learning: Learning
    group: EnvelopeStart | None = None
    messages: int = 0
    group_messages: int = 0
    groups: int = 0
    strays: int = 0
    references: References = field(default_factory=References)
    group_references: References = field(default_factory=References)
    types: dict[bytes, MessageType] = field(default_factory=dict)
    current: MessageType | None = None
    last_kind: MessageType | None = None
    tried: int = -1

    def __post_init__(self) -> None:
        self.digests = Digests(self.start.segment.raw)

    @property
    def pattern(self) -> re.Pattern[bytes] | None:
        """The pattern that is tried first."""
        return self.learning.patterns.get(self.current) if self.current else None

    def open_group(self, segment: Segment) -> list[Part]:
        """A group begins; one that is still open ends without its trailer."""
        parts: list[Part] = [self.close_group(None, segment.position)] if self.group else []
        reference = self.grammar.group_reference(segment)
        repeated = self.group_references.repeated(reference.encode())
        self.group = self.grammar.open_group(segment, self.start, repeated)
        self.references = References()
        self.types.clear()
        self.current = None
        self.group_messages = 0
        self.groups += 1
        self.digests.add(b"group " + reference.encode(), b"")
        return [*parts, self.group]

    def close_group(self, segment: Segment | None, position: int) -> EnvelopeEnd:
        """The group ends."""
        assert self.group
        group, counts = self.group, EnvelopeCounts(self.group_messages, 0)
        findings = self.grammar.closing(segment, group, counts, position)
        findings += _forgotten(self.references, position)
        self.group, self.current = None, None
        self.types.clear()
        self.references = References()
        return EnvelopeEnd(EnvelopeLevel.GROUP, group.reference, segment, counts.messages, 0, tuple(findings))

    def close(self, segment: Segment | None, position: int) -> list[Part]:
        """The interchange ends, and with it a group that is still open."""
        parts: list[Part] = [self.close_group(None, position)] if self.group else []
        counts = EnvelopeCounts(self.messages, self.groups)
        findings = self.grammar.closing(segment, self.start, counts, position)
        findings += _forgotten(self.references, position)
        if self.strays:
            text = f"{self.strays} segments stand outside of messages"
            findings.append(DocumentFinding("interchange.strays", Severity.ERROR, text, position))
        whole, content = self.digests.ended()
        level = EnvelopeLevel.INTERCHANGE
        reference = self.start.reference
        end = EnvelopeEnd(level, reference, segment, self.messages, self.groups, tuple(findings), whole, content)
        return [*parts, end]

    def stray(self, segment: Segment, most: int) -> list[Part]:
        """A segment stands where none may."""
        self.strays += 1
        if self.strays > most:
            return []
        text = "the segment stands outside of messages"
        return [Outside((at(segment, "interchange.stray", text, Severity.ERROR),), segment)]

    def add(self, kind: MessageType, reference: bytes, content: bytes) -> None:
        """Count and digest a message."""
        if kind is not self.last_kind:
            self.last_kind = kind
            self.digests.add(b"", f"{kind.kind} {kind.version}".encode())
        self.messages += 1
        self.group_messages += 1
        self.digests.add(reference, content)


def _forgotten(references: References, position: int) -> list[DocumentFinding]:
    if not references.forgotten:
        return []
    text = "so many references came in no order that repeats were looked for among the latest only"
    return [DocumentFinding("message.references", Severity.NOTE, text, position)]
