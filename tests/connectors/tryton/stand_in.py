"""A small Tryton 8.2: rows of a few models, its queries and buttons, and its errors as the real one words them.

It has what `tests/interop` has seen of the real one: 400 with words alone, no keys, references that are not unique,
and success where stock is short.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.connections import ConnectionSettings
from schemas.authentication import BearerToken
from schemas.base import System
from tests.connectors.conformance.bench import SECRET
from tests.connectors.conformance.samples import Sample

Row = dict[str, Any]
BUTTONS = {
    "wait": {"draft": "waiting", "assigned": "waiting", "waiting": "waiting"},
    "draft": {"waiting": "draft", "cancelled": "draft"},
    "assign_try": {"waiting": "assigned"},
    "pick": {"assigned": "picked"},
    "pack": {"picked": "packed"},
    "ship": {"packed": "shipped"},
    "do": {"packed": "done", "shipped": "done"},
    "cancel": dict.fromkeys(("draft", "waiting", "assigned", "picked", "packed", "shipped"), "cancelled"),
}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda have, asked: have == asked,
    "!=": lambda have, asked: have != asked,
    "in": lambda have, asked: have in asked,
    ">": lambda have, asked: have is not None and have > asked,
    ">=": lambda have, asked: have is not None and have >= asked,
    "like": lambda have, asked: re.fullmatch(_pattern(asked), have or "", re.DOTALL) is not None,
}
LINKS = {
    "customer": "party.party",
    "product": "product.product",
    "party": "party.party",
    "outgoing_moves": "stock.move",
    "shipments": "stock.shipment.out",
}
SHIPMENT, SHIPMENT_RETURN, NOTE, SALE = "stock.shipment.out", "stock.shipment.out.return", "ir.note", "sale.sale"


def _pattern(asked: str) -> str:
    parts = re.findall(r"\\.|%|_|[^\\%_]+", asked, re.DOTALL)
    return "".join({"%": ".*", "_": "."}.get(it, re.escape(it[1:] if it[0] == "\\" else it)) for it in parts)


def _date(day: tuple[int, int, int]) -> Row:
    return {"__class__": "date", **dict(zip(("year", "month", "day"), day, strict=True))}


@dataclass
class TrytonStandIn:
    """See StandIn. `stock`: packs of item A that can be reserved."""

    connection: ConnectionSettings = field(
        default_factory=lambda: ConnectionSettings(
            name="wms/LYS",
            system=System.WMS,
            url="http://tryton.test/erp",
            adapter="tryton",
            authentication=BearerToken(token=SecretStr(SECRET)),
            settings={"company": 1, "warehouses": {"LYS": "WH"}},
        )
    )
    stock: float = 100.0
    rows: dict[str, dict[int, Row]] = field(default_factory=dict)
    known: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.add("stock.location", code="WH", type="warehouse", input_location=1, storage_location=3, output_location=2)
        self.add("company.company", currency=1)
        self.add("party.party", code="C-1", customer_location=7)
        self.add("party.address", party=1, party_name=None, street="Rue 2", delivery=True)
        self.add("product.product", code="A", default_uom=1, type="goods", quantity=self.stock)

    def add(self, model: str, **values: Any) -> int:
        """A row that was there before."""
        rows = self.rows.setdefault(model, {})
        id = len(rows) + 1
        rows[id] = {"id": id, "__name__": model, **values}
        self.known.add((model, id))
        return id

    def prepare(self, sample: Sample) -> None:
        """See StandIn: calls about an order find it, with a shipment that is assigned, and what was told of it."""
        if sample.name == "WmsPort.instruct":
            return
        line = {"line": 1, "item": "A", "quantity": 2}
        move = self.add("stock.move", product=1, quantity=2.0, state="assigned")
        shipment = self.add(
            SHIPMENT,
            **{"reference": "erp-one/SO-1", "state": "assigned", "number": "1", "warehouse": 1, "customer": 1},
            **{"delivery_address": 1, "planned_date": _date((2026, 6, 1)), "outgoing_moves": [move]},
        )
        told = {"order": "erp-one/SO-1", "key": "erp-one/SO-1/instruct", "told": "instructed", "lines": [line]}
        said = json.dumps({**told, "site": "LYS", "address": 1, "day": "2026-06-01"}, separators=(",", ":"))
        self.add(NOTE, resource=f"{SHIPMENT},{shipment}", message=f"Syncline: instructed, revision 0\n{said}")
        self.add(SALE, number="SO-1", reference="web-1", state="processing", shipments=[shipment])

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """See StandIn."""
        assert request.headers["authorization"].lower() == f"bearer {SECRET}"
        assert json.loads(urlsafe_b64decode(request.headers["x-tryton-context"]))["company"] == 1
        _, database, _, _, model, *rest = request.url.path.split("/")
        assert database == "erp"
        rows = self.rows.setdefault(model, {})
        if request.method == "GET":
            return httpx.Response(200, json=self._search(model, request.url.params))
        values, fields = json.loads(request.content), request.url.params.get_list("f")
        if request.method == "PUT":
            row = self._write(rows[int(rest[0])], values)
        elif rest:
            if (pushed := self._push(rows[int(rest[0])], rest[1])) is None:
                said = f'You can not call "{rest[1]}" on "{rest[0]}".'
                return httpx.Response(400, json={"status": 400, "message": said, "description": ""})
            row = pushed
        else:
            row = self._create(model, values)
        return httpx.Response(200, json=self._shown(model, row, fields))

    def records(self) -> list[str]:
        """See StandIn: what was created, with its address and the notes on it; and notes on what was there before."""
        found = []
        for model in (SHIPMENT, SHIPMENT_RETURN):
            for id, row in self.rows.get(model, {}).items():
                if (model, id) not in self.known:
                    address = self.rows["party.address"][row.get("delivery_address") or row["contact_address"]]
                    notes = [
                        it["message"] for it in self.rows.get(NOTE, {}).values() if it["resource"] == f"{model},{id}"
                    ]
                    found.append(json.dumps([row, address, *notes], ensure_ascii=False))
        for id, row in self.rows.get(NOTE, {}).items():
            if (NOTE, id) not in self.known and self._was_there(row["resource"]):
                found.append(row["message"])
        return found

    def changes(self, request: httpx.Request) -> bool:
        """See StandIn. A note on a new record is no record of its own; buttons only move what is there."""
        if request.method != "POST" or "/rest/model/" not in request.url.path:
            return False
        model, values = request.url.path.rpartition("/")[2], json.loads(request.content)
        return model in (SHIPMENT, SHIPMENT_RETURN) or (model == NOTE and self._was_there(values["resource"]))

    def keep_orders(self, numbers: list[str]) -> None:
        """See StandIn: it has no such list."""

    def _was_there(self, resource: str) -> bool:
        model, _, id = resource.partition(",")
        return (model, int(id)) in self.known

    def _create(self, model: str, values: Row) -> Row:
        rows = self.rows.setdefault(model, {})
        id = max(rows, default=0) + 1
        rows[id] = row = {"id": id, "__name__": model}
        if model in (SHIPMENT, SHIPMENT_RETURN):
            row |= {"state": "draft", "number": None, "planned_date": None, "outgoing_moves": []}
        return self._write(row, values)

    def _write(self, row: Row, values: Row) -> Row:
        for name, value in values.items():
            row[name] = self._linked(row.get(name, []), value) if name.endswith("_moves") else value
        return row

    def _linked(self, ids: list[int], actions: list[list[Any]]) -> list[int]:
        moves = self.rows.setdefault("stock.move", {})
        for action, *said in actions:
            if action == "create":
                for values in said[0]:
                    id = max(moves, default=0) + 1
                    moves[id] = {"id": id, "__name__": "stock.move", "state": "draft", **values}
                    ids = [*ids, id]
            elif action == "write":
                for id in said[0]:
                    moves[id] |= said[1]
            else:
                ids = [it for it in ids if it not in said[0]]
        return ids

    def _push(self, row: Row, button: str) -> Row | None:
        reached = BUTTONS[button].get(row["state"])
        if reached is None:
            return None
        packs = sum(self.rows["stock.move"][it]["quantity"] for it in row["outgoing_moves"])
        if button == "assign_try" and packs > self.stock:
            return row
        row["state"] = reached
        if reached == "waiting":
            row["number"] = row["number"] or f"{row['id']}"
        return row

    def _search(self, model: str, params: httpx.QueryParams) -> list[Row]:
        domain = json.loads(urlsafe_b64decode(params["d"]))
        [[by, _]] = json.loads(urlsafe_b64decode(params["o"]))
        found = [
            row
            for row in self.rows.get(model, {}).values()
            if all(OPERATORS[operator](row.get(name), asked) for name, operator, asked in domain)
        ]
        found.sort(key=lambda row: row[by])
        return [self._shown(model, row, params.get_list("f")) for row in found[: int(params["s"])]]

    def _shown(self, model: str, row: Row, fields: list[str]) -> Row:
        shown: Row = {"id": row["id"], "__name__": model}
        nested: dict[str, list[str]] = {}
        for name in fields:
            first, dot, rest = name.partition(".")
            if dot:
                nested.setdefault(first, []).append(rest)
            else:
                shown[name] = row.get(name)
        for first, inner in nested.items():
            linked, value = LINKS[first], row.get(first)
            if isinstance(value, list):
                shown[first] = [self._shown(linked, self.rows[linked][it], inner) for it in value]
            else:
                assert value is not None, f"{model} {row} has no {first}"
                shown[first] = self._shown(linked, self.rows[linked][value], inner)
        return shown
