"""What a partner's acknowledgement says, whichever of 997, 999 and CONTRL it is."""

from dataclasses import dataclass, field
from enum import StrEnum


class AcknowledgedAs(StrEnum):
    """The verdict of the other side."""

    ACCEPTED = "accepted"
    WITH_ERRORS = "accepted_with_errors"
    PARTLY = "partly_accepted"
    REJECTED = "rejected"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class AcknowledgedFault:
    """One fault that the other side found.

    Attributes:
        text: The code in words.
        code: As it stood.
        segment: Tag, empty when the message itself is meant.
        segment_index: Number of the segment in our message, the header being 1.
        element: Number of the element, 0 when the segment itself is meant.
        component: Number of the component, 0 when the element itself is meant.
    """

    text: str
    code: str
    segment: str = ""
    segment_index: int = 0
    element: int = 0
    component: int = 0


@dataclass
class AcknowledgedMessage:
    """What the other side says of one of our messages."""

    kind: str
    reference: str
    verdict: AcknowledgedAs
    faults: list[AcknowledgedFault] = field(default_factory=list)


@dataclass
class Acknowledgement:
    """What the other side says of one of our groups (X12) or interchanges (EDIFACT).

    Attributes:
        reference: Our control number: GS06 of the group, 0020 of the interchange.
        functional: GS01 of the group; empty for EDIFACT.
        verdict: None when the acknowledgement does not say it.
        messages: Those that it names.
        faults: What is wrong with the envelope.
    """

    reference: str
    functional: str
    verdict: AcknowledgedAs | None
    messages: list[AcknowledgedMessage] = field(default_factory=list)
    faults: list[AcknowledgedFault] = field(default_factory=list)
