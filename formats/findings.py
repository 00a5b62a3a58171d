"""What is wrong with a document, and where. Reading never fails: it finds."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How much a finding weighs. The partner's policy says from which severity on a message is refused."""

    NOTE = 1
    """Read without doubt, though not as the standard writes it."""
    WARNING = 2
    """Read, but somebody should know: a value or a place that our tables do not describe."""
    ERROR = 3
    """Against the standard. What is meant may be lost."""


class FormatError(Exception):
    """The only exception of this room: its caller asks for what no document can say."""


@dataclass(frozen=True, slots=True)
class DocumentFinding:
    """One fault, with its place.

    Attributes:
        rule: What is broken, for example `segment.missing`; the part before the point is the level.
        severity: How much it weighs.
        text: The rule in words. Holds no value of the document.
        position: Byte of the stream at which the faulty part begins, counted from 0.
        segment: Tag of the segment, empty when there is none.
        segment_index: Number of the segment in its message, the header being 1; 0 outside messages.
        element: Number of the element in its segment, from 1; 0 when the segment itself is meant.
        component: Number of the component in its element, from 1; 0 when the element itself is meant.
        repetition: Which repetition of the element, from 1; 0 when it does not repeat.
        expected: What should stand there, where one value is right.
        found: What stands there, shortened. May be a partner's data: not for problem answers or logs.
    """

    rule: str
    severity: Severity
    text: str
    position: int = 0
    segment: str = ""
    segment_index: int = 0
    element: int = 0
    component: int = 0
    repetition: int = 0
    expected: str = ""
    found: str = ""


def worst(findings: tuple[DocumentFinding, ...]) -> Severity | None:
    """The highest severity, None without findings."""
    return max((finding.severity for finding in findings), default=None)
