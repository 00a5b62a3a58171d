"""The length of sentences: in the documents, and in the docstrings of the rooms that keep the rule.

As in `tests.test_structure`, each rule takes a tree and returns its violations, and a canary shows it a bad tree.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.test_structure import ROOT, Rule, parsed, sources

MAX_WORDS = 20
"""Words of a sentence in a document: it is understood at the first reading."""
MAX_DOCSTRING_WORDS = 25
"""Words of a sentence in a docstring: a few more than in documents, since it names fields. The aim is 20."""
LINKS = 4
"""So many links make a list of links, which is no sentence."""
PAGES = ("*.md", "docs/*.md", "docs/howto/*.md", "docs/runbooks/*.md")
HISTORY = {"CHANGELOG.md", "SECURITY.md"}
"""Pages that record what was said at its time."""
REASONED = {"schemas", "store", "connectors", "gateway", "dispatch", "telemetry", "cli"}
"""Rooms in which each number of a module says why it has its value."""
ROOMS = REASONED | {"domain", "workflows", "activities", "simulators", "demo", "stack", "scaffold"}
"""Rooms whose docstrings keep the rule."""
STORY_ROOMS = {"domain", "workflows", "activities"}
"""Rooms whose docstrings have a noun at the front."""

_NUMBER = re.compile(r"_?[A-Z][A-Z0-9_]* = (?:[0-9]|timedelta\(|Decimal\()")
_HIDDEN = re.compile(r"`[^`]*`|\]\([^)]*\)")
_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][*_\"”)])|(?<=[.!?]\*\*))\s+(?=[\"“*(_]*[A-Z\x00\[0-9])")
_RIDDLE = re.compile(r"(?:What|Who|Whom|Whose|Whoever|How many|So many|So much)\b")
_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")


def sentences(block: str) -> Iterator[str]:
    """The sentences of a block of text. Code and addresses count as one word."""
    yield from _END.split(re.sub(r"\s+", " ", _HIDDEN.sub(lambda it: "]" if it[0][0] == "]" else "\0", block)))


def words(sentence: str) -> int:
    """Words of a sentence; a list of links has none."""
    return 0 if sentence.count("]") >= LINKS else len(re.findall(r"\S*[\w\0]\S*", sentence))


def blocks(text: str) -> Iterator[str]:
    """The paragraphs and list entries of a page, without code, tables, headings and pictures."""
    block: list[str] = []
    for line in [*re.sub(r"^\s*```.*?^\s*```", "", text, flags=re.DOTALL | re.MULTILINE).splitlines(), ""]:
        bare = line.strip()
        if block and (not bare or bare.startswith(("|", "#", "<", "![")) or _ITEM.match(line)):
            yield " ".join(block)
            block = []
        if bare and not bare.startswith(("|", "#", "<", "![")):
            block.append(_ITEM.sub("", line).strip())


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a docstring, without indented ones: those are drawings, tables and code."""
    for block in inspect.cleandoc(text).split("\n\n"):
        if not all(line.startswith("    ") for line in block.splitlines()):
            yield block


def long_sentences(root: Path) -> list[str]:
    """A sentence of a document that is too long to be read once."""
    pages = sorted({page for pattern in PAGES for page in root.glob(pattern)} - {root / name for name in HISTORY})
    return [
        f"{page.relative_to(root)} has {words(sentence)} words: {sentence[:60]}"
        for page in pages
        for block in blocks(page.read_text())
        for sentence in sentences(block)
        if words(sentence) > MAX_WORDS
    ]


def docstrings(root: Path, rooms: set[str]) -> Iterator[tuple[Path, int, str]]:
    """(file, line, text) of the docstrings of some rooms, and of the texts under their constants."""
    for file in sources(root):
        path = file.relative_to(root)
        nodes = [it for it in ast.walk(parsed(file)) if isinstance(it, ast.Expr)] if path.parts[0] in rooms else []
        for node in nodes:
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                yield path, node.lineno, node.value.value


