"""Rows that go to the database in one statement, as one array for each column: one list says which columns there are."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Generic, TypeVar

from psycopg.types.json import Jsonb

Row = TypeVar("Row")


class RowBatch(Generic[Row]):
    """The columns of rows for a bulk statement, in order. Each name has its PostgreSQL type, and its value where that
    is not the attribute of the name.

    The values of `jsonb` are documents. `names` and `rows` are SQL; `rows` is a list of rows `x` of the arrays that
    `arrays` makes of rows. `counted` has their number `n` too, from 1.
    """

    def __init__(self, **columns: str | tuple[str, Callable[[Row], Any]]) -> None:
        self._types = {name: said if isinstance(said, str) else said[0] for name, said in columns.items()}
        self._values: dict[str, Callable[[Row], Any]] = {
            name: attrgetter(name) if isinstance(said, str) else said[1] for name, said in columns.items()
        }
        self.names = ", ".join(columns)
        arrays = ", ".join(f"%({name})s::{kind}[]" for name, kind in self._types.items())
        self.rows = f"unnest({arrays}) AS x({self.names})"
        self.counted = f"unnest({arrays}) WITH ORDINALITY AS x({self.names}, n)"

    def updates(self, *but: str) -> str:
        """SQL for `ON CONFLICT … SET`: every column, `but` these, becomes what was to be inserted."""
        return ", ".join(f"{name} = excluded.{name}" for name in self._types if name not in but)

    def arrays(self, rows: Iterable[Row]) -> dict[str, list[Any]]:
        """The parameters of `rows`: a list of values by column."""
        kept = list(rows)
        found = {name: [value(row) for row in kept] for name, value in self._values.items()}
        documents = [name for name, kind in self._types.items() if kind == "jsonb"]
        return found | {name: [None if it is None else Jsonb(it) for it in found[name]] for name in documents}
