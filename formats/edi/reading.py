"""Reads a stream of interchanges: envelopes, messages, and findings, one part at a time.

Whatever the bytes are, every part of them is yielded in a message or named in a finding; no exception leaves the
reader, and the window on the stream stays as small as its largest message.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from formats.edi.checking import at
from formats.edi.clean import SegmentShortcuts
from formats.edi.cleanrun import clean_run
from formats.edi.grammar import EnvelopeGrammar
from formats.edi.message import EdiMessage, MessageType, check
from formats.edi.openstate import NOTHING, OpenInterchange, SyntaxLearning, TypePattern
from formats.edi.parts import Outside, Part
from formats.edi.scanning import extent, next_segment, skip_blank
from formats.edi.stream import Stream
from formats.edi.syntax import Segment, Syntax, segments_in
from formats.findings import DocumentFinding, Severity

BOM = b"\xef\xbb\xbf"
MARKER_BYTES = 16
"""More than the longest marker: what is kept of a window in which none was found."""

SYNTAXES = 64
"""Syntaxes whose patterns a reader keeps: more than partners write. Who makes up delimiters must not fill memory."""
TYPES = 64
"""Message types of a syntax that get a pattern."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one document may cost.

    Attributes:
        message_bytes: A longer message is not held, and is found as too long. 16 MiB are some 100,000 lines of a
            despatch.
        strays: Segments outside messages that are named one by one; the others of an interchange are only
            counted. After as many headers that are none, the rest of a stream is not read.
    """

    message_bytes: int = 16 << 20
    strays: int = 50


@dataclass(frozen=True)
class EnvelopeReader:
    """Reads streams in the syntaxes given. Between streams it keeps only which patterns are worth compiling.

    Attributes:
        fast: Whether clean messages are passed by pattern. Findings are the same without; it only takes longer.
    """

    grammars: Sequence[EnvelopeGrammar]
    limits: ReadLimits = field(default_factory=ReadLimits)
    fast: bool = True
    _learned: dict[Syntax, SyntaxLearning] = field(default_factory=dict, repr=False, compare=False)

    def read(self, source: bytes | Iterable[bytes]) -> Iterator[Part]:
        """The parts of a stream, in its order.

        Args:
            source: All bytes, or chunks of them of any size.
        """
        stream = Stream(source)
        stream.has(len(BOM))
        if stream.data.startswith(BOM):
            stream.at = len(BOM)
        opened, broken = False, 0
        while True:
            began = stream.position
            grammar, before = self._locate(stream)
            if before or (grammar is None and not opened):
                yield Outside((_outside(before, began, opened, grammar is not None),))
            if grammar is None:
                return
            opened = True
            start = grammar.open_interchange(stream)
            if isinstance(start, DocumentFinding):
                yield Outside((start,))
                stream.at += 3
                broken += 1
                if broken > self.limits.strays:
                    yield Outside((_given_up(stream),))
                    return
            else:
                yield from self._interchange(stream, OpenInterchange(grammar, start, self._learning(start.syntax)))

    def _learning(self, syntax: Syntax) -> SyntaxLearning:
        if len(self._learned) >= SYNTAXES and syntax not in self._learned:
            self._learned.clear()
        if syntax not in self._learned:
            self._learned[syntax] = SyntaxLearning(segments=SegmentShortcuts(syntax) if self.fast else None)
        return self._learned[syntax]

    def _locate(self, stream: Stream) -> tuple[EnvelopeGrammar | None, int]:
        """(grammar of the next interchange, bytes of other text before it); the stream stands at it, or at its end."""
        first: int | None = None
        while skip_blank(stream):
            first = stream.position if first is None else first
            stream.has(MARKER_BYTES)
            for one in self.grammars:  # most often an interchange begins where the one before ended
                if one.marker.match(stream.data, stream.at):
                    return one, stream.position - first
            found = [
                (match.start(), at_, one)
                for at_, one in enumerate(self.grammars)
                if (match := one.marker.search(stream.data, stream.at))
            ]
            if found:
                stream.at, _, grammar = min(found, key=lambda one: one[:2])
                return grammar, stream.position - first
            stream.at = len(stream.data) if stream.ended else max(stream.at, len(stream.data) - MARKER_BYTES)
            stream.more()
        return None, 0 if first is None else stream.position - first

    def _interchange(self, stream: Stream, state: OpenInterchange) -> Iterator[Part]:
        yield state.start
        syntax, grammar = state.start.syntax, state.grammar
        while True:
            if state.current and state.tried != stream.position:
                yield from clean_run(stream, state)
            length = next_segment(stream, syntax, self.limits.message_bytes) if skip_blank(stream) else None
            if length is None:
                yield from self._unended(stream, state)
                return
            segment = Segment(stream.data[stream.at : stream.at + length], 0, stream.position, syntax)
            if segment.tag == grammar.openers[2]:
                yield from self._message(stream, state, Segment(segment.raw, 1, segment.position, syntax))
                continue
            if any(one.marker.match(segment.raw + syntax.terminator) for one in self.grammars):
                yield from state.close(None, stream.position)
                return
            stream.at += length + 1
            if segment.tag == grammar.openers[1]:
                yield from state.open_group(segment)
            elif segment.tag == grammar.closers[1] and state.group:
                yield state.close_group(segment, segment.position)
            elif segment.tag == grammar.closers[0]:
                yield from state.close(segment, segment.position)
                return
            elif segment.tag in grammar.loose and not state.group:
                yield Outside((), segment)
            else:
                yield from state.stray(segment, self.limits.strays)

    def _unended(self, stream: Stream, state: OpenInterchange) -> Iterator[Part]:
        """The stream ends inside the interchange, perhaps with a segment that has no terminator."""
        position, rest = stream.position, len(stream.data) - stream.at
        syntax = state.start.syntax
        segment = Segment(stream.data[stream.at : stream.at + rest].rstrip(), 0, position, syntax) if rest else None
        while stream.more():
            stream.at = len(stream.data)
        stream.at = len(stream.data)
        if segment and segment.tag == state.grammar.closers[0] and rest <= self.limits.message_bytes:
            yield from _without_terminator(state, segment)
            return
        if segment:
            yield Outside((at(segment, "segment.unended", "the segment has no terminator", Severity.ERROR),), segment)
        yield from state.close(None, position)

    def _message(self, stream: Stream, state: OpenInterchange, header: Segment) -> Iterator[Part]:
        """The message at which the stream stands: by its pattern, or segment by segment."""
        grammar, syntax = state.grammar, state.start.syntax
        key = b"\x00".join(header.elements[: grammar.reference_at - 1] + header.elements[grammar.reference_at : 2])
        kind = state.types.get(key)
        if kind is None:
            kind = grammar.message_type(header, state.start, state.group)
            if len(state.types) < TYPES:
                state.types[key] = kind
        known = state.learning.types.get(kind)
        shortcut = self.fast and kind is not state.current and known is not None and known.pattern is not NOTHING
        if shortcut and not grammar.in_group(kind, header, state.group):
            state.current, state.tried = kind, -1
            return
        if state.current and state.tried != stream.position:
            return
        others = frozenset(tag.encode() for tag in (*grammar.openers, *grammar.closers[:2])) | {b"UNA"}
        trailer = grammar.closers[2].encode()
        window = stream.data
        reach = extent(stream, syntax, trailer, others, self.limits.message_bytes)
        if state.current and stream.data is not window and not reach.too_long:
            state.tried = -1  # the message was cut by the window's end, not unclean
            return
        raw, position = stream.data[stream.at : stream.at + reach.length], stream.position
        if reach.too_long:
            yield self._too_long(stream, state, kind, header)
            return
        stream.at += reach.length
        yield self._judged(state, kind, raw, position)

    def _too_long(self, stream: Stream, state: OpenInterchange, kind: MessageType, header: Segment) -> EdiMessage:
        """A message that is too long to be held: its header stands for it, its other segments are passed."""
        syntax, ends = state.start.syntax, {*state.grammar.openers, *state.grammar.closers}
        first = True
        while skip_blank(stream):
            length = next_segment(stream, syntax, self.limits.message_bytes)
            if length is None:
                stream.at = len(stream.data)
                continue
            tag = Segment(stream.data[stream.at : stream.at + min(length, 64)], 0, 0, syntax).tag
            if tag in ends and not first and tag != state.grammar.closers[2]:
                break
            first = False
            stream.at += length + 1
            if tag == state.grammar.closers[2]:
                break
        text = f"the message is longer than {self.limits.message_bytes} bytes; it was not read"
        finding = at(header, "message.too_long", text, Severity.ERROR)
        reference = header.value(state.grammar.reference_at)
        state.add(kind, [reference.encode()], [b""])
        raw = header.raw + syntax.terminator
        return EdiMessage(kind, reference, raw, header.position, syntax, (finding,))

    def _judged(self, state: OpenInterchange, kind: MessageType, raw: bytes, position: int) -> EdiMessage:
        """A message read segment by segment, with what is wrong with it alone and among the others."""
        syntax, grammar = state.start.syntax, state.grammar
        segments = segments_in(raw, position, syntax)
        header, trailer = segments[0], segments[-1]
        reference = header.value(grammar.reference_at)
        findings = list(check(kind, segments, state.learning.segments)) + grammar.in_group(kind, header, state.group)
        if state.references.repeated(reference.encode()):
            text = "the reference was used before"
            findings.append(
                at(header, "message.repeated", text, Severity.ERROR, (grammar.reference_at, 0, 0), reference[:35])
            )
        begins = header.offset(grammar.reference_at) - position
        ends = trailer.offset(1) - position if trailer.tag == grammar.closers[2] else len(raw)
        raw_reference = (
            header.elements[grammar.reference_at - 1] if len(header.elements) >= grammar.reference_at else b""
        )
        state.add(kind, [reference.encode()], [raw[begins + len(raw_reference) : ends]])
        types = state.learning.types
        if self.fast and not findings and kind.spec and (kind in types or len(types) < TYPES):
            known = types.setdefault(kind, TypePattern())
            known.learn(grammar, kind, syntax, segments)
        return EdiMessage(kind, reference, raw, position, syntax, tuple(findings))


def _without_terminator(state: OpenInterchange, segment: Segment) -> Iterator[Part]:
    """The last trailer has no terminator: nothing is lost by that."""
    text = "the last segment has no terminator"
    yield Outside((at(segment, "segment.unended", text, Severity.NOTE),), segment)
    yield from state.close(segment, segment.position)


def _given_up(stream: Stream) -> DocumentFinding:
    """Passes the rest of a stream that is full of headers that are none."""
    position = stream.position
    stream.at = len(stream.data)
    while stream.more():
        stream.at = len(stream.data)
    text = f"so many headers are none that the last {stream.position - position} bytes were not read"
    return DocumentFinding("file.given_up", Severity.ERROR, text, position)


def _outside(count: int, position: int, opened: bool, follows: bool) -> DocumentFinding:
    """Text that belongs to no interchange, or the lack of any."""
    if opened:
        rule, text = "interchange.text_behind", f"{count} bytes behind an interchange belong to none"
    elif follows:
        rule, text = "interchange.text_before", f"{count} bytes stand before the first interchange"
    elif count:
        rule, text = "file.no_interchange", f"no interchange begins anywhere in {count} bytes"
    else:
        rule, text = "file.empty", "there is nothing to read"
    return DocumentFinding(rule, Severity.ERROR, text, position)
