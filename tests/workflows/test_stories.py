"""Workflow files are stories: short, each with a diagram of what happens; what they share is in `workflows/runtime`.

As in `tests.test_structure`, each rule takes a tree and returns its violations, and a canary shows it a bad tree.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_structure import ROOT, Rule, parsed

MAX_STORY_LINES = 200
"""Lines that are read in one go."""
SHARED = ("Inputs.bundle", "DeadlineTimer", "EffectLanes", "EffectAnswers", "continue_as_new")
"""What only the runtime uses: a workflow that does so itself has a loop of its own."""
ARROW = re.compile(r"\n\n *\S.*-->")
"""A diagram: a paragraph of its own, whose first line goes from one step to another."""


def stories(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Every file that defines a workflow."""
    for file in sorted((root / "workflows").rglob("*.py")):
        tree = parsed(file)
        decorators = (it for node in tree.body if isinstance(node, ast.ClassDef) for it in node.decorator_list)
        if any("workflow.defn" in ast.unparse(it) for it in decorators):
            yield file, tree


def story_length(root: Path) -> list[str]:
    """A story fits on a few screens."""
    counted = ((file, len(file.read_text().splitlines())) for file, _ in stories(root))
    return [f"{file.relative_to(root)} has {lines} lines" for file, lines in counted if lines >= MAX_STORY_LINES]


def story_diagram(root: Path) -> list[str]:
    """The docstring shows the steps and the ways between them."""
    return [
        f"{file.relative_to(root)} has no diagram in its docstring"
        for file, tree in stories(root)
        if not ARROW.search(ast.get_docstring(tree, clean=False) or "")
    ]


def one_runtime(root: Path) -> list[str]:
    """Inputs are cut, deadlines kept, effects carried out and runs continued by the runtime alone."""
    return [
        f"{file.relative_to(root)}:{node.lineno} uses {name} itself"
        for file in sorted((root / "workflows").rglob("*.py"))
        if "runtime" not in file.relative_to(root).parts
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Call)
        for name in SHARED
        if ast.unparse(node.func).endswith(name.rpartition(".")[2])
    ]


RULES: list[Rule] = [story_length, story_diagram, one_runtime]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_workflows_keep_the_rule(rule: Rule) -> None:
    assert rule(ROOT) == []


def test_there_are_stories() -> None:
    names = {file.stem for file, _ in stories(ROOT)}
    assert {"order", "purchase_order", "returns", "exception_case", "planning_feed"} <= names


DEFINED = '@workflow.defn(name="A")\nclass A:\n    """One."""\n'
DIAGRAM = '"""A.\n\n    began --> ended\n"""\n'

BAD_TREES: list[tuple[Rule, str, str]] = [
    (story_length, DIAGRAM + DEFINED + "\n" * MAX_STORY_LINES, "workflows/orders/a.py has 207 lines"),
    (story_diagram, '"""A --> B, in words."""\n' + DEFINED, "workflows/orders/a.py has no diagram"),
    (one_runtime, "def f(self):\n    workflow.continue_as_new(1)\n", "workflows/orders/a.py:2 uses continue_as_new"),
    (one_runtime, "X = DeadlineTimer(f)\n", "workflows/orders/a.py:1 uses DeadlineTimer"),
    (one_runtime, "def f(self):\n    self._inputs.bundle()\n", "workflows/orders/a.py:2 uses Inputs.bundle"),
]


@pytest.mark.parametrize(("rule", "text", "said"), BAD_TREES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_catches(tmp_path: Path, rule: Rule, text: str, said: str) -> None:
    (tmp_path / "workflows" / "orders").mkdir(parents=True)
    (tmp_path / "workflows" / "orders" / "a.py").write_text(text)
    [violation] = rule(tmp_path)
    assert violation.startswith(said)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_code_pass(tmp_path: Path, rule: Rule) -> None:
    (tmp_path / "workflows" / "runtime").mkdir(parents=True)
    (tmp_path / "workflows" / "a.py").write_text(DIAGRAM + DEFINED)
    (tmp_path / "workflows" / "helper.py").write_text("def f() -> None: ...\n" * MAX_STORY_LINES)
    (tmp_path / "workflows" / "runtime" / "b.py").write_text("X = DeadlineTimer(f)\n")
    assert rule(tmp_path) == []
