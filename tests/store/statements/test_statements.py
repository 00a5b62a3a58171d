"""Statements stand one clause a line, and name what the tables have: the classes are the one list of columns."""

import ast
import importlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import UndefinedColumn

from store.engine import Connection, Database
from store.tables import METADATA
from tests.test_structure import ROOT, Rule

MAX_CROWDED = 110
"""Characters of a line that may hold a small statement whole."""
CLAUSE = re.compile(
    r"\b(WITH|SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|JOIN|WHERE|GROUP BY|HAVING|ORDER BY|RETURNING"
    r"|ON CONFLICT|SET|VALUES|UNION)\b(?! ORDINALITY)"
)
STATEMENT = re.compile(r"\s*(\(|WITH|SELECT|INSERT|UPDATE|DELETE)\b")
PLACE = re.compile(r"%%|%\((\w+)\)s|%s")
RUNS = {"execute": 0, "rows": 2, "_figures": 1, "_names": 1, "drifts": 2}
"""Who runs a statement, and which of their arguments it is."""
ONLY_RUN = 30
"""Statements, roughly, that are made of what a call says: they are read when they run, in other tests."""


def files(root: Path) -> list[Path]:
    """Where statements stand. A migration is written once."""
    return [file for file in sorted((root / "store").rglob("*.py")) if not {"migrations", "tables"} & set(file.parts)]


def strings(tree: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Every string but docstrings and what stands in another string."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            if not isinstance(tree, ast.Expr):
                yield node
        else:
            yield from strings(node)


def in_pieces(root: Path) -> list[str]:
    """SQL can be read and pasted: what takes several lines is one string with three quotes."""
    return [
        f"{file.relative_to(root)}:{node.lineno} is put together of pieces"
        for file in files(root)
        for node in strings(ast.parse(file.read_text()))
        if node.lineno != node.end_lineno
        and not (ast.get_source_segment(file.read_text(), node) or "").lstrip("f").startswith('"""')
    ]


def crowded(root: Path) -> list[str]:
    """A clause begins its line, unless all of the statement fits a short one."""
    found = []
    for file in files(root):
        lines = file.read_text().splitlines()
        for node in strings(ast.parse(file.read_text())):
            for number in range(node.lineno, (node.end_lineno or 0) + 1):
                line = lines[number - 1]
                if len(line) > MAX_CROWDED and len(CLAUSE.findall(line)) > 1:
                    found.append(f"{file.relative_to(root)}:{number} holds more than one clause")
    return found


RULES: list[Rule] = [in_pieces, crowded]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_statements_keep_the_rule(rule: Rule) -> None:
    assert rule(ROOT) == []


BAD: dict[Rule, str] = {
    in_pieces: 'f("SELECT item "\n  "FROM stock_item")',
    crowded: f'f("""\nSELECT {"item, " * 15}item FROM stock_item\n""")',
}
GOOD = 'f("SELECT item FROM stock_item")\nf("""\n    SELECT item\n    FROM stock_item\n""")\n'


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_catches(tmp_path: Path, rule: Rule) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.py").write_text(GOOD)
    assert rule(tmp_path) == []
    (tmp_path / "store" / "a.py").write_text(GOOD + BAD[rule])
    assert [it.split(" ")[0].partition(":")[0] for it in rule(tmp_path)] == ["store/a.py"]


def statements() -> Iterator[tuple[str, str | None]]:
    """(place, SQL) of each call that runs a statement; None where the SQL is made of what the call says."""
    for file in files(ROOT):
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for node in ast.walk(ast.parse(file.read_text())):
            name = node.func if isinstance(node, ast.Call) else None
            called = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
            if not isinstance(node, ast.Call) or called not in RUNS or len(node.args) <= RUNS[called]:
                continue
            asked = compile(ast.Expression(node.args[RUNS[called]]), str(file), "eval")
            try:
                said = eval(asked, dict(vars(module)))
            except NameError:
                said = None
            yield f"{file.relative_to(ROOT)}:{node.lineno}", said.decode() if isinstance(said, bytes) else said


def constants() -> Iterator[tuple[str, str]]:
    """(place, SQL) of each constant of a module that is a statement, or a part of one."""
    for file in files(ROOT):
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for name, value in vars(module).items():
            if isinstance(value, str) and STATEMENT.match(value):
                yield f"{file.relative_to(ROOT)} {name}", value


def prepared(sql: str) -> str:
    """The statement with places of PostgreSQL's own, as a prepared one."""
    numbers: dict[str, int] = {}
    unnamed = itertools.count()

    def place(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        return f"${numbers.setdefault(match[1] or str(next(unnamed)), len(numbers) + 1)}"

    return f"PREPARE read AS {PLACE.sub(place, sql)}"


async def unreadable(connection: Connection) -> list[str]:
    """Statements that name what the tables do not have, or compare what cannot be compared."""
    found = []
    for place, sql in [*statements(), *constants()]:
        if sql is None or not STATEMENT.match(sql):
            continue
        try:
            await connection.execute(prepared(sql).encode())
            await connection.execute("DEALLOCATE read")
        except psycopg.Error as error:
            if ":" in place or isinstance(error, UndefinedColumn):  # a part of a statement lacks the rest of it
                found.append(f"{place} {error}")
    return found


async def test_every_statement_is_read_by_the_tables(database: Database) -> None:
    async with database.connection() as connection:
        assert await unreadable(connection) == []
        await connection.execute("ALTER TABLE order_line_view RENAME COLUMN delivered_on TO come_on")
        assert any("delivered_on" in it for it in await unreadable(connection)), "a column that is gone is found"


def test_few_statements_are_only_read_when_they_run() -> None:
    assert sum(sql is None for _, sql in statements()) <= ONLY_RUN


def test_every_column_of_a_table_is_named_by_a_statement() -> None:
    nodes = [node for file in files(ROOT) for node in ast.walk(ast.parse(file.read_text()))]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    named = {node.arg for node in nodes if isinstance(node, ast.keyword)}
    said = named | {word for text in texts for word in re.findall(r"\w+", text)}
    columns = {f"{table.name}.{column.name}" for table in METADATA.tables.values() for column in table.columns}
    assert {it for it in columns if it.split(".")[1] not in said} == set()
