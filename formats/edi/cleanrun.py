"""Passes messages that have no findings, one after another, by the pattern of their type."""

from collections.abc import Iterator

from formats.edi.message import EdiMessage, check_rules
from formats.edi.openstate import OpenInterchange
from formats.edi.stream import Stream
from formats.edi.syntax import pieces, segments_in


def clean_run(stream: Stream, state: OpenInterchange) -> Iterator[EdiMessage]:
    """The clean messages of the current type from where the stream stands. It then stands at the first other thing."""
    kind, pattern = state.current, state.pattern
    assert kind and kind.spec and pattern
    match, spec, syntax = pattern.match, kind.spec, state.start.syntax
    terminator, release = syntax.terminator, syntax.release
    rules = spec.rules
    repeated = state.references.repeated
    data, place, base = stream.data, stream.at, stream.base
    while found := match(data, place):
        raw = data[place : found.end(3)]
        count = len(pieces(raw, terminator, release)) - 1 if release and release in raw else raw.count(terminator)
        reference = found[1]
        if count != int(found[2]):
            break
        if rules and any(tag in raw for tag in rules):
            segments = segments_in(raw, base + place, syntax)
            if any(True for _ in check_rules(spec, segments)):
                break
        if repeated(reference):
            break
        state.add(kind, reference, data[found.end(1) : found.start(2)])
        message = EdiMessage(kind, reference.decode("ascii"), raw, base + place, syntax)
        place = found.end()
        stream.at = place
        yield message
    stream.at = place
    state.tried = base + place
