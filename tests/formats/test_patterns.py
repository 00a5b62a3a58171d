"""Patterns match only what has no fault: value by value, segment by segment, and never where tables are ambiguous."""

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from formats.edi.clean import SEGMENT_LEARNED, SegmentShortcuts, pattern, shortens
from formats.edi.notation import structure
from formats.edi.repertoires import foreign
from formats.edi.spec import ElementSpec, MessageSpec, SegmentPlace, SegmentSpec
from formats.edi.syntax import Segment, Syntax, plain
from formats.edi.values import character_class, fault, fragment
from formats.edi.walking import Walk
from formats.edi.writing import Row, SegmentWriter
from formats.edifact.versions import dictionary as directory
from formats.x12.versions import dictionary
from tests.formats.documents import MessageMaker

X12 = Syntax(b"*", b">", b"~", b"", b"^")
EDIFACT = Syntax(b"+", b":", b"'", b"?", b"*", ".", "UNOC")
CLASSES = (
    *(("N", 1, 6), ("R", 1, 5), ("R", 2, 4), ("DT", 8, 8), ("TM", 4, 8), ("AN", 1, 4), ("n", 1, 5), ("an", 1, 6)),
    *(("a", 1, 3), ("ID", 1, 2)),
)
CODES = frozenset(("A", "Z0"))
"""The list of the ID element."""
VALUES = st.one_of(
    st.text("0123456789.,-E", min_size=1, max_size=9),
    st.text("AZaz09 ?'+:*~>^.é\n\x07", min_size=1, max_size=8),
    st.dates().map(lambda day: f"{day:%Y%m%d}"),
    st.integers(0, 99999999).map(lambda number: f"{number:08}"),
    st.integers(0, 9999).map(lambda number: f"{number:04}"),
    st.tuples(st.integers(2000, 2040), st.integers(1, 13), st.integers(0, 32)).map(
        lambda it: f"{it[0]}{it[1]:02}{it[2]:02}"
    ),
)


@given(
    form=st.sampled_from([*CLASSES, ("a", 1, 3), ("code", 1, 2)]), value=VALUES, syntax=st.sampled_from([X12, EDIFACT])
)
@settings(max_examples=2000)
def test_a_value_that_its_pattern_matches_has_no_fault(form: tuple[str, int, int], value: str, syntax: Syntax) -> None:
    kind, least, most = form
    spec = ElementSpec(
        "1", "ID" if kind == "code" else kind, least, most, frozenset(("A", "Z0")) if kind == "code" else None
    )
    ending = b"[%b]" % re.escape(syntax.element + syntax.terminator)
    raw = value.encode("latin-1")
    for released in (False, True):
        part = fragment(spec, syntax, character_class(syntax), ending, released)
        if re.fullmatch(part + ending, raw + syntax.terminator):
            meant = plain(raw, syntax).decode("latin-1")
            assert fault(spec, meant, syntax) is None
            assert not foreign(raw.translate(None, syntax.delimiters), syntax.repertoire)


def test_every_day_and_minute_is_judged_alike() -> None:
    day, time = ElementSpec("373", "DT", 8, 8), ElementSpec("337", "TM", 4, 8)
    ending, characters = rb"[*~]", character_class(X12)
    parts = {spec: re.compile(fragment(spec, X12, characters, ending, False)) for spec in (day, time)}
    days = [f"{year}{month:02}{at:02}" for year in (1900, 2000, 2027, 2028) for month in range(14) for at in range(33)]
    times = [f"{hour:02}{minute:02}" for hour in range(26) for minute in range(62)]
    for spec, values in ((day, days), (time, times)):
        for value in values:
            if parts[spec].fullmatch(value.encode()):
                assert fault(spec, value, X12) is None
            else:
                assert fault(spec, value, X12) is not None or value.endswith("0229")


def test_values_without_a_fault_are_mostly_matched() -> None:
    """Otherwise the shortcut would be none."""
    for syntax, kind, values in (
        (X12, "R", ("7", "12.5", ".5", "-3", "12.")),
        (X12, "DT", ("20261130", "20280228")),
        (X12, "TM", ("2359", "000000", "12000099")),
        (EDIFACT, "n", ("7", "12.5", "-3.25")),
        (EDIFACT, "an", ("it?'s", "Jürgen", "A B")),
    ):
        spec = ElementSpec("1", kind, *{"DT": (8, 8), "TM": (4, 8)}.get(kind, (1, 9)))
        ending = b"[%b]" % re.escape(syntax.element + syntax.terminator)
        part = fragment(spec, syntax, character_class(syntax), ending, True)
        for value in values:
            assert re.fullmatch(part + ending, value.encode("latin-1") + syntax.terminator), value


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=300)
def test_a_segment_that_its_pattern_matches_has_no_finding(seed: int) -> None:
    source = random.Random(seed)
    table = dictionary("004010") if seed % 2 else directory("01B")
    syntax = X12 if seed % 2 else EDIFACT
    tag = source.choice(sorted(table))
    shortcuts, spec = SegmentShortcuts(syntax), table[tag]
    for _ in range(SEGMENT_LEARNED + 1):
        shortcuts.clean(b"", spec)
    message = MessageSpec("X", "1", SegmentPlace("", 1, 1, None, (SegmentPlace(tag, 0, 9, spec),)), table)
    signs = b"*+:>?'~^.0A" + syntax.element * 6
    for _ in range(40):
        row = MessageMaker(source)._segment(spec)
        raw = bytearray(_written(row, syntax))
        for _ in range(source.randint(0, 3)):
            at = source.randrange(len(tag), len(raw) + 1)
            raw[at : at + source.randint(0, 2)] = bytes(source.choices(signs, k=source.randint(0, 2)))
        if shortcuts.clean(bytes(raw), spec):
            found = list(Walk(message).take(Segment(bytes(raw), 1, 0, syntax)))
            assert found == [], bytes(raw)


def _written(row: Row, syntax: Syntax) -> bytes:
    return SegmentWriter(syntax).write([row])[:-1]


def test_tables_that_do_not_decide_have_no_pattern() -> None:
    """The walk goes into the first group and misses B; a pattern could give it up and take the second A."""
    segments = {tag: SegmentSpec(tag, ()) for tag in ("AA", "BB", "CC")}
    for text, decided in (("(AA BB)? CC?", True), ("(AA BB)? AA?", False), ("(CC (AA BB)?)*9? AA?", False)):
        places = structure(text, segments, "1", lambda _version, _since: True)
        spec = MessageSpec("X", "1", SegmentPlace("", 1, 1, None, places), segments)
        found = pattern(spec, X12, b"ST(1)", b"SE", frozenset(segments))
        assert (found is not None) == decided, text


def test_delimiters_that_values_are_made_of_have_no_pattern() -> None:
    assert shortens(X12)
    for element, component in ((b"A", b">"), (b"-", b">"), (b".", b">"), (b" ", b">"), (b"*", b"*")):
        assert not shortens(Syntax(element, component, b"~"))
