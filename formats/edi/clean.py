"""Compiles a message's tables into one pattern that matches only messages without findings.

`formats.edi.walking` is what the tables mean; this is a shortcut through it. A message that the pattern matches needs
no further look, and is passed at the speed of the pattern engine; any other is read segment by segment. The pattern
follows the walk's order of search, and is compiled only where the two cannot differ. Groups are possessive: a message
is read once, never tried again.
"""

import re
import sys
from dataclasses import replace
from functools import lru_cache

from formats.edi.spec import UNBOUNDED, ElementSlot, MessageSpec, Relation, SegmentPlace, SegmentSpec
from formats.edi.syntax import Syntax, distinct
from formats.edi.values import CENTURY_PATTERN, PERIODS, TIME_PATTERN, character_class, fragment

POSSESSIVE = b"+" if sys.version_info >= (3, 11, 5) else b""
"""Before 3.11.5 the engine could match possessive groups wrongly (CPython issue 106052). Without them it only tries
again."""
AMBIGUOUS = re.compile(rb"[0-9A-Za-z .,\-]")
"""Bytes that values are made of. Where one is a delimiter, the pattern would divide otherwise than the walk."""
NEWLINES = b"[\r\n]*+"
"""Line breaks between segments."""
SEGMENT_LEARNED = 32
"""How often a segment is judged element by element before its pattern is compiled, which costs about as much."""
MOST_SEGMENTS = 1024
"""Segments of a syntax that get a pattern: those of several versions."""
KEPT = 64
"""Patterns kept compiled: more than the kinds, versions and delimiters that one process reads in turn."""


@lru_cache(KEPT)
def pattern(
    message: MessageSpec, syntax: Syntax, head: bytes, tail: bytes, tags: frozenset[str], released: bool = False
) -> re.Pattern[bytes] | None:
    """The pattern of a whole message; None when its tables or delimiters allow no shortcut.

    Tables are large and what a partner writes of them is small: a pattern of everything would take seconds to compile.
    Places of tags that were not met are left out. A message that has such a tag matches no part of the pattern.

    Args:
        tags: The tags that were met.
        released: Whether values may hold release characters: such a pattern takes twice as long.
        head: Pattern of the header segment; its only group is the reference.
        tail: Pattern of the trailer's tag.
    Groups of the pattern: 1 the reference, 2 the count that the trailer states, 3 up to the trailer's end.
    """
    if not shortens(syntax) or not _decided(message.body, frozenset()):
        return None
    writer = _PatternWriter(syntax, released)
    body = b"".join(writer.place(place) for place in met(message.body, tags).places)
    element = re.escape(syntax.element)
    trailer = b"%b%b([0-9]{1,6})%b(\\1%b)" % (tail, element, element, re.escape(syntax.terminator))
    return re.compile(head + writer.end + body + trailer + NEWLINES)


def shortens(syntax: Syntax) -> bool:
    """Whether patterns divide as the walk does under these delimiters."""
    return distinct(syntax) and not AMBIGUOUS.search(syntax.delimiters)


class SegmentShortcuts:
    """Patterns of single segments without findings, for messages that are read segment by segment."""

    __slots__ = ("_met", "_patterns", "_syntax", "_writer")

    def __init__(self, syntax: Syntax) -> None:
        self._writer = _PatternWriter(syntax, True) if shortens(syntax) else None
        self._patterns: dict[SegmentSpec, re.Pattern[bytes]] = {}
        self._met: dict[SegmentSpec, int] = {}
        self._syntax = syntax

    def clean(self, raw: bytes, spec: SegmentSpec) -> bool:
        """Whether a segment is known to have no findings. Its pattern is compiled when it was asked for often
        enough."""
        pattern = self._patterns.get(spec)
        if pattern:
            return pattern.match(raw + self._syntax.terminator) is not None
        if self._writer:
            met = self._met[spec] = self._met.get(spec, 0) + 1
            if met >= SEGMENT_LEARNED and len(self._patterns) < MOST_SEGMENTS:
                self._patterns[spec] = re.compile(self._writer.segment(spec) + b"\\Z")
        return False


