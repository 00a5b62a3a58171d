"""Made-up documents for tests: any message of any table, streams of many, and what goes wrong with bytes."""

import random
from collections.abc import Iterable

from formats.edi.message import ITEMS, MessageType
from formats.edi.parts import PartyId
from formats.edi.spec import ElementSlot, ElementSpec, SegmentPlace, SegmentSpec
from formats.edi.syntax import Syntax
from formats.edi.writing import MessageDraft, Row, RowValue
from formats.edifact import writer as edifact
from formats.edifact.writer import EdifactHeader, EdifactWriter
from formats.x12 import writer as x12
from formats.x12.tables.sets import SETS
from formats.x12.versions import message_type as x12_type
from formats.x12.writer import X12Group, X12Header, X12Writer

NORTH, SYNCLINE = PartyId("NORTHLOG", "ZZ"), PartyId("SYNCLINE", "ZZ")
X12_KINDS = tuple(line.split()[0] for line in SETS.strip().splitlines() if not line.startswith(" "))
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
RELEASED = LETTERS + "'+:?Ä"
"""With those that EDIFACT must release, and one above ASCII."""


class MessageMaker:
    """Makes messages of a table at random, with all that the table demands and some of what it allows."""

    def __init__(self, source: random.Random, text: str = LETTERS, odds: float = 0.3) -> None:
        self.source, self.text, self.odds = source, text, odds

    def rows(self, kind: MessageType) -> list[Row]:
        """The segments between header and trailer."""
        assert kind.spec
        rows = [row for place in kind.spec.body.places for row in self._place(place, 0)]
        return self._ruled(rows, "HL" in kind.spec.tags)

    def _place(self, place: SegmentPlace, depth: int) -> list[Row]:
        if not place.least and self.source.random() > self.odds / (1 + depth / 2):
            return []
        times = self.source.randint(1, min(place.most, 2))
        rows = []
        for _ in range(times):
            if place.segment:
                rows.append(self._segment(place.segment))
            else:
                rows += [row for inner in place.places for row in self._place(inner, depth + 1)]
        return rows

    def _segment(self, spec: SegmentSpec) -> Row:
        while True:
            values = [self._element(slot) if slot.required or self.source.random() < 0.4 else "" for slot in spec.slots]
            present = [value != "" for value in values]
            for relation in spec.relations:
                if not relation.holds(present):
                    self._mend(relation.kind, relation.positions, values, spec)
                    present = [value != "" for value in values]
            if all(relation.holds(present) for relation in spec.relations):
                while values and values[-1] == "":
                    values.pop()
                return (spec.tag, *values)

    def _mend(self, kind: str, positions: tuple[int, ...], values: list[RowValue], spec: SegmentSpec) -> None:
        if kind == "R" or (kind in "PCL" and self.source.random() < 0.5):
            for position in positions:
                values[position - 1] = values[position - 1] or self._element(spec.slots[position - 1])
            return
        cleared = positions[1:] if kind == "E" else positions[:1] if kind in "CL" else positions
        for position in cleared:
            if not spec.slots[position - 1].required:
                values[position - 1] = ""

    def _element(self, slot: ElementSlot) -> RowValue:
        if slot.element:
            return self._value(slot.element)
        parts = [self._element(part) if part.required or self.source.random() < 0.5 else "" for part in slot.parts]
        if slot.number == "C507":
            parts = [parts[0], *self.source.choice([("20261130", "102"), ("202611301530", "203"), ("7", "801")])]
        while parts and parts[-1] == "":
            parts.pop()
        return tuple(str(part) for part in parts) or (self._element(slot.parts[0]),)  # type: ignore[return-value]

    def _value(self, spec: ElementSpec) -> str:
        if spec.codes:
            return self.source.choice(sorted(spec.codes))
        if spec.kind == "DT":
            return f"2026{self.source.randint(1, 12):02}{self.source.randint(1, 28):02}"
        if spec.kind == "TM":
            return f"{self.source.randint(0, 23):02}{self.source.randint(0, 59):02}"
        length = self.source.randint(spec.least, min(spec.most, spec.least + 12))
        if spec.kind in ("N", "n", "R"):
            return "".join(self.source.choice("123456789") for _ in range(length))
        letters = "ABCDEFG" if spec.kind == "a" else self.text
        return "".join(self.source.choice(letters) for _ in range(length))

    def _ruled(self, rows: list[Row], levels: bool) -> list[Row]:
        """The rows with totals that add up and levels that have parents."""
        found, level = list[Row](), 0
        tags = [str(row[0]) for row in rows]
        items = tags.count("HL") if levels else sum(tag in ITEMS for tag in tags)
        for row in rows:
            if row[0] == "HL":
                level += 1
                parent = str(self.source.randint(1, level - 1)) if level > 1 else ""
                found.append(("HL", str(level), parent, "SOIP"[min(level - 1, 3)]))
            elif row[0] == "CTT":
                found.append(("CTT", str(items or 1)))
            elif row[0] == "CNT":
                found.append(("CNT", ("2", str(tags.count("LIN") or 1))))
            else:
                found.append(row)
        return found


