"""The order inside the rooms: which subject imports which, how many files a folder holds, no circles, the words.

As in `tests.test_structure`, each rule takes a tree and returns its violations, and a canary shows it a bad tree.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_structure import ROOT, Rule, imports, parsed, sources

MAX_FILES = 25
"""Files of a folder that are found by reading the list once."""

SUBJECTS: dict[str, tuple[str, ...]] = {
    "schemas": (
        *("partners", "cases", "orders", "inventory", "messaging", "procurement", "planning"),
        *("workflows", "finance", "export"),
    ),
    "domain": (
        *("milestones", "partners", "returns", "inventory", "messaging", "orders"),
        *("planning", "records", "procurement", "cases", "finance"),
    ),
    "formats": ("edi", "x12", "edifact"),
    "store": (
        *("tables", "audit", "planning", "messaging", "partners", "inventory", "cases", "finance"),
        *("procurement", "orders", "views"),
    ),
    "activities": (
        *("execution", "records", "inventory", "partners", "planning", "systems", "procurement"),
        *("finance", "messaging", "cases"),
    ),
    "workflows": ("runtime", "cases", "orders", "procurement", "inventory", "finance", "planning"),
    "dispatch": ("events", "partners", "orders", "inventory", "procurement", "temporal", "restarts"),
    "gateway": ("http", "views", "api", "tower"),
    "connectors": ("ports", "http", "standard", "karrio", "notify"),
    "simulators": ("world", "orders", "systems"),
}
"""The subjects of each room, in the order in which they may import: each only what stands before it."""

BANNED = {
    "dialect": "the standard connector, or Syncline REST API",
    "mailroom": "mail server",
    "pegs": "reservations",
    "repromise": "reallocation",
    "vanishing": "stuck",
    "errands": "case coordinator",
    "endless": "singletons",
    "homeless": "site without region",
    "letters?": "message",
    "park(ed|ing)?": "quarantined, or refused by planning",
    "papers?": "document",
    "exchange": "request context",
    "accepter": "inbox writer",
    "teller": "notifier",
    "untold": "unreported",
    "mend(ed|ing)?": "repair",
    "desks?": "work list, queue, or call handler",
    "door": "strict parsing, or connection limits",
    "pardon": "cap attempts",
    "homecoming": "returned",
    "resting": "unchanged, or stable",
    "calm": "unchanged, or stable",
    "keepers?": "singleton workflow",
    "grown": "with_changes",
    "re_?dat(ed?|es|ing)": "reschedule",
    "told_(as|on)": "reported",
}
"""Words that meant something here alone, as patterns, and the field's word. Names in code and paths are searched."""


def modules(root: Path) -> dict[str, Path]:
    """Each module of the product's source by its dotted name."""
    found = {}
    for file in sources(root):
        parts = file.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def links(root: Path) -> Iterator[tuple[str, str, int]]:
    """(importing module, imported module, line), both of the product."""
    known = modules(root)
    for name, file in known.items():
        for module, taken, line in imports(parsed(file)):
            targets = {f"{module}.{one}" for one in taken} & known.keys()
            yield from ((name, target, line) for target in sorted(targets or {module} & known.keys()))


def subject_order(root: Path) -> list[str]:
    """A subject imports only subjects before it, so that no two depend on each other."""
    found, known = [], modules(root)
    for name, target, line in links(root):
        (room, *own), (other, *theirs) = name.split("."), target.split(".")
        if room != other or room not in SUBJECTS or len(own) < 2 or len(theirs) < 2 or own[0] == theirs[0]:
            continue
        order = SUBJECTS[room]
        if theirs[0] not in order[: order.index(own[0]) if own[0] in order else 0]:
            path = known[name].relative_to(root)
            found.append(f"{path}:{line} {own[0]} must not import {theirs[0]}")
    return found


def folder_size(root: Path) -> list[str]:
    """A folder that does not fit the limit has more than one subject."""
    counts: dict[Path, int] = defaultdict(int)
    for file in [*sources(root), *(f for f in sorted((root / "tests").rglob("*.py")))]:
        counts[file.relative_to(root).parent] += 1
    return [f"{folder} has {count} files" for folder, count in counts.items() if count > MAX_FILES]


def file_circles(root: Path) -> list[str]:
    """No file needs, over whichever others, itself."""
    needs: dict[str, set[str]] = defaultdict(set)
    for name, target, _ in links(root):
        needs[name].add(target)
    found, known = [], modules(root)
    for name in sorted(needs):
        reached, waiting = set[str](), [name]
        while waiting:
            fresh = needs.get(waiting.pop(), set()) - reached
            reached |= fresh
            waiting.extend(fresh)
        if name in reached:
            found.append(f"{known[name].relative_to(root)} is in a circle of imports")
    return found