def long_docstrings(root: Path) -> list[str]:
    """A sentence of a docstring, or of the text under a constant, that is too long."""
    found = []
    for path, line, text in docstrings(root, ROOMS):
        longest = max((words(it) for block in paragraphs(text) for it in sentences(block)), default=0)
        if longest > MAX_DOCSTRING_WORDS:
            found.append(f"{path}:{line} has a sentence of {longest} words")
    return found


def riddles(root: Path) -> list[str]:
    """A docstring that opens with a question word, where the field's noun belongs."""
    return [
        f"{path}:{line} begins with {found[0]!r}"
        for path, line, text in docstrings(root, STORY_ROOMS)
        if (found := _RIDDLE.match(text))
    ]


def bare_numbers(root: Path) -> list[str]:
    """A number of a module that no text behind it gives a reason for."""
    return [
        f"{file.relative_to(root)}:{constant.lineno} is a number without a reason"
        for file in sources(root)
        if file.relative_to(root).parts[0] in REASONED
        for constant, behind in pairwise([*parsed(file).body, ast.Pass()])
        if isinstance(constant, ast.Assign)
        and _NUMBER.match(ast.unparse(constant))
        and not (isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant))
    ]


RULES: list[Rule] = [long_sentences, long_docstrings, riddles, bare_numbers]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    assert rule(ROOT) == []


LONG = "Word " * MAX_WORDS + "ends."
LONGER = "Word " * MAX_DOCSTRING_WORDS + "ends."

BAD_TREES: list[tuple[Rule, dict[str, str], str]] = [
    (long_sentences, {"docs/a.md": f"Short. {LONG}"}, "docs/a.md has 21 words: Word"),
    (long_sentences, {"README.md": f"- one\n- {LONG}"}, "README.md has 21 words: Word"),
    (long_sentences, {"docs/howto/a.md": f"# Title\n\nShort.\n```\ncode\n```\n{LONG}"}, "docs/howto/a.md has 21 words"),
    (long_docstrings, {"schemas/a.py": f'"""{LONGER}"""'}, "schemas/a.py:1 has a sentence of 26 words"),
    (long_docstrings, {"cli/a.py": f'X = 1\n"""{LONGER}"""'}, "cli/a.py:2 has a sentence of 26 words"),
    (bare_numbers, {"store/a.py": 'A = 1\n"""Why."""\nB = 2\n'}, "store/a.py:3 is a number without a reason"),
    (bare_numbers, {"cli/a.py": "A_S = timedelta(days=1)\nx = 1\n"}, "cli/a.py:1 is a number without a reason"),
    (
        long_docstrings,
        {"workflows/a.py": f'"""Short.\n\n    drawn --> on\n\n{LONGER}\n"""'},
        "workflows/a.py:1 has a sentence of 26 words",
    ),
    (riddles, {"domain/a.py": 'def f():\n    """What is held."""'}, "domain/a.py:2 begins with 'What'"),
    (riddles, {"activities/a.py": 'X = 1\n"""How many are there."""'}, "activities/a.py:2 begins with 'How many'"),
]


@pytest.mark.parametrize(("rule", "files", "said"), BAD_TREES)
def test_the_rule_catches(tmp_path: Path, rule: Rule, files: dict[str, str], said: str) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    violations = rule(tmp_path)
    assert violations
    assert violations[0].startswith(said)


GOOD = {
    "docs/a.md": f"# {LONG}\n\n| {LONG} |\n|---|\n\n```\n{LONG}\n```\n\nShort, with `{LONG}`, at 5. **Then.** End.\n",
    "docs/index.md": f"[{LONG}](a) · [b](b) · [c](c) · [d](d)\n",
    "CHANGELOG.md": LONG,
    "store/a.py": 'A = 1\n"""Why."""\nb = 2\nC = ("c",)\n',
    "domain/a.py": f'def f():\n    """Short.\n\n        {LONGER}\n\n    Then.\n    """\n',
    "gateway/a.py": f'"""Short. `{LONGER}` is one word.\n\nSo is this."""\n',
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_text_pass(tmp_path: Path, rule: Rule) -> None:
    for path, text in GOOD.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert rule(tmp_path) == []