def x12_stream(messages: Iterable[MessageDraft], version: str = "004010", syntax: Syntax = x12.STANDARD) -> bytes:
    """An interchange with a group of these messages."""
    group = X12Group("NORTHLOG", "SYNCLINE", 7, "20261130", "1200", version, messages)
    isa = "00401" if version < "005" else "00501"
    header = X12Header(NORTH, SYNCLINE, 7, "261130", "1200", isa)
    return b"".join(X12Writer(syntax, judge=False).interchange(header, [group]))


def edifact_stream(messages: Iterable[MessageDraft], syntax: Syntax = edifact.STANDARD, newline: bytes = b"") -> bytes:
    """An interchange of these messages."""
    header = EdifactHeader(NORTH, SYNCLINE, "7", "261130", "1200")
    return b"".join(EdifactWriter(syntax, newline, judge=False).interchange(header, messages))


def many_x12(kind: str, count: int, seed: int, version: str = "004010", odds: float = 0.3) -> bytes:
    """An interchange of as many messages of a set."""
    maker, of_kind = MessageMaker(random.Random(seed), odds=odds), x12_type(kind, version)
    return x12_stream([MessageDraft(of_kind, f"{at:04}", maker.rows(of_kind)) for at in range(1, count + 1)], version)


def many_edifact(kind: str, directory: str, count: int, seed: int, odds: float = 0.3) -> bytes:
    """An interchange of as many messages of a kind."""
    maker = MessageMaker(random.Random(seed), RELEASED, odds)
    of_kind = edifact.new_message(kind, directory, "1", []).type
    return edifact_stream([MessageDraft(of_kind, str(at), maker.rows(of_kind)) for at in range(1, count + 1)])


def mutated(source: random.Random, data: bytes) -> bytes:
    """Bytes with one to four things wrong: bytes changed, cut, doubled, moved; delimiters put where none belong."""
    found = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(found) + 1)
        end = min(len(found), at + source.choice((1, 1, 2, 5, 20, 100)))
        action = source.randrange(6)
        if action == 0:
            found[at:end] = bytes([source.randrange(256)])
        elif action == 1:
            del found[at:end]
        elif action == 2:
            found[at:at] = found[at:end]
        elif action == 3:
            found[at:at] = source.choice(
                (b"*", b"~", b"'", b"?", b"+", b":", b"\n", b"\r\n", b"UNA", b"ISA*", b"SE*", b"\xe9")
            )
        elif action == 4:
            moved = found[at:end]
            del found[at:end]
            to = source.randrange(len(found) + 1)
            found[to:to] = moved
        else:
            del found[at:]
    return bytes(found)
