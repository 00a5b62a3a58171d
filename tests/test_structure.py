"""The shape of the code, kept by rules: who imports whom, how long things get, what source never contains.

Each rule takes a tree and returns its violations, so that a canary can show it a bad tree.
"""

import ast
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50

PURE = {"schemas", "domain", "formats"}
MAY_IMPORT: dict[str, set[str]] = {
    "schemas": set(),
    "domain": {"schemas"},
    "formats": set(),
    "workflows": PURE,
    "connectors": {"schemas"},
    "store": {"schemas"},
    "activities": PURE | {"connectors", "store"},
    "dispatch": PURE | {"store", "workflows"},
    "telemetry": {"schemas", "store"},
    "gateway": PURE | {"store", "dispatch", "telemetry"},
    "stack": {"schemas"},
    # The import of history dates releases so that the schedule can be promised.
    "simulators": {"schemas", "domain.inventory.promise", "telemetry.logging"},
    "demo": PURE
    | {
        "store",
        "simulators",
        "stack",
        "dispatch.temporal.schedules",
        "dispatch.temporal.connecting",
        "dispatch.partners.applying",
        "gateway.views.orders",
        "gateway.views.purchases",
    },
    "scaffold": set(),
    "worker": PURE | {"workflows", "activities", "connectors", "store", "dispatch", "telemetry"},
    "cli": PURE
    | {"store", "dispatch", "gateway", "stack"}
    | {"connectors.adapters", "connectors.checking", "connectors.connections", "connectors.registry"},
    "cli.main": PURE
    | {"workflows", "activities", "connectors", "store", "dispatch", "gateway", "simulators", "stack", "worker", "demo"}
    | {"cli"},
}
"""Each room of the source, and the other rooms that it may import. `worker`, `demo` and `cli.main` compose the rest."""

TEXT_SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".lock", ".sh", ".html", ".js", ".css", ".mako"}
TEXT_NAMES = {"Makefile", "Dockerfile", "run"}
MACHINE_PATH = re.compile(r"(?<![\w.:-])/(?:work|root|home|Users)/\w")

Rule = Callable[[Path], list[str]]


def sources(root: Path) -> Iterator[Path]:
    """Every file of the product's own source. Migrations are history: they are not rewritten."""
    for room in MAY_IMPORT:
        if (root / f"{room}.py").is_file():
            yield root / f"{room}.py"
        yield from (f for f in sorted((root / room).rglob("*.py")) if "migrations" not in f.relative_to(root).parts)


def texts(root: Path) -> Iterator[Path]:
    """Every text file of the project, but for hidden folders such as the virtual environment."""
    for folder, within, names in os.walk(root):
        within[:] = sorted(name for name in within if name == ".ci" or not name.startswith("."))
        for file in (Path(folder, name) for name in sorted(names) if not name.startswith(".")):
            if file.suffix in TEXT_SUFFIXES or file.name in TEXT_NAMES:
                yield file


@cache
def parsed(file: Path) -> ast.Module:
    """A source file as the rules look at it, parsed once for all of them."""
    return ast.parse(file.read_text())


def imports(tree: ast.AST) -> Iterator[tuple[str, list[str], int]]:
    """(module, names taken from it, line) of each absolute import, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, [], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or "", [alias.name for alias in node.names], node.lineno


def room_of(path: Path) -> str:
    """The room of a file. The entry of the command line composes, as the other commands must not."""
    return "cli.main" if path == Path("cli/main.py") else path.parts[0].removesuffix(".py")


def import_direction(root: Path) -> list[str]:
    """Imports go one way. From connectors, activities see the ports; from workflows, dispatch sees constants."""
    found = []
    for file in sources(root):
        room = room_of(file.relative_to(root))
        for module, names, line in imports(parsed(file)):
            target = module.split(".")[0]
            if target not in MAY_IMPORT or target == room or module in MAY_IMPORT[room]:
                continue
            allowed = target in MAY_IMPORT[room]
            if (room, target) == ("activities", "connectors"):
                allowed = f"{module}.".startswith(("connectors.ports.", "connectors.notify.ports."))
            if (room, target) == ("dispatch", "workflows"):
                allowed = bool(names) and all(name.isupper() for name in names)
            if not allowed:
                found.append(f"{file.relative_to(root)}:{line} {room} must not import {module} {', '.join(names)}")
    return found


def file_length(root: Path) -> list[str]:
    """A file that does not fit the limit has more than one subject."""
    lengths = {file.relative_to(root): len(file.read_text().splitlines()) for file in sources(root)}
    return [f"{file} has {lines} lines" for file, lines in lengths.items() if lines > MAX_FILE_LINES]


def function_length(root: Path) -> list[str]:
    """A function is read in one look."""
    return [
        f"{file.relative_to(root)}:{node.lineno} {node.name} is over {MAX_FUNCTION_LINES} lines"
        for file in sources(root)
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]


def no_print(root: Path) -> list[str]:
    """Libraries log; only the command line prints."""
    return [
        f"{file.relative_to(root)}:{node.lineno} prints"
        for file in sources(root)
        if file.name != "cli/main.py"
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def module_docstrings(root: Path) -> list[str]:
    """Each module says what it is for."""
    return [
        f"{file.relative_to(root)} has no docstring" for file in sources(root) if not ast.get_docstring(parsed(file))
    ]


def no_machine_paths(root: Path) -> list[str]:
    """Nothing depends on, or tells of, the machine that it was written on."""
    return [
        f"{file.relative_to(root)}:{number} names a path of one machine"
        for file in texts(root)
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]


OURS = frozenset({"ports", "http", "notify", "standard", "channels"})
"""Folders of `connectors/` that are no vendor's."""
NAMING = "domain/partners/adapters.py"
"""What a registry of partners may name."""
WITHOUT_VENDORS = ("domain", "workflows", "activities", "dispatch", "store", "schemas")


