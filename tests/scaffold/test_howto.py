"""The guide to a new workflow, followed to the letter in a copy of the tree."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.scaffold.copies import copied, run
from tests.test_docs import FENCE, Document, document

GUIDE = document("howto/add-a-workflow.md")
STORY = "workflows/inventory/cycle_count.py"
MOST_LINES = 60
"""A workflow of one question, one answer and one deadline is read in one look."""


def steps(guide: Document) -> Iterator[tuple[str, str]]:
    """(path, text) of each file and ("", command) of each command of a terminal, in the order of the guide."""
    for block in FENCE.finditer(guide.text):
        if block["file"]:
            yield block["file"], block["text"]
        elif block["language"] == "console":
            yield from (("", line) for line in block["text"].splitlines())


def test_the_guide_builds_a_workflow_that_passes(tmp_path: Path) -> None:
    tree = copied(tmp_path)
    for path, text in steps(GUIDE):
        if path:
            (tree / path).write_text(text)
        else:
            run(tree, *shlex.split(text))
    recorded = tree / "tests/replay/fingerprints/cycle_count.txt"
    assert "wms.count_items" in recorded.read_text(), "the histories that are kept are those of the guide's story"


def test_the_story_is_short() -> None:
    [story] = [text for path, text in GUIDE.files() if path == STORY]
    assert len(story.splitlines()) < MOST_LINES
