"""Finds the place of each segment in its message: what is missing, too many, or where it may not stand."""

from collections.abc import Iterator

from formats.edi.checking import at, check_bytes, check_segment
from formats.edi.clean import SegmentShortcuts
from formats.edi.spec import MessageSpec, SegmentPlace
from formats.edi.syntax import Segment
from formats.findings import DocumentFinding, Severity


class Group:
    """A group of the document: its segments and the groups within it, in the order of the stream."""

    __slots__ = ("children", "place")

    def __init__(self, place: SegmentPlace) -> None:
        self.place = place
        self.children: list[Segment | Group] = []

    @property
    def tag(self) -> str:
        """The tag of the segment that it begins with."""
        return self.place.tag

    @property
    def segments(self) -> list[Segment]:
        """The segments directly within."""
        return [child for child in self.children if isinstance(child, Segment)]

    def groups(self, tag: str) -> list["Group"]:
        """The groups directly within that begin with a tag."""
        return [child for child in self.children if isinstance(child, Group) and child.tag == tag]

    def first(self, tag: str, qualifier: str = "") -> Segment | None:
        """The first segment directly within of a tag, whose first value is the qualifier when one is named."""
        for segment in self.segments:
            if segment.tag == tag and (not qualifier or segment.value(1) == qualifier):
                return segment
        return None

    def flat(self) -> Iterator[Segment]:
        """The segments, here and in all groups within, in the order of the stream."""
        for child in self.children:
            if isinstance(child, Group):
                yield from child.flat()
            else:
                yield child

    def all(self, tag: str) -> Iterator[Segment]:
        """The segments of a tag, here and in all groups within, in the order of the stream."""
        return (segment for segment in self.flat() if segment.tag == tag)


class _Level:
    """Where one open group stands: at which of its places, and how often that was met."""

    __slots__ = ("at", "count", "group")

    def __init__(self, group: Group, at: int, count: int) -> None:
        self.group, self.at, self.count = group, at, count


class Walk:
    """Places the segments of one message, one after another.

    A segment goes to the next place that takes it, the innermost open group first. One that no place takes stays
    where it was met and is found; after a segment that the tables do not know, what then fits nowhere is only a
    warning.

    Without `content`, only places are judged: enough for the tree of a message that was judged before.
    """

    def __init__(self, spec: MessageSpec, shortcuts: SegmentShortcuts | None = None, content: bool = True) -> None:
        self.spec = spec
        self._content = content
        self._shortcuts = shortcuts
        self.root = Group(spec.body)
        self._levels = [_Level(self.root, 0, 0)]
        self._adrift = False

    def take(self, segment: Segment) -> Iterator[DocumentFinding]:
        """SegmentPlace a segment, and judge it."""
        tag = segment.tag
        known = self.spec.segments.get(tag)
        if known is None:
            self._adrift = True
            yield from check_bytes(segment)
            yield self._unknown(segment)
        else:
            yield from self._placed(segment)
            if self._content and not (self._shortcuts and self._shortcuts.clean(segment.raw, known)):
                yield from check_segment(segment, known, self.spec)
        self._levels[-1].group.children.append(segment)

    def end(self, trailer: Segment) -> Iterator[DocumentFinding]:
        """Close the message: what must stand and did not come."""
        for level in reversed(self._levels):
            yield from self._skipped(level, len(level.group.place.places), trailer)
        self._levels = self._levels[:1]

    def _unknown(self, segment: Segment) -> DocumentFinding:
        if not segment.tag:
            return at(segment, "segment.empty", "the segment has no tag", Severity.ERROR)
        if not segment.tag.isalnum() or not 2 <= len(segment.tag) <= 3:
            return at(segment, "segment.tag", "the tag is not one of the standard", Severity.ERROR)
        return at(segment, "segment.unknown", "our tables do not describe this segment; it is kept", Severity.WARNING)

    def _placed(self, segment: Segment) -> Iterator[DocumentFinding]:
        for again in (False, True):
            for depth in range(len(self._levels) - 1, -1, -1):
                level = self._levels[depth]
                places = level.group.place.places
                begins = max(level.at, 1) if depth else level.at  # a group's first segment begins the next group
                for index in range(begins, len(places)):
                    place = places[index]
                    if place.tag == segment.tag and (index > level.at or level.count < place.most or again):
                        yield from self._go(segment, depth, index)
                        return
        lenient = self._adrift or not self.spec.exact
        severity = Severity.WARNING if lenient else Severity.ERROR
        yield at(segment, "segment.unexpected", "the segment may not stand here", severity)

    def _go(self, segment: Segment, depth: int, index: int) -> Iterator[DocumentFinding]:
        """Take the place that was found, closing the groups within that are left."""
        for level in reversed(self._levels[depth + 1 :]):
            yield from self._skipped(level, len(level.group.place.places), segment)
        del self._levels[depth + 1 :]
        level = self._levels[depth]
        place = level.group.place.places[index]
        if index > level.at:
            yield from self._skipped(level, index, segment)
            level.at, level.count = index, 1
        else:
            level.count += 1
            if level.count > place.most:
                rule = "group.too_many" if place.places else "segment.too_many"
                yield at(segment, rule, f"stands at most {place.most} times here", Severity.ERROR)
        self._adrift = False
        if place.places:
            group = Group(place)
            level.group.children.append(group)
            self._levels.append(_Level(group, 0, 1))

    def _skipped(self, level: _Level, upto: int, segment: Segment) -> Iterator[DocumentFinding]:
        """The places between where a level stood and where it goes to that must not be left out."""
        for index in range(level.at, upto):
            place = level.group.place.places[index]
            met = level.count if index == level.at else 0
            if place.least > met:
                text = f"{place.tag} must stand before this segment"
                found = at(segment, "segment.missing", text, Severity.ERROR)
                yield DocumentFinding(found.rule, found.severity, text, found.position, place.tag, segment.index)