def one_class_one_meaning(root: Path) -> list[str]:
    """A class name stands in one file."""
    places: dict[str, list[str]] = defaultdict(list)
    for file in sources(root):
        for node in parsed(file).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(root)))
    return [f"{files[0]} names its class {name}, as do {files[1:]}" for name, files in places.items() if len(files) > 1]


def field_words(root: Path) -> list[str]:
    """Names are the field's: of folders, files, classes, functions and variables."""
    named = {f"w{place}": better for place, better in enumerate(BANNED.values())}
    words = "|".join(f"(?P<w{place}>{pattern})" for place, pattern in enumerate(BANNED))
    word = re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE)
    found = []
    for file in sources(root):
        path = str(file.relative_to(root))
        said = {path} | {
            name
            for node in ast.walk(parsed(file))
            for name in (getattr(node, "name", None), getattr(node, "id", None), getattr(node, "arg", None))
            if isinstance(name, str)
        }
        for name in sorted(said):
            split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
            for match in word.finditer(split):
                better = next(named[group] for group, text in match.groupdict().items() if text)
                found.append(f"{path} says {match[0]!r}: {better}")
    return found


RULES: list[Rule] = [subject_order, folder_size, file_circles, one_class_one_meaning, field_words]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    assert rule(ROOT) == []


def test_every_subject_has_its_place() -> None:
    """A new folder gets its place in the order on the day it appears."""
    for room, order in SUBJECTS.items():
        folders = {f.parent.name for f in (ROOT / room).glob("*/*.py")} - {"migrations"}
        assert folders == set(order), room


BAD_TREES: list[tuple[Rule, dict[str, str], str]] = [
    (
        subject_order,
        {"domain/milestones/a.py": "from domain.orders import b", "domain/orders/b.py": ""},
        "domain/milestones/a.py:1 milestones must not import orders",
    ),
    (
        subject_order,
        {"domain/new/a.py": "from domain.orders.b import f", "domain/orders/b.py": ""},
        "domain/new/a.py:1 new must not import orders",
    ),
    (folder_size, {f"domain/orders/a{n}.py": "" for n in range(MAX_FILES + 1)}, "domain/orders has 26 files"),
    (folder_size, {f"tests/store/a{n}.py": "" for n in range(MAX_FILES + 1)}, "tests/store has 26 files"),
    (
        file_circles,
        {
            "store/a.py": "import store.b",
            "store/b.py": "from store import c",
            "store/c.py": "def f():\n import store.b",
        },
        "store/b.py is in a circle of imports",
    ),
    (
        one_class_one_meaning,
        {"domain/a.py": "class Site: ...", "store/b.py": "class Site: ..."},
        "domain/a.py names its class Site, as do ['store/b.py']",
    ),
    (field_words, {"store/pegs.py": ""}, "store/pegs.py says 'pegs': reservations"),
    (field_words, {"store/a.py": "class MailroomUrl: ..."}, "store/a.py says 'Mailroom': mail server"),
    (field_words, {"store/a.py": "def f(old_dialect): ..."}, "store/a.py says 'dialect'"),
    *(
        (field_words, {"store/a.py": f"def f({word}_of): ..."}, f"store/a.py says '{word}': {better}")
        for word, better in (
            *(
                ("letters", "message"),
                ("parked", "quarantined"),
                ("papers", "document"),
                ("exchange", "request context"),
            ),
            *(("accepter", "inbox writer"), ("teller", "notifier"), ("untold", "unreported"), ("mended", "repair")),
            *(("desk", "work list"), ("door", "strict parsing"), ("pardon", "cap"), ("homecoming", "returned")),
            *(("resting", "unchanged"), ("calm", "unchanged"), ("keeper", "singleton")),
            *(("grown", "with_changes"), ("redated", "reschedule"), ("re_date", "reschedule"), ("told_as", "reported")),
        )
    ),
]


@pytest.mark.parametrize(("rule", "files", "said"), BAD_TREES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_catches(tmp_path: Path, rule: Rule, files: dict[str, str], said: str) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    violations = rule(tmp_path)
    assert violations
    assert violations[0].startswith(said)


GOOD = {
    "domain/orders/a.py": "from domain.milestones.b import Step\n\nclass Pegsite: ...\n",
    "domain/milestones/b.py": "class Step: ...\n",
    "domain/c.py": "from domain.orders import a\n",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_code_pass(tmp_path: Path, rule: Rule) -> None:
    for path, text in GOOD.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert rule(tmp_path) == []
