"""Passes messages that have no findings, one after another, by the pattern of their type."""

from collections.abc import Iterator

from formats.edi.control import BATCH
from formats.edi.message import EdiMessage, check_rules
from formats.edi.openstate import OpenInterchange
from formats.edi.stream import Stream
from formats.edi.syntax import pieces, segments_in


def clean_run(stream: Stream, state: OpenInterchange) -> Iterator[EdiMessage]:
    """The clean messages of the current type from where the stream stands. It then stands at the first other thing.

    This is the inner loop of reading: what it does for a message is done for each of a million, so nothing is looked
    up twice.
    """
    kind, known = state.current, state.known
    assert kind and kind.spec and known
    match, released, spec, syntax = known.pattern.match, known.released, kind.spec, state.start.syntax
    terminator, release = syntax.terminator, syntax.release
    ruled, rules = bool(spec.rules), (*spec.rules, *spec.rules)
    repeated = state.references.repeated
    data, place, base = stream.data, stream.at, stream.base
    numbers, contents = list[bytes](), list[bytes]()
    while found := match(data, place) or (released and released.match(data, place)):
        (_, end), (first, last), (counted, stated), (_, ended) = found.regs
        raw = data[place:ended]
        count = len(pieces(raw, terminator, release)) - 1 if release and release in raw else raw.count(terminator)
        if count != int(data[counted:stated]):
            break
        ruling = ruled and (rules[0] in raw or rules[1] in raw)
        if ruling and any(True for _ in check_rules(spec, segments_in(raw, base + place, syntax))):
            break
        reference = data[first:last]
        if repeated(reference):
            break
        numbers.append(reference)
        contents.append(data[last:counted])
        if len(numbers) == BATCH:
            state.add(kind, numbers, contents)
            numbers, contents = [], []
        message = EdiMessage(kind, reference.decode("ascii"), raw, base + place, syntax)
        stream.at = place = end
        yield message
    stream.at = place
    state.tried = base + place
    if numbers:
        state.add(kind, numbers, contents)
