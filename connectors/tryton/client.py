"""Tryton's REST API for user applications: rows are searched, created, written, and pushed on by their buttons.

Errors are those of `VendorClient.send`; a row that is none raises Unavailable, as an answer that helps nobody.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx

from connectors.connections import ConnectionSettings
from connectors.http.vendor import API_ORIGIN, MAX_PAGE_BYTES, VendorClient
from connectors.ports import Call, Unavailable
from connectors.tryton.errors import explain
from connectors.tryton.settings import TrytonSettings

PAGE_ROWS = 200
"""Rows asked for at once: Tryton reads them field by field, some milliseconds each."""
Row = dict[str, Any]
Read = TypeVar("Read")


def coded(value: Any) -> str:
    """A value as Tryton takes it in queries and headers."""
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


class TrytonClient(VendorClient):
    """Calls one database; the connection's address ends with its name."""

    def __init__(self, connection: ConnectionSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(connection, transport, explain)
        self._company = TrytonSettings.model_validate(dict(connection.settings)).company

    async def find(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        call: Call,
        *,
        order: str = "id",
        limit: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        """The rows of a domain, all of them unless limited. Pages go by the id, so that none is lost or read twice
        while rows come."""
        found: list[Row] = []
        while True:
            since = [["id", ">", found[-1]["id"]]] if found else []
            asked = [("d", coded([*domain, *since])), ("o", coded([[order, "ASC"]])), *_fields(fields)]
            size = limit or PAGE_ROWS
            said = [*asked, ("s", size)]
            answer = await self.send(
                "GET", _path(model), call, headers=self._context(context), params=said, max_bytes=MAX_PAGE_BYTES
            )
            page = answer.json()
            if not isinstance(page, list):
                raise self.no_answer()
            found += [self._row(it) for it in page]
            if limit or len(page) < size:
                return found

    async def create(self, model: str, values: Mapping[str, Any], fields: Sequence[str], call: Call) -> Row:
        """Create a row. Tryton fills in nothing but defaults."""
        return await self._change("POST", _path(model), values, fields, call)

    async def write(self, model: str, id: int, values: Mapping[str, Any], fields: Sequence[str], call: Call) -> Row:
        """Write fields of a row."""
        return await self._change("PUT", f"{_path(model)}/{id}", values, fields, call)

    async def push(self, model: str, id: int, button: str, fields: Sequence[str], call: Call) -> Row:
        """Push a button. A success says nothing: whether the state has changed, the row tells."""
        return await self._change("POST", f"{_path(model)}/{id}/{button}", {}, fields, call)

    def read(self, reader: Callable[[Row], Read], row: Row) -> Read:
        """A row by a reader of `mapping`. Raises Unavailable for a row that is not of the model."""
        try:
            return reader(row)
        except (KeyError, TypeError, ValueError):
            raise self.no_answer() from None

    def no_answer(self) -> Unavailable:
        """For a success that is none. What was asked may have been done."""
        return Unavailable(API_ORIGIN[self.system], f"{self.system}: the answer is not of Tryton's model")

    async def _change(
        self, method: str, path: str, values: Mapping[str, Any], fields: Sequence[str], call: Call
    ) -> Row:
        headers = self._context(None)
        answer = await self.send(method, path, call, headers=headers, params=_fields(fields), json=values)
        return self._row(answer.json())

    def _row(self, said: object) -> Row:
        if not isinstance(said, dict) or type(said.get("id")) is not int:
            raise self.no_answer()
        return said

    def _context(self, more: Mapping[str, Any] | None) -> dict[str, str]:
        return {"X-Tryton-Context": coded({"company": self._company, **(more or {})})}


def _path(model: str) -> str:
    return f"/rest/model/{model}"


def _fields(fields: Sequence[str]) -> list[tuple[str, Any]]:
    return [("f", it) for it in fields]