def met(place: SegmentPlace, tags: frozenset[str]) -> SegmentPlace:
    """A group without the places of tags that were not met. What must stand is kept."""
    kept = [met(one, tags) if one.places else one for one in place.places if one.least or one.tag in tags]
    return replace(place, places=tuple(kept))


def _decided(place: SegmentPlace, follow: frozenset[str]) -> bool:
    """Whether the next tag alone says where a segment goes, as it does in the walk.

    The pattern may give up a group that turned out incomplete, where the walk has gone into it for good. They differ
    only if the group's first tag may also stand behind the group.
    """
    behind = follow
    for one in reversed(place.places):
        if one.places:
            incomplete = any(inner.least for inner in one.places[1:])
            if incomplete and one.tag in behind:
                return False
            if not _decided(one, behind | {one.tag}):
                return False
        behind |= {one.tag}
    return True


class _PatternWriter:
    """Writes patterns for one syntax."""

    def __init__(self, syntax: Syntax, released: bool) -> None:
        self.syntax, self.released = syntax, released
        self.element = re.escape(syntax.element)
        self.characters = character_class(syntax)
        separators = syntax.element + syntax.component + syntax.terminator + syntax.repetition
        self.ending = b"[%b]" % re.escape(separators)
        stops = re.escape(syntax.element + syntax.terminator)
        self.present = b"%b[^%b]" % (self.element, stops)
        """The next element stands."""
        self.absent = b"(?=%b|%b[%b])" % (re.escape(syntax.terminator), self.element, stops)
        """The next element does not stand."""
        self.any = b"%b[^%b]*+" % (self.element, stops)
        self.end = re.escape(syntax.terminator) + NEWLINES

    def place(self, place: SegmentPlace) -> bytes:
        """A segment or group, as often as it may stand."""
        if place.places:
            one = b"".join(self.place(inner) for inner in place.places)
        else:
            assert place.segment
            one = self.segment(place.segment)
        if (place.least, place.most) == (1, 1):
            return one
        upper = b"" if place.most == UNBOUNDED else b"%d" % place.most
        return b"(?:%b){%d,%b}%b" % (one, place.least, upper, POSSESSIVE)

    def segment(self, spec: SegmentSpec) -> bytes:
        """One segment."""
        near, far = list[Relation](), list[Relation]()
        for relation in spec.relations:
            pair = relation.positions
            adjacent = len(pair) == 2 and abs(pair[0] - pair[1]) == 1 and relation.kind in "PRC"
            (near if adjacent else far).append(relation)
        required = [number for number, slot in enumerate(spec.slots, 1) if slot.required]
        required += [min(relation.positions) for relation in near if relation.kind == "R"]
        needed, text = max(required, default=0), b""
        for number in range(len(spec.slots), 0, -1):
            slot = spec.slots[number - 1]
            part = self.element + self._element(slot, [one for one in near if min(one.positions) == number]) + text
            text = part if number <= needed else b"(?:%b)?%b" % (part, POSSESSIVE)
        return spec.tag.encode() + b"".join(self._ahead(relation) for relation in far) + text + self.end

    def _element(self, slot: ElementSlot, relations: list[Relation]) -> bytes:
        """An element that stands or does not, and what that says of the next one."""
        standing, missing = self._repeated(slot), b""
        for relation in relations:
            first = relation.positions[0] == min(relation.positions)
            if relation.kind == "P" or (relation.kind == "C" and first):
                standing += b"(?=%b)" % self.present
            if relation.kind == "P" or (relation.kind == "C" and not first):
                missing += self.absent
            if relation.kind == "R":
                missing += b"(?=%b)" % self.present
        if slot.required:
            return standing
        return b"(?:%b|%b)" % (standing, missing) if missing else b"(?:%b)?" % standing

    def _repeated(self, slot: ElementSlot) -> bytes:
        one = self._value(slot)
        if slot.repeats == 1 or not self.syntax.repetition:
            return one
        return b"%b(?:%b%b){0,%d}" % (one, re.escape(self.syntax.repetition), one, slot.repeats - 1)

    def _value(self, slot: ElementSlot) -> bytes:
        if slot.element:
            return fragment(slot.element, self.syntax, self.characters, self.ending, self.released)
        component = re.escape(self.syntax.component)
        if slot.number == "C507":
            return self._moment(slot, component)
        return self._components(slot.parts, component)

    def _components(self, parts: tuple[ElementSlot, ...], component: bytes) -> bytes:
        needed = max((number for number, part in enumerate(parts, 1) if part.required), default=0)
        text = b""
        for number in range(len(parts), 0, -1):
            value = self._value(parts[number - 1])
            value = value if parts[number - 1].required else b"(?:%b)?" % value
            if number == 1:
                text = value + text
                continue
            text = component + value + text
            text = text if number <= needed else b"(?:%b)?%b" % (text, POSSESSIVE)
        # A composite that stands holds at least one byte.
        return b"(?=[^%b])" % re.escape(self.syntax.element + self.syntax.terminator) + text

    def _moment(self, slot: ElementSlot, component: bytes) -> bytes:
        """A DTM's composite: the moment as its format says, or any value in another format."""
        times = {0: b"", 4: TIME_PATTERN, 6: TIME_PATTERN + b"[0-5][0-9]"}
        known = b"|".join(
            b"%b%b%b%b" % (CENTURY_PATTERN, times[time], component, form.encode())
            for form, (_, time) in PERIODS.items()
        )
        stops = re.escape(self.syntax.element + self.syntax.component + self.syntax.terminator)
        release = re.escape(self.syntax.release)
        value = b"(?:[^%b%b]|%b.)*%b" % (stops, release, release, POSSESSIVE) if release else b"[^%b]*+" % stops
        other = b"(?!%b%b(?:%b)%b)" % (value, component, "|".join(PERIODS).encode(), self.ending)
        rest = self._components(slot.parts[1:], component)
        qualifier = self._value(slot.parts[0])
        if not slot.parts[0].required:
            return b"(?!)"
        return b"%b(?:%b(?:(?:%b)(?=%b)|%b(?:%b)?))?" % (qualifier, component, known, self.ending, other, rest)

    def _ahead(self, relation: Relation) -> bytes:
        """Looks ahead from behind the tag for a relation of elements that are not neighbours."""

        def stands(position: int) -> bytes:
            return b"(?:%b){%d}%b" % (self.any, position - 1, self.present)

        first, *others = relation.positions
        every = b"".join(b"(?=%b)" % stands(one) for one in relation.positions)
        some = b"(?=%b)" % b"|".join(stands(one) for one in relation.positions)
        none = b"(?!%b)" % b"|".join(stands(one) for one in relation.positions)
        if relation.kind == "P":
            return b"(?:%b|%b)" % (none, every)
        if relation.kind == "R":
            return some
        if relation.kind == "E":
            ordered = sorted(relation.positions)
            pairs = [(one, two) for at, one in enumerate(ordered) for two in ordered[at + 1 :]]
            return b"".join(
                b"(?!%b[^%b]*+(?:%b){%d}%b)"
                % (
                    stands(one),
                    re.escape(self.syntax.element + self.syntax.terminator),
                    self.any,
                    two - one - 1,
                    self.present,
                )
                for one, two in pairs
            )
        needs = [b"(?=%b)" % stands(one) for one in others]
        met = b"".join(needs) if relation.kind == "C" else b"(?:" + b"|".join(needs) + b")"
        return b"(?:(?!%b)|%b)" % (stands(first), met)