def no_vendors(root: Path) -> list[str]:
    """A vendor is named in its own folder and in the registry: rooms that decide and carry out know ports only."""
    vendors = {folder.name for folder in (root / "connectors").glob("*/") if (folder / "adapter.py").is_file()} - OURS
    if not vendors:
        return []
    word = re.compile(rf"(?<![a-z0-9])({'|'.join(sorted(vendors))})(?![a-z0-9])", re.IGNORECASE)
    return [
        f"{file.relative_to(root)}:{getattr(node, 'lineno', 0)} names the vendor {match[1]}"
        for file in sources(root)
        if file.relative_to(root).parts[0] in WITHOUT_VENDORS and str(file.relative_to(root)) != NAMING
        for node in ast.walk(parsed(file))
        for said in _said(node)
        if (match := word.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", said)))
    ]


def _said(node: ast.AST) -> Iterator[str]:
    """Names and texts of code; docstrings are prose, and may give an example."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
        yield node.value if " " not in node.value else ""
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name


RULES: list[Rule] = [
    import_direction,
    no_vendors,
    file_length,
    function_length,
    no_print,
    module_docstrings,
    no_machine_paths,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    assert rule(ROOT) == []


def test_every_room_is_known() -> None:
    """A new package gets its place in the import direction on the day it appears."""
    packages = {f.parent.name for f in ROOT.glob("*/*.py") if not f.parent.name.startswith(".")} - {"tests", "docs"}
    assert packages | {f.stem for f in ROOT.glob("*.py")} <= set(MAY_IMPORT)


def test_no_property_is_judged_by_the_clock() -> None:
    assert hypothesis.settings().deadline is None
    assert hypothesis.HealthCheck.too_slow in hypothesis.settings().suppress_health_check


LONG_FUNCTION = "def f() -> None:\n" + "    pass\n" * MAX_FUNCTION_LINES
BAD_TREES: list[tuple[Rule, str, str]] = [
    (import_direction, "schemas/a.py", "import domain.milestones.delay"),
    (import_direction, "domain/a.py", "def f():\n    from store.engine import Database"),
    (import_direction, "workflows/a.py", "from activities.systems.erp import ErpActivities"),
    (import_direction, "activities/a.py", "from connectors.http.client import SystemClient"),
    (import_direction, "connectors/erp/a.py", "from store import inbox"),
    (import_direction, "store/a.py", "from domain.milestones.delay import band"),
    (import_direction, "gateway/a.py", "from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT"),
    (import_direction, "dispatch/a.py", "from workflows.orders.order import OrderWorkflow"),
    (import_direction, "dispatch/b.py", "import workflows.orders.order"),
    (import_direction, "activities/b.py", "from dispatch.relay import Relay"),
    (import_direction, "simulators/a.py", "from domain.orders.lifecycle import apply"),
    (import_direction, "stack/a.py", "import store.migrate"),
    (import_direction, "worker.py", "from simulators.app import build_server"),
    (no_vendors, "activities/a.py", "from connectors.northwind.client import NorthwindClient"),
    (no_vendors, "workflows/a.py", "def f(adapter):\n    return adapter == 'northwind'"),
    (no_vendors, "domain/a.py", "class NorthwindRules: ..."),
    (no_vendors, "dispatch/a.py", "limits = {'northwind/orders': 1}"),
    (file_length, "domain/a.py", "\n" * (MAX_FILE_LINES + 1)),
    (function_length, "domain/a.py", LONG_FUNCTION),
    (function_length, "cli/main.py", "class A:\n    async " + LONG_FUNCTION.replace("\n", "\n    ")),
    (no_print, "domain/a.py", "def f():\n    print(1)"),
    (module_docstrings, "domain/a.py", "# a comment is no docstring"),
    (no_machine_paths, "docs/a.md", "see /" + "home/somebody/syncline"),
    (no_machine_paths, "Makefile", "PYTHON = /" + "root/bin/python"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BAD_TREES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_catches(tmp_path: Path, rule: Rule, path: str, text: str) -> None:
    vendor = tmp_path / "connectors" / "northwind" / "adapter.py"
    vendor.parent.mkdir(parents=True)
    vendor.write_text('"""A vendor."""\n')
    bad = tmp_path / path
    bad.parent.mkdir(parents=True, exist_ok=True)
    bad.write_text(text)
    (violation,) = rule(tmp_path)
    assert violation.startswith(path)


GOOD = '''"""A module."""
import json
from connectors.ports import Erp
from store.engine import Database

def f() -> str:
    """See https://example.org/home/page and docs/home/a.md."""
    return json.dumps("print")
'''


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_code_pass(tmp_path: Path, rule: Rule) -> None:
    (tmp_path / "activities").mkdir()
    (tmp_path / "activities" / "erp.py").write_text(GOOD)
    (tmp_path / "dispatch").mkdir()
    (tmp_path / "dispatch" / "relay.py").write_text(
        '"""The relay."""\nfrom workflows.runtime.timeouts_and_retries import TASK_TIMEOUT\n'
    )
    assert rule(tmp_path) == []
