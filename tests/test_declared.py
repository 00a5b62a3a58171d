"""Queues, search attributes, environment variables, timeouts and retries stand in one file each.

As in `tests.test_structure`, each rule takes a tree and returns its violations, and a canary shows it a bad tree.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.common import SearchAttributeKey

from schemas.search_attributes import SEARCH_ATTRIBUTES
from tests.test_structure import ROOT, Rule, parsed, sources
from workflows.runtime import search_attributes

QUEUES = "schemas/queues.py"
KEYS = "workflows/runtime/search_attributes.py"
SETTINGS = "schemas/settings.py"
POLICIES = "workflows/runtime/timeouts_and_retries.py"
VARIABLE = re.compile(r"SYNCLINE_[A-Z0-9_]*")
LIMIT = re.compile(r"(^|_)(TIMEOUT|SILENCE|GRACE|RETRY)(_|$)")
"""Names of what a call or a pause may take at most."""
TEMPORAL = ("workflows", "dispatch")
"""Rooms that speak to Temporal. Limits of HTTP calls are settings, or seconds beside their client."""


def outside(root: Path, home: str) -> Iterator[tuple[str, ast.AST]]:
    """(file, node) of all source but one file."""
    for file in sources(root):
        name = str(file.relative_to(root))
        if name != home:
            yield from ((name, node) for node in ast.walk(parsed(file)))


def text(node: ast.AST | None) -> str | None:
    """A literal text; None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def name_of(node: ast.AST) -> str:
    """`timedelta` of `timedelta(...)` and of `datetime.timedelta(...)`."""
    func = node.func if isinstance(node, ast.Call) else None
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def length(node: ast.AST) -> bool:
    """A duration in figures, as no computed one is."""
    said = [*node.args, *(it.value for it in node.keywords)] if isinstance(node, ast.Call) else []
    return name_of(node) == "timedelta" and bool(said) and all(isinstance(it, ast.Constant) for it in said)


def assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of an assignment, also of several names at once."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=False)
            yield from ((it.id, value) for it, value in pairs if isinstance(it, ast.Name))
        elif isinstance(target, ast.Name):
            yield target.id, node.value


def queues(root: Path) -> list[str]:
    """A queue is named once: who polls it and who sends to it read the same name."""
    found = []
    for file, node in outside(root, QUEUES):
        named = [name for name, value in assigned(node) if name.endswith("QUEUE") and text(value)]
        if isinstance(node, ast.keyword) and node.arg == "task_queue" and text(node.value):
            named.append(node.arg)
        found += [f"{file} names a queue: {name}" for name in named]
    return found


def attributes(root: Path) -> list[str]:
    """A search attribute has one key: a second one may have another type, which Temporal refuses when it runs."""
    return [
        f"{file}:{node.lineno} makes a search attribute"
        for file, node in outside(root, KEYS)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("for_")
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "SearchAttributeKey"
    ]


def variables(root: Path) -> list[str]:
    """An environment variable is named by its setting; words to people may name it too."""
    return [
        f"{file} names {said}"
        for file, node in outside(root, SETTINGS)
        if (said := text(node)) and VARIABLE.fullmatch(said)
    ]


def limits(root: Path) -> list[str]:
    """How long Temporal's calls may take, and how they are repeated, is read in one file."""
    found = []
    for file, node in outside(root, POLICIES):
        if name_of(node) in ("RetryPolicy", "StepPolicy"):
            found.append(f"{file} makes a {name_of(node)}")
        if file.split("/")[0] == "workflows" and length(node):
            found.append(f"{file} states a duration")
        elif file.split("/")[0] in TEMPORAL or "/" not in file:
            found += [f"{file} limits {name}" for name, value in assigned(node) if LIMIT.search(name) and length(value)]
            if isinstance(node, ast.keyword) and "timeout" in (node.arg or "") and length(node.value):
                found.append(f"{file} limits {node.arg}")
    return found


RULES: list[Rule] = [queues, attributes, variables, limits]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    assert rule(ROOT) == []


def test_each_search_attribute_has_a_key_of_its_type() -> None:
    keys = [key for key in vars(search_attributes).values() if isinstance(key, SearchAttributeKey)]
    found = {key.name: key.indexed_value_type.name.title().replace("_", "") for key in keys}
    assert found == SEARCH_ATTRIBUTES
    assert len(keys) == len(found)


BAD_TREES: list[tuple[Rule, str, str]] = [
    (queues, "workflows/a.py", 'MY_QUEUE = "orders"'),
    (queues, "dispatch/a.py", 'f(task_queue="orders")'),
    (queues, "worker.py", 'ONE, MY_QUEUE = 1, "erp"'),
    (attributes, "workflows/orders/a.py", 'SITE = SearchAttributeKey.for_keyword("Site")'),
    (attributes, "dispatch/a.py", "def f(name):\n    return SearchAttributeKey.for_int(name)"),
    (variables, "worker.py", 'port = os.environ["SYNCLINE_PORT"]'),
    (variables, "gateway/a.py", 'NAME = "SYNCLINE_MASTER_SECRET"'),
    (limits, "workflows/a.py", "RETRY = RetryPolicy(maximum_attempts=1)"),
    (limits, "activities/a.py", "x = temporalio.common.RetryPolicy()"),
    (limits, "workflows/a.py", "def f():\n    sleep(timedelta(seconds=3))"),
    (limits, "dispatch/a.py", "CALL_TIMEOUT = timedelta(seconds=3)"),
    (limits, "dispatch/a.py", "f(rpc_timeout=datetime.timedelta(minutes=1))"),
    (limits, "worker.py", "GRACE, X = timedelta(seconds=5), 1"),
]


@pytest.mark.parametrize(("rule", "path", "said"), BAD_TREES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_catches(tmp_path: Path, rule: Rule, path: str, said: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(said)
    violations = rule(tmp_path)
    assert violations
    assert violations[0].startswith(path)


GOOD = '''"""Set SYNCLINE_PORT."""
within = timedelta(seconds=timeout_s)
f(task_queue=ORDERS_QUEUE, rpc_timeout=within, start_to_close_timeout=QUEUED_CALL.attempt)
raise Unusable("set SYNCLINE_AUDIT_KEY to a secret")
'''


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_code_pass(tmp_path: Path, rule: Rule) -> None:
    (tmp_path / "dispatch").mkdir()
    (tmp_path / "dispatch" / "a.py").write_text(GOOD)
    assert rule(tmp_path) == []
