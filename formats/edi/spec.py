"""What a message may hold: elements, segments, and the places at which they stand."""

from dataclasses import dataclass
from functools import cached_property

UNBOUNDED = 999_999
"""How often a part may stand that the standard does not bound: what six digits of a count can say."""


@dataclass(frozen=True, slots=True)
class ElementSpec:
    """A simple element.

    Attributes:
        number: Its number in the standard's dictionary.
        kind: AN, ID, N, R, DT, TM of X12; an, a, n of EDIFACT.
        least: Fewest characters, signs and decimal marks not counted.
        most: Most characters, counted alike.
        codes: The complete list of what may stand; None when anything may.
    """

    number: str
    kind: str
    least: int
    most: int
    codes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ElementSlot:
    """A position in a segment or composite. One of several components is a composite."""

    number: str
    parts: tuple["ElementSlot", ...]
    element: ElementSpec | None
    required: bool
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class Relation:
    """A condition between elements of a segment: P, R, E, C or L, as X12 writes them."""

    kind: str
    positions: tuple[int, ...]

    def holds(self, present: list[bool]) -> bool:
        """Whether the elements present, counted from 1, satisfy it."""
        there = [position <= len(present) and present[position - 1] for position in self.positions]
        if self.kind == "P":
            return all(there) or not any(there)
        if self.kind == "R":
            return any(there)
        if self.kind == "E":
            return sum(there) <= 1
        if self.kind == "C":
            return not there[0] or all(there[1:])
        return not there[0] or any(there[1:])


@dataclass(frozen=True, slots=True, eq=False)
class SegmentSpec:
    """A segment: its elements in order, and their relations."""

    tag: str
    slots: tuple[ElementSlot, ...]
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """A segment, or a group of places that begins with its first segment, and how often it stands."""

    tag: str
    least: int
    most: int
    segment: SegmentSpec | None
    places: tuple["SegmentPlace", ...] = ()


@dataclass(frozen=True, eq=False)
class MessageSpec:
    """A message in one version: its places between header and trailer.

    Attributes:
        kind: `214`, `IFTSTA`.
        version: `004010`, `D.96A`.
        body: The whole message as one group.
        segments: Every segment of the version's dictionary by tag, also those that this message never holds.
        exact: Whether the tables are those of this very version. If not, what they do not know is only a warning.
    """

    kind: str
    version: str
    body: SegmentPlace
    segments: dict[str, SegmentSpec]
    exact: bool = True

    @cached_property
    def tags(self) -> frozenset[str]:
        """The tags of this message."""
        found, waiting = set(), [self.body]
        while waiting:
            place = waiting.pop()
            found.add(place.tag)
            waiting.extend(place.places)
        return frozenset(found)

    @cached_property
    def rules(self) -> tuple[bytes, ...]:
        """The tags among those that have rules of their own beyond the tables: levels and totals."""
        return tuple(sorted(tag.encode() for tag in self.tags & {"HL", "CTT", "CNT"}))
