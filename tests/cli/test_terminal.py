"""What commands print of rows, whatever stands in them and however narrow the terminal is."""

from io import StringIO

import pytest
from rich.console import Console

from cli import terminal

ROWS = [{"id": "erp-main/SO-10407/delay/1", "queue": "transport", "summary": "said [/red] by a [carrier]", "at": None}]


@pytest.mark.parametrize("width", [34, 300])
def test_whole_words_are_printed_as_they_were_said(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Console(width=width, file=StringIO(), record=True)
    monkeypatch.setattr(terminal, "console", shown)
    terminal.show("cases", ("id", "queue", "summary", "at"), ROWS)
    text = " ".join(shown.export_text().split())
    assert "erp-main/SO-10407/delay/1" in text
    assert "[/red]" in text and "[carrier]" in text
    assert ("at" in text.split()) == (width == 300), "in blocks, what is not there is left out"
