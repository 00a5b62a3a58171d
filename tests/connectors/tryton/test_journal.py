"""What Tryton is to have follows from what was told, in whatever order it came."""

from itertools import permutations

from connectors.tryton.journal import JournalEntry, Told, entry_of, pattern_of, superseded, text_of, wanted
from schemas.messaging.effects import LineTarget

ORDER = "erp-one/SO-1"


def entry(told: Told, revision: int, packs: int | None = None, line: int = 1, item: str = "A") -> JournalEntry:
    """A message about a line, or about none."""
    lines = () if packs is None else (LineTarget(line=line, item=item, quantity=packs),)
    return JournalEntry(order=ORDER, key=f"{ORDER}/{told}-{revision}", told=told, revision=revision, lines=lines)


STORY = (
    entry(Told.INSTRUCTED, 3, 2),
    entry(Told.AMENDED, 3, 5),
    entry(Told.AMENDED, 2, 4),
    entry(Told.HELD, 4),
    entry(Told.RESUMED, 5),
    entry(Told.AMENDED, 6, 7, line=2),
)


def test_every_order_comes_to_the_same() -> None:
    """An amendment of the instruction's own revision counts, whichever came first; lines of an item add up."""
    found = {str(wanted(told)) for told in permutations(STORY)}
    assert found == {str(wanted(STORY))}
    assert wanted(STORY).items == {"A": 12}
    assert not wanted(STORY).held
    assert wanted(STORY[:4]).held


def test_an_older_word_is_superseded_and_nothing_counts_after_a_cancellation() -> None:
    assert superseded(STORY[2], STORY[:2])
    assert not superseded(STORY[1], (STORY[0], STORY[2]))
    assert superseded(entry(Told.HELD, 4), (entry(Told.RESUMED, 5),))
    assert superseded(entry(Told.INSTRUCTED, 9, 2), (entry(Told.CANCELLED, 1),))


def test_a_note_is_read_as_it_was_written_and_others_are_left_alone() -> None:
    for each in STORY:
        assert entry_of(text_of(each, "„weil“\nΩ")) == each
    for text in ("", "call the customer", '{"order": 1}', "[]"):
        assert entry_of(text) is None


def test_a_pattern_takes_no_character_for_a_wildcard() -> None:
    assert pattern_of("erp_one/SO%1") == '%"order":"erp\\_one/SO\\%1"%'
