"""Judges the content of one segment against its table."""

from collections.abc import Iterator

from formats.edi.repertoires import decoded, foreign
from formats.edi.spec import ElementSlot, MessageSpec, Relation, SegmentSpec
from formats.edi.syntax import NEWLINES, Segment, pieces, plain
from formats.edi.values import fault, period_fault
from formats.findings import DocumentFinding, Severity

SHORTENED = 35
"""Characters of a faulty value that a finding keeps: enough to recognise it, and it stays small."""
RELATIONS = {
    "P": "some of the elements stand, and all or none must",
    "R": "none of the elements stands, and at least one must",
    "E": "several of the elements stand, and only one may",
    "C": "the element stands, and what it needs does not",
    "L": "the element stands, and none of what it needs does",
}
LENIENT = frozenset({"element.code", "element.mark"})
"""Faults that are warnings: what is meant is read without doubt, or only our list does not know it."""


def at(
    segment: Segment, rule: str, text: str, severity: Severity, place: tuple[int, int, int] = (0, 0, 0), found: str = ""
) -> DocumentFinding:
    """A finding in a segment. `place` is element, repetition, component; each 0 when it is not meant."""
    element, repetition, component = place
    position = segment.offset(element, repetition, component) if element else segment.position
    number = segment.index
    return DocumentFinding(
        rule, severity, text, position, segment.tag[:SHORTENED], number, element, component, repetition, found=found
    )


def check_segment(segment: Segment, spec: SegmentSpec, message: MessageSpec) -> Iterator[DocumentFinding]:
    """What is wrong inside a segment."""
    yield from check_bytes(segment)
    elements = segment.elements
    beyond = Severity.ERROR if message.exact else Severity.WARNING
    for number in range(len(spec.slots) + 1, len(elements) + 1):
        if elements[number - 1]:
            text = f"the table describes {len(spec.slots)} elements of this segment"
            yield at(segment, "element.beyond", text, beyond, (number, 0, 0))
    for number, slot in enumerate(spec.slots, 1):
        raw = elements[number - 1] if number <= len(elements) else b""
        if raw:
            yield from _check_element(segment, number, slot, beyond)
        elif slot.required:
            yield at(segment, "element.missing", "the element must stand", Severity.ERROR, (number, 0, 0))
    if spec.relations:
        yield from _check_relations(segment, spec.relations)


def _check_relations(segment: Segment, relations: tuple[Relation, ...]) -> Iterator[DocumentFinding]:
    """The conditions between elements. The element named is the first one."""
    present = [bool(element) for element in segment.elements]
    for relation in relations:
        if not relation.holds(present):
            numbers = ", ".join(map(str, relation.positions))
            text = f"{RELATIONS[relation.kind]}: {numbers}"
            rule = "element.exclusion" if relation.kind == "E" else "element.relation"
            yield at(segment, rule, text, Severity.ERROR, (relation.positions[0], 0, 0))


def _check_element(segment: Segment, number: int, slot: ElementSlot, beyond: Severity) -> Iterator[DocumentFinding]:
    """One element that stands, with its repetitions."""
    repeated = segment.repetitions(number)
    if len(repeated) > slot.repeats:
        text = f"the element stands at most {slot.repeats} times"
        yield at(segment, "element.repeats", text, beyond, (number, slot.repeats + 1, 0))
    for repetition, raw in enumerate(repeated[: slot.repeats], 1):
        many = repetition if len(repeated) > 1 else 0
        parts = pieces(raw, segment.syntax.component, segment.syntax.release)
        if not slot.parts:
            if len(parts) > 1:
                text = "a simple element stands here, and this has components"
                yield at(segment, "element.composite", text, beyond, (number, many, 2))
            yield from _check_value(segment, slot, parts[0], (number, many, 0))
        else:
            yield from _check_composite(segment, slot, parts, (number, many))


def _check_composite(
    segment: Segment, slot: ElementSlot, parts: list[bytes], place: tuple[int, int]
) -> Iterator[DocumentFinding]:
    """One composite that stands."""
    number, many = place
    beyond = [at_ for at_, raw in enumerate(parts[len(slot.parts) :], len(slot.parts) + 1) if raw]
    if beyond:
        text = f"the table describes {len(slot.parts)} components here"
        yield at(segment, "element.beyond", text, Severity.ERROR, (number, many, beyond[0]))
    for component, part in enumerate(slot.parts, 1):
        raw = parts[component - 1] if component <= len(parts) else b""
        if raw:
            yield from _check_value(segment, part, raw, (number, many, component))
        elif part.required:
            yield at(segment, "element.missing", "the component must stand", Severity.ERROR, (number, many, component))
    if slot.number == "C507" and len(parts) > 2:
        value, form = (plain(part, segment.syntax).decode("latin-1") for part in parts[1:3])
        wrong = period_fault(value, form) if value else None
        if wrong:
            yield at(segment, *wrong, Severity.ERROR, (number, many, 2), value[:SHORTENED])


def _check_value(
    segment: Segment, slot: ElementSlot, raw: bytes, place: tuple[int, int, int]
) -> Iterator[DocumentFinding]:
    """One value that stands."""
    if not raw or slot.element is None:
        return
    syntax = segment.syntax
    value = plain(raw, syntax)
    text = decoded(value, syntax.repertoire)
    wrong = fault(slot.element, text, syntax)
    if wrong:
        severity = Severity.WARNING if wrong[0] in LENIENT else Severity.ERROR
        yield at(segment, *wrong, severity, place, text[:SHORTENED])


def check_bytes(segment: Segment) -> Iterator[DocumentFinding]:
    """Bytes that do not belong: outside the repertoire, line breaks of a wrapped file. At most one finding of each."""
    raw, syntax = segment.raw, segment.syntax
    if not syntax.by_lines and (b"\n" in raw or b"\r" in raw):
        yield at(segment, "segment.wrapped", "a line break divides the segment; it was taken out", Severity.NOTE)
        raw = raw.translate(None, NEWLINES)
    delimiters = syntax.delimiters
    if not foreign(raw.translate(None, delimiters), syntax.repertoire):
        return
    for number, element in enumerate(segment.elements, 1):
        content = element.translate(None, delimiters)
        if foreign(content, syntax.repertoire):
            text = "holds characters outside the declared repertoire; the value is kept"
            yield at(segment, "character.repertoire", text, Severity.WARNING, (number, 0, 0))
            return
    yield at(segment, "character.repertoire", "the tag holds characters outside the repertoire", Severity.WARNING)
