"""The characters that divide a document, and the parts between them."""

from dataclasses import dataclass
from itertools import pairwise

from formats.edi.repertoires import decoded

NEWLINES = b"\r\n"


@dataclass(frozen=True, slots=True)
class Syntax:
    """How an interchange is written.

    Attributes:
        element: Divides elements.
        component: Divides components of a composite.
        terminator: Ends a segment.
        release: Takes its meaning from the byte behind it; empty when there is none.
        repetition: Divides repetitions of an element; empty when there is none.
        marks: The decimal marks that the interchange allows.
        repertoire: Key of `formats.edi.repertoires.REPERTOIRES`.
    """

    element: bytes
    component: bytes
    terminator: bytes
    release: bytes = b""
    repetition: bytes = b""
    marks: str = "."
    repertoire: str = "X12"

    @property
    def delimiters(self) -> bytes:
        """All of them, each once."""
        return self.element + self.component + self.terminator + self.release + self.repetition

    @property
    def by_lines(self) -> bool:
        """Whether a newline ends a segment, so that none may stand inside."""
        return self.terminator in (b"\n", b"\r")


def pieces(raw: bytes, separator: bytes, release: bytes) -> list[bytes]:
    """The parts between separators that no release character takes the meaning of. Parts keep their release
    characters."""
    parts = raw.split(separator)
    if not release or release not in raw:
        return parts
    found, held = [], list[bytes]()
    for part in parts:
        held.append(part)
        if (len(part) - len(part.rstrip(release))) % 2 == 0:
            found.append(separator.join(held) if len(held) > 1 else part)
            held = []
    if held:
        found.append(separator.join(held))
    return found


def plain(value: bytes, syntax: Syntax) -> bytes:
    """A value as it is meant: without line breaks of a wrapped file and without release characters."""
    if not syntax.by_lines and (b"\n" in value or b"\r" in value):
        value = value.translate(None, NEWLINES)
    release = syntax.release
    if release and release in value:
        doubled = value.split(release * 2)
        value = release.join(part.replace(release, b"") for part in doubled)
    return value


class Segment:
    """One segment as it stood in the stream. Elements, repetitions and components are counted from 1."""

    __slots__ = ("_elements", "index", "position", "raw", "syntax", "tag")

    def __init__(self, raw: bytes, index: int, position: int, syntax: Syntax) -> None:
        self.raw = raw
        self.index = index
        """Its number in the message, the header being 1."""
        self.position = position
        """The byte of the stream at which its tag begins."""
        self.syntax = syntax
        head = raw.split(syntax.element, 1)[0]
        if not head.isalnum():
            head = head.partition(syntax.component)[0].translate(None, NEWLINES)
        self.tag = head.decode("latin-1")
        self._elements: list[bytes] | None = None

    def __repr__(self) -> str:
        return f"Segment({self.index}, {self.raw!r})"

    @property
    def elements(self) -> list[bytes]:
        """The raw elements behind the tag, without the line breaks of a wrapped file."""
        if self._elements is None:
            elements = pieces(self.raw, self.syntax.element, self.syntax.release)[1:]
            if not self.syntax.by_lines and (b"\n" in self.raw or b"\r" in self.raw):
                elements = [element.translate(None, NEWLINES) for element in elements]
            self._elements = elements
        return self._elements

    def repetitions(self, element: int) -> list[bytes]:
        """The raw repetitions of an element, none when it is absent."""
        elements = self.elements
        raw = elements[element - 1] if element <= len(elements) else b""
        if not raw:
            return []
        return pieces(raw, self.syntax.repetition, self.syntax.release) if self.syntax.repetition else [raw]

    def components(self, element: int, repetition: int = 1) -> list[str]:
        """The components of an element, decoded; none when it is absent."""
        repeated = self.repetitions(element)
        if repetition > len(repeated):
            return []
        syntax = self.syntax
        parts = pieces(repeated[repetition - 1], syntax.component, syntax.release)
        return [decoded(plain(part, syntax), syntax.repertoire) for part in parts]

    def value(self, element: int, component: int = 1, repetition: int = 1) -> str:
        """A value, decoded; empty when it is absent."""
        components = self.components(element, repetition)
        return components[component - 1] if component <= len(components) else ""

    def offset(self, element: int, repetition: int = 0, component: int = 0) -> int:
        """The byte of the stream at which a part begins, or at which it would stand."""
        syntax, raw, at = self.syntax, self.raw, self.position
        steps = [(syntax.element, element)]
        steps += [(syntax.repetition, repetition - 1)] if repetition and syntax.repetition else []
        steps += [(syntax.component, component - 1)] if component else []
        for separator, number in steps:
            parts = pieces(raw, separator, syntax.release)
            if number >= len(parts):
                return at + len(raw)
            at += sum(len(part) + 1 for part in parts[:number])
            raw = parts[number]
        return at


def segments_in(raw: bytes, position: int, syntax: Syntax) -> list[Segment]:
    """The segments of a message, its header the first. What stands behind the last terminator counts when it has
    content."""
    parts = pieces(raw, syntax.terminator, syntax.release)
    found, index = list[Segment](), 0
    blank = b" \t\r\n"
    for at, part in enumerate(parts):
        stripped = part.lstrip(blank)
        if stripped or (at < len(parts) - 1 and not syntax.by_lines):
            index += 1
            found.append(Segment(stripped, index, position + len(part) - len(stripped), syntax))
        position += len(part) + 1
    return found


def distinct(syntax: Syntax) -> bool:
    """Whether no two delimiters are the same byte."""
    return all(one != other for one, other in pairwise(sorted(syntax.delimiters)))
