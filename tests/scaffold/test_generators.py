"""What the generators write passes at once: style, types, its own tests and those of the tree's shape."""

import os
from pathlib import Path

import pytest

from connectors.registry import ADAPTERS
from scaffold.__main__ import generate
from scaffold.names import LONGEST, Name, NotGenerated
from tests.scaffold.copies import BIN, copied, python, run

SYSTEMS = {"north": "wms", "south": "tms", "west_one": "erp"}
SHAPE = (
    *("tests/test_structure.py", "tests/test_subjects.py", "tests/test_docs.py"),
    *("tests/connectors/test_published.py", "tests/schemas/test_export.py"),
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which nothing is generated."""
    return copied(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with a connector for each kind of system, a step, and a workflow."""
    tree = copied(tmp_path_factory.mktemp("generated"))
    for name, system in SYSTEMS.items():
        generate(tree, "connector", name, system=system)
    generate(tree, "step", "count_items", system="wms")
    generate(tree, "workflow", "stock_watch", subject="finance")
    return tree


def test_style_and_types(generated: Path) -> None:
    python(generated, "ruff", "check", ".")
    python(generated, "ruff", "format", "--check", ".")
    python(generated, "mypy", ".")


def test_its_tests_and_those_of_the_shape(generated: Path) -> None:
    own = [f"tests/connectors/test_{name}.py" for name in SYSTEMS]
    own += ["tests/activities/test_count_items.py", "tests/workflows/finance/test_stock_watch.py"]
    python(generated, "pytest", *own, *SHAPE, "-k", "not example_runs and not the_rule_catches")


def test_its_histories_are_among_those_that_replay(generated: Path) -> None:
    said = python(generated, "pytest", "tests/replay", "-v", "-k", "stock_watch or every_scenario")
    assert "test_a_recorded_history_replays[stock_watch.silent]" in said


def test_a_connector_has_the_files_of_every_connector(generated: Path) -> None:
    for name in SYSTEMS:
        files = {file.stem for file in (generated / "connectors" / name).glob("*.py")}
        assert files == {"__init__", "adapter", "settings", "client", "mapping", "codes", "errors"}


def test_a_connector_is_in_the_catalogue_and_does_not_conform_yet(generated: Path) -> None:
    known = "from connectors.registry import ADAPTERS; print({it.name: it.conformant for it in ADAPTERS.values()})"
    said = run(generated, str(BIN / "python"), "-c", known)
    before = {it.name: it.conformant for it in ADAPTERS.values()}
    assert all(before.values())
    assert said.strip() == str({**before, **dict.fromkeys(SYSTEMS, False)})
    chosen = "has_a or count_items"
    python(generated, "pytest", "tests/connectors/conformance/test_conformance.py", "-k", chosen)


@pytest.mark.parametrize("broken", ["activities/systems/count_items.py", "connectors/north/errors.py"])
def test_a_generated_test_can_fail(generated: Path, broken: str) -> None:
    """A canary: what was generated forgets its failures."""
    file, test = generated / broken, "count_items" if "count_items" in broken else "north"
    text = file.read_text()
    file.write_text(text.replace("except ConnectorError", "except ZeroDivisionError").replace("in REFUSED:", "in ():"))
    where = "activities" if test == "count_items" else "connectors"
    try:
        assert "failed" in python(generated, "pytest", f"tests/{where}/test_{test}.py", code=1)
    finally:
        file.write_text(text)


@pytest.mark.parametrize(
    ("kind", "name", "options", "why"),
    [
        ("connector", "North-1", {}, "'North-1' is no name"),
        ("step", "1st", {}, "'1st' is no name"),
        ("step", "a__b", {}, "'a__b' is no name"),
        ("workflow", "a" * (LONGEST + 1), {}, "is no name: give up to 24"),
        ("workflow", "../etc", {}, "is no name"),
        ("workflow", "recount", {}, "'recount' may be the name of an ERP"),
        ("step", "import", {}, "'import' is a word of Python"),
        ("step", "match", {}, "'match' is a word of Python"),
        ("connector", "standard", {}, "connectors/standard/__init__.py exists already"),
        ("workflow", "governor", {"subject": "planning"}, "exists already"),
        ("workflow", "order", {}, "OrderOutcome exists already, in schemas/workflows/lifecycle.py"),
        ("step", "instruct_warehouse", {}, "wms.instruct_warehouse exists already, in activities/systems/wms.py"),
        ("connector", "north", {"system": "crm"}, "'crm' is no kind of system: give one of erp, wms, tms"),
        ("workflow", "count", {"subject": "runtime"}, "'runtime' is no subject of workflows: give one of orders"),
    ],
)
def test_what_does_not_fit_is_refused(plain: Path, kind: str, name: str, options: dict[str, str], why: str) -> None:
    before = _files(plain)
    with pytest.raises(NotGenerated, match=why):
        generate(plain, kind, name, **options)
    assert _files(plain) == before, "all or nothing"


def test_a_registry_without_its_place_is_named(plain: Path) -> None:
    gate = plain / "tests/replay/gate.py"
    text = gate.read_text()
    gate.write_text(text.replace("`make workflow` writes above", ""))
    before = _files(plain)
    with pytest.raises(NotGenerated, match=r"tests/replay/gate.py has no place for it any more"):
        generate(plain, "workflow", "cycle_count")
    assert _files(plain) == before
    gate.write_text(text)


def test_somebody_at_a_terminal_reads_the_reason(plain: Path) -> None:
    said = python(plain, "scaffold", "connector", "standard", code=2)
    assert said.endswith("error: connectors/standard/__init__.py exists already: give another name\n")


def test_make_passes_on_what_is_given(plain: Path) -> None:
    said = run(plain, "make", "--dry-run", "connector", "step", "workflow", "NAME=n", "SYSTEM=tms", "SUBJECT=finance")
    assert [line.partition(" -m ")[2] for line in said.splitlines()] == [
        "scaffold connector n --system tms",
        "scaffold step n --system tms",
        "scaffold workflow n --subject finance",
    ]


def test_spellings() -> None:
    name = Name("cycle_count")
    assert (name.title, name.words, name.path) == ("CycleCount", "cycle count", "cycle-count")


def _files(tree: Path) -> dict[str, int]:
    """Every source and document, and when it was written."""
    kept = [".py", ".md", ".json", ".txt"]
    return {
        entry.path: entry.stat().st_mtime_ns
        for folder, _, _ in os.walk(tree)
        if ".mypy_cache" not in folder
        for entry in os.scandir(folder)
        if entry.is_file() and Path(entry.name).suffix in kept
    }
