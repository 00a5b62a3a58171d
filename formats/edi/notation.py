"""The notation of the tables: short enough to be read beside the standard.

Structure: `TAG` stands once, `TAG?` may be left out, `TAG*9?` up to nine times, `TAG*?` as often as one likes, `( …
    )*9?` a group that begins with its first segment. `TAG{96A*9?,01A*99?,15B-}`: so from D.96A, so from D.01A, no
    longer from D.15B.

Segments: `TAG 3035 C082? (4183?)*5 C076*3 | P0203`: elements in order, `?` optional, `*3` repeated in place, `( …
    )*5` written five times, relations behind the bar. `TAG@99B …` is what holds from a later version on.
"""

import re
from collections.abc import Callable, Mapping

from formats.edi.spec import UNBOUNDED, ElementSlot, ElementSpec, Relation, SegmentPlace, SegmentSpec

TOKEN = re.compile(r"(\(|\)|[A-Z][A-Z0-9]{1,2})((?:\{[^}]*\}|\*\d*\??|\?)?)")
COUNT = re.compile(r"(?:\*(\d*))?(\??)")
KIND = re.compile(r"(AN|ID|N\d|R|DT|TM|an|a|n)(\.\.)?(\d+)(?:/(\d+))?")
SLOT = re.compile(r"([CS]?\d+)(?:\*(\d+))?(\??)")

Newer = Callable[[str, str], bool]
"""Whether a version, the first, is at least as new as another."""


def lines(table: str) -> list[tuple[str, str]]:
    """(head, rest) of each entry; what is indented continues the entry above."""
    entries = re.sub(r"\n\s+", " ", table.strip()).splitlines()
    return [(head, rest) for head, _, rest in (entry.partition(" ") for entry in entries)]


def in_version(table: list[tuple[str, str]], version: str, newer: Newer) -> dict[str, str]:
    """Each entry as it holds in a version. Entries stand in the order of their versions."""
    found: dict[str, str] = {}
    for head, rest in table:
        name, _, since = head.partition("@")
        if not since or newer(version, since):
            found[name] = rest
    return found


def element(number: str, text: str, codes: frozenset[str] | None = None) -> ElementSpec:
    """An element of its type and length: `AN1/30`, `ID2`, `an..35`, `n8`."""
    match = KIND.fullmatch(text)
    assert match, text
    kind, upto, first, last = match[1], match[2], int(match[3]), match[4]
    least, most = (1, first) if upto else (first, int(last or first))
    return ElementSpec(number, "N" if kind[0] == "N" else kind, least, most, codes)


def slots(text: str, elements: Mapping[str, ElementSpec], composites: Mapping[str, str]) -> tuple[ElementSlot, ...]:
    """The positions of a segment or composite."""
    flat = re.sub(r"\(([^)]*)\)\*(\d+)", lambda group: " ".join([group[1]] * int(group[2])), text)
    found = []
    for match in SLOT.finditer(flat):
        number, repeats, optional = match[1], int(match[2] or 1), match[3]
        parts = slots(composites[number], elements, {}) if number[0] in "CS" else ()
        found.append(ElementSlot(number, parts, None if parts else elements[number], not optional, repeats))
    return tuple(found)


def segment(tag: str, text: str, elements: Mapping[str, ElementSpec], composites: Mapping[str, str]) -> SegmentSpec:
    """A segment of its line."""
    positions, _, behind = text.partition("|")
    relations = tuple(
        Relation(one[0], tuple(int(one[at : at + 2]) for at in range(1, len(one), 2))) for one in behind.split()
    )
    return SegmentSpec(tag, slots(positions, elements, composites), relations)


def structure(text: str, segments: Mapping[str, SegmentSpec], version: str, newer: Newer) -> tuple[SegmentPlace, ...]:
    """The places of a message, or of a group within one, in a version."""
    open_groups: list[list[SegmentPlace]] = [[]]
    for match in TOKEN.finditer(text):
        name, suffix = match[1], match[2]
        if name == "(":
            open_groups.append([])
            continue
        counted = _counted(suffix, version, newer)
        if name == ")":
            within = open_groups.pop()
            if counted and within:
                open_groups[-1].append(SegmentPlace(within[0].tag, *counted, None, tuple(within)))
        elif counted:
            open_groups[-1].append(SegmentPlace(name, *counted, segments[name]))
    return tuple(open_groups[0])


def _counted(suffix: str, version: str, newer: Newer) -> tuple[int, int] | None:
    """(fewest, most) times that a part stands in a version; None when it does not."""
    text = suffix
    if suffix.startswith("{"):
        text = "-"
        for entry in suffix[1:-1].split(","):
            if newer(version, entry[:3]):
                text = entry[3:]
    match = COUNT.fullmatch(text)
    if match is None:
        return None
    most = 1 if match[1] is None else int(match[1] or UNBOUNDED)
    return 0 if match[2] else 1, most
