"""Reads EDI of either syntax: what tells which is in the bytes."""

from formats.edi.reading import EnvelopeReader, ReadLimits
from formats.edifact.grammar import EdifactGrammar
from formats.x12.grammar import X12Grammar


def edi_reader(limits: ReadLimits | None = None, fast: bool = True) -> EnvelopeReader:
    """A reader of X12 and EDIFACT interchanges, also mixed in one stream."""
    return EnvelopeReader((X12Grammar(), EdifactGrammar()), limits or ReadLimits(), fast)
