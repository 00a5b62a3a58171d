"""Writes segments, and judges each message that it writes as a reader would."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from formats.edi.grammar import EnvelopeGrammar
from formats.edi.message import EdiMessage, MessageType, check, check_rules
from formats.edi.openstate import TypePattern
from formats.edi.repertoires import REPERTOIRES, foreign
from formats.edi.syntax import Syntax, pieces, segments_in
from formats.findings import DocumentFinding, FormatError


@dataclass(frozen=True, slots=True)
class Repeated:
    """An element that stands several times: each time a value or its components."""

    values: tuple[str | tuple[str, ...], ...]


RowValue = str | tuple[str, ...] | Repeated
"""An element: a value, the components of a composite, or repetitions of either."""
Row = Sequence[RowValue]
"""A segment: its tag, then its elements."""


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message to be written: what stands between header and trailer.

    Attributes:
        type: Kind, version and tables.
        reference: Its control number, given by the caller.
        rows: Its segments in order.
    """

    type: MessageType
    reference: str
    rows: Sequence[Row]


@dataclass
class SegmentWriter:
    """Writes rows in a syntax. A delimiter inside a value is released, where the syntax can."""

    syntax: Syntax
    _special: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._divider, self._component, self._ending, self._release, self._repetition = (
            sign.decode("latin-1")
            for sign in (
                *(self.syntax.element, self.syntax.component, self.syntax.terminator),
                *(self.syntax.release, self.syntax.repetition),
            )
        )
        self._special = re.compile(f"[{re.escape(self.syntax.delimiters.decode('latin-1'))}]")
        self._codec = REPERTOIRES[self.syntax.repertoire].codec

    def write(self, rows: Sequence[Row]) -> bytes:
        """The bytes of segments.

        Raises:
            FormatError: A value cannot be written: it holds a delimiter that nothing releases, a control character,
                or a
                character outside the repertoire.
        """
        text = self._joined(rows)
        try:
            written = text.encode(self._codec)
        except UnicodeEncodeError as error:
            raise FormatError(f"{self.syntax.repertoire} has no notation of a character") from error
        narrow = self.syntax.repertoire in ("UNOA", "UNOB") or not text.isascii()
        if narrow and foreign(written.translate(None, self.syntax.delimiters), self.syntax.repertoire):
            raise FormatError(f"{self.syntax.repertoire} does not hold a character")
        return written

    def _joined(self, rows: Sequence[Row]) -> str:
        """Joins first and counts then: as long as each divider stands as often as it was put, no value holds one."""
        divider, component, ending = self._divider, self._component, self._ending
        composites = list[tuple[str, ...]]()

        def joined(value: tuple[str, ...]) -> str:
            composites.append(value)
            return component.join(value)

        texts: list[str] | None = None
        if not self._release:  # rows of X12 hold values alone, mostly; in EDIFACT already UNH has a composite
            with suppress(TypeError):
                texts = [divider.join(row) for row in rows]  # type: ignore[arg-type]
        if texts is None:
            try:
                texts = [
                    divider.join([value if value.__class__ is str else joined(value) for value in row])  # type: ignore[arg-type]
                    for row in rows
                ]
            except TypeError:  # an element repeats
                return self._released(rows)
        components = sum(map(len, composites)) - len(composites)
        dividers = sum(map(len, rows)) - len(texts)
        text = ending.join(texts) + ending
        if (
            text.count(divider) != dividers
            or text.count(component) != components
            or text.count(ending) != len(texts)
            or (self._release and self._release in text)
            or (self._repetition and self._repetition in text)
            or divider + ending in text
            or component + ending in text
            or component + divider in text
            or not text.isprintable()
        ):
            return self._released(rows)
        return text

    def _released(self, rows: Sequence[Row]) -> str:
        return "".join(self._segment(row) + self._ending for row in rows)

    def _segment(self, row: Row) -> str:
        parts = [self._element(value) for value in row]
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
        return self._divider.join(parts)

    def _element(self, value: RowValue) -> str:
        if isinstance(value, Repeated):
            if len(value.values) > 1 and not self._repetition:
                raise FormatError("the syntax has no separator of repetitions")
            return self._repetition.join(self._element(one) for one in value.values)
        if isinstance(value, str):
            return self._value(value)
        parts = [self._value(part) for part in value]
        while parts and not parts[-1]:
            parts.pop()
        return self._component.join(parts)

    def _value(self, value: str) -> str:
        if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in value):
            raise FormatError("a value holds a control character or a line break")
        if not self._special.search(value):
            return value
        if not self._release:
            raise FormatError("a value holds a delimiter, and the syntax has no release character")
        return self._special.sub(lambda found: self._release + found[0], value)


@dataclass
class MessageJudge:
    """Judges messages of one syntax one by one, by pattern where it has learned one."""

    grammar: EnvelopeGrammar
    syntax: Syntax
    _learned: dict[MessageType, TypePattern] = field(default_factory=dict, repr=False)

    def findings(self, kind: MessageType, raw: bytes) -> tuple[DocumentFinding, ...]:
        """What a reader would find in a message's bytes, which must be the message and no more."""
        known = self._learned.get(kind) or self._learned.setdefault(kind, TypePattern())
        if kind.spec and (found := known.fullmatch(raw)):
            release, terminator = self.syntax.release, self.syntax.terminator
            count = len(pieces(raw, terminator, release)) - 1 if release and release in raw else raw.count(terminator)
            if count == int(found[2]):
                for tag in kind.spec.rules:
                    if tag in raw:
                        return tuple(check_rules(kind.spec, segments_in(raw, 0, self.syntax)))
                return ()
        segments = segments_in(raw, 0, self.syntax)
        findings = check(kind, segments)
        if not findings and kind.spec:
            known.learn(self.grammar, kind, self.syntax, segments)
        return findings


def rows_of(message: EdiMessage) -> list[Row]:
    """The segments of a message between header and trailer as rows: what writes the same message again."""
    rows = list[Row]()
    for child in message.tree.flat():
        row: list[RowValue] = [child.tag]
        for number in range(1, len(child.elements) + 1):
            repeated = [tuple(child.components(number, one + 1)) for one in range(len(child.repetitions(number)))]
            values = tuple(one[0] if len(one) == 1 else one for one in repeated)
            row.append(values[0] if len(values) == 1 else Repeated(values) if values else "")
        rows.append(row)
    return rows


def refuse(message: MessageDraft, findings: Iterable[DocumentFinding]) -> None:
    """Refuse to write a message that a reader would find fault with.

    Raises:
        FormatError: There is any finding.
    """
    for one in findings:
        place = f"{one.segment} {one.segment_index}, element {one.element}"
        raise FormatError(f"{message.type.kind} cannot be written: {one.rule} at {place}: {one.text}")
