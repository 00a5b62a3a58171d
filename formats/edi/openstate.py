"""What a reader knows of the interchange that it is in."""

import re
from dataclasses import dataclass, field

from formats.edi.checking import at
from formats.edi.clean import SegmentShortcuts
from formats.edi.control import Digests, References
from formats.edi.grammar import EnvelopeCounts, EnvelopeGrammar
from formats.edi.message import MessageType
from formats.edi.parts import EnvelopeEnd, EnvelopeLevel, EnvelopeStart, Outside, Part
from formats.edi.syntax import Segment, Syntax
from formats.findings import DocumentFinding, Severity

NOTHING = re.compile(rb"(?!)")
"""Matches nothing."""
LEARNED = 16
"""Clean messages of a type that are read before its pattern is compiled: that costs about as much as reading some
hundred."""


@dataclass
class TypePattern:
    """What a reader has learned of a message type.

    Attributes:
        pattern: Matches clean messages of the tags known so far that hold no release character; before it is
            compiled, and when there is none, it matches nothing.
        released: The same for those that do; None until one was met.
        tags: The tags met in clean messages.
        known: The tags of the patterns.
        met: Clean messages that were read without a pattern.
        due: How many of them must be met before patterns are compiled again: each time twice as many.
    """

    pattern: re.Pattern[bytes] = NOTHING
    released: re.Pattern[bytes] | None = None
    tags: set[str] = field(default_factory=set)
    known: tuple[frozenset[str], bool] = (frozenset(), False)
    releases: bool = False
    met: int = 0
    due: int = LEARNED

    def learn(self, grammar: EnvelopeGrammar, kind: MessageType, syntax: Syntax, segments: list[Segment]) -> None:
        """Note a clean message that no pattern matched."""
        self.met += 1
        self.tags.update(segment.tag for segment in segments)
        self.releases |= bool(syntax.release) and any(syntax.release in segment.raw for segment in segments)
        wanted = (frozenset(self.tags), self.releases)
        if self.met >= self.due and wanted != self.known:
            self.due, self.known = self.met * 2, wanted
            self.pattern = grammar.clean_pattern(kind, syntax, wanted[0], False) or NOTHING
            self.released = grammar.clean_pattern(kind, syntax, wanted[0], True) if self.releases else None

    def fullmatch(self, raw: bytes) -> re.Match[bytes] | None:
        """The match of a whole message by either pattern."""
        return self.pattern.fullmatch(raw) or (self.released.fullmatch(raw) if self.released else None)


@dataclass
class SyntaxLearning:
    """What a reader has learned of a syntax: patterns of its message types, and of its segments."""

    types: dict[MessageType, TypePattern] = field(default_factory=dict)
    segments: SegmentShortcuts | None = None


@dataclass
class OpenInterchange:
    """An interchange while it is read.

    Attributes:
        types: Message types met, by what tells them apart in their header.
        learning: What is known of its syntax.
        current: The type whose pattern is tried first.
        tried: Position of the message that the current pattern did not match: it is read segment by segment.
    """

    grammar: EnvelopeGrammar
    start: EnvelopeStart
    learning: SyntaxLearning
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
    def known(self) -> TypePattern | None:
        """What is known of the type whose pattern is tried first."""
        return self.learning.types[self.current] if self.current else None

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
        self.digests.add([b"group " + reference.encode()], [b""])
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

    def add(self, kind: MessageType, references: list[bytes], contents: list[bytes]) -> None:
        """Count and digest messages of a type."""
        if kind is not self.last_kind:
            self.last_kind = kind
            self.digests.add([b""], [f"{kind.kind} {kind.version}".encode()])
        self.messages += len(references)
        self.group_messages += len(references)
        self.digests.add(references, contents)


def _forgotten(references: References, position: int) -> list[DocumentFinding]:
    if not references.forgotten:
        return []
    text = "so many references came in no order that repeats were looked for among the latest only"
    return [DocumentFinding("message.references", Severity.NOTE, text, position)]
