"""Accepts or refuses what was read, by a partner's policy."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from formats.edi.message import EdiMessage
from formats.edi.parts import EnvelopeEnd, EnvelopeLevel, EnvelopeStart, Outside, Part
from formats.findings import DocumentFinding, Severity, worst

MOST_LISTED = 10_000
"""Messages of a group that a verdict names. Beyond, only those that are refused are, up to as many again."""


class RefusalScope(StrEnum):
    """What one refused message takes with it."""

    MESSAGE = "message"
    GROUP = "group"
    INTERCHANGE = "interchange"


@dataclass(frozen=True, slots=True)
class ReadingPolicy:
    """What a partner may send.

    Attributes:
        refuse_from: The lowest severity for which a message is refused.
        scope: Whether it is refused alone, with its group, or with the whole interchange.
    """

    refuse_from: Severity = Severity.ERROR
    scope: RefusalScope = RefusalScope.MESSAGE

    def refuses(self, findings: tuple[DocumentFinding, ...]) -> bool:
        """Whether findings are enough to refuse what they are about."""
        severity = worst(findings)
        return severity is not None and severity >= self.refuse_from


@dataclass(frozen=True, slots=True)
class MessageVerdict:
    """What became of a message."""

    kind: str
    version: str
    reference: str
    accepted: bool
    findings: tuple[DocumentFinding, ...]


@dataclass
class GroupVerdict:
    """What became of a group; of an EDIFACT interchange without groups, of all its messages.

    Attributes:
        start: Its header; None when messages stand in no group.
        messages: Verdicts, up to `MOST_LISTED` and as many refused ones.
        received: How many messages came.
        accepted: How many were accepted.
        findings: What is wrong with header and trailer.
        refused: Whether the group itself is refused, with all its messages.
    """

    start: EnvelopeStart | None
    messages: list[MessageVerdict] = field(default_factory=list)
    received: int = 0
    accepted: int = 0
    findings: tuple[DocumentFinding, ...] = ()
    stated: int = 0
    refused: bool = False

    def refuse(self) -> None:
        """Refuse the group with all its messages."""
        self.refused, self.accepted = True, 0
        self.messages = [
            MessageVerdict(one.kind, one.version, one.reference, False, one.findings) for one in self.messages
        ]


@dataclass
class InterchangeVerdict:
    """What became of an interchange.

    Attributes:
        start: Its header.
        end: Its end, with the digests.
        refused: Whether it is refused as a whole.
    """

    start: EnvelopeStart
    groups: list[GroupVerdict] = field(default_factory=list)
    findings: tuple[DocumentFinding, ...] = ()
    end: EnvelopeEnd | None = None
    refused: bool = False


def judge(parts: Iterable[Part], policy: ReadingPolicy) -> Iterator[InterchangeVerdict]:
    """The verdict on each interchange of a stream, once it has ended. What stands outside of all is left out."""
    current: InterchangeVerdict | None = None
    group: GroupVerdict | None = None
    for part in parts:
        if isinstance(part, EdiMessage):
            if current:
                if group is None:
                    group = GroupVerdict(None)
                    current.groups.append(group)
                _take(group, part, policy)
        elif isinstance(part, EnvelopeStart):
            if part.level is EnvelopeLevel.INTERCHANGE:
                current, group = InterchangeVerdict(part, findings=part.findings), None
            elif current:
                group = GroupVerdict(part, findings=part.findings)
                current.groups.append(group)
        elif isinstance(part, Outside):
            if current:
                current.findings += part.findings
        elif part.level is EnvelopeLevel.GROUP:
            if group:
                _end_group(group, part, policy)
            group = None
        elif current:
            yield _ended(current, part, policy)
            current, group = None, None


def _take(group: GroupVerdict, message: EdiMessage, policy: ReadingPolicy) -> None:
    accepted = not policy.refuses(message.findings)
    group.received += 1
    group.accepted += accepted
    listed = len(group.messages)
    if listed < MOST_LISTED or (not accepted and listed < 2 * MOST_LISTED):
        kind = message.type
        group.messages.append(MessageVerdict(kind.kind, kind.version, message.reference, accepted, message.findings))


def _end_group(group: GroupVerdict, end: EnvelopeEnd, policy: ReadingPolicy) -> None:
    group.findings += end.findings
    stated = end.segment.value(1) if end.segment else ""
    group.stated = int(stated) if stated.isascii() and stated.isdigit() and len(stated) <= 6 else end.messages
    spoilt = policy.scope is not RefusalScope.MESSAGE and group.accepted < group.received
    if spoilt or policy.refuses(group.findings):
        group.refuse()


def _ended(verdict: InterchangeVerdict, end: EnvelopeEnd, policy: ReadingPolicy) -> InterchangeVerdict:
    verdict.end = end
    verdict.findings += end.findings
    whole = policy.scope is RefusalScope.INTERCHANGE and any(one.accepted < one.received for one in verdict.groups)
    spoilt = policy.scope is RefusalScope.GROUP
    for group in verdict.groups:
        if group.start is None and spoilt and group.accepted < group.received:
            group.refuse()
    if whole or policy.refuses(verdict.findings):
        verdict.refused = True
        for group in verdict.groups:
            group.refuse()
    return verdict
