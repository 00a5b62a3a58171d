"""The reads of the standard API as OpenAPI: lists of the system's own books, and master data."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from schemas.finance.reconciliation import AccountsReport, DemandReport, EffectsReport, OrdersReport, TargetsReport
from schemas.inventory.supply import StockReport
from schemas.partners.master_data import RECORDS


@dataclass(frozen=True)
class List:
    """A list of a system's own books, page by page. `cursor` is what an entry is named by in `after`.

    `offered`: who has no such list answers 404, and is not compared. Any other is asked again until it answers.
    `windowed`: it grows with history, so it can be asked for what changed.
    """

    systems: tuple[str, ...]
    path: str
    answer: type[BaseModel]
    cursor: str
    summary: str
    offered: bool = True
    windowed: bool = True


LISTS = (
    List(
        ("erp", "wms", "planning"),
        "/v1/stock",
        StockReport,
        "<item> <place>",
        "What its own books say of stock",
        offered=False,
        windowed=False,
    ),
    List(("erp",), "/v1/order-status", OrdersReport, "<order>", "Each order that it knows, with its status"),
    List(
        ("erp", "wms", "tms"),
        "/v1/order-targets",
        TargetsReport,
        "<order>",
        "What it was told last of each order, with the revision that said so",
    ),
    List(
        ("erp", "wms", "tms", "planning"),
        "/v1/effects",
        EffectsReport,
        "<key>",
        "The Idempotency-Key of each effect in its books; one that was booked twice is there twice",
    ),
    List(
        ("erp",),
        "/v1/order-accounts",
        AccountsReport,
        "<order> <account> <currency>",
        "What each order has in accounts",
    ),
    List(
        ("planning",), "/v1/open-demand", DemandReport, "<item> <site>", "The open demand that it holds", windowed=False
    ),
)

PAGE = "A page, in an order that stays the same from page to page."
PAGE_OF_HISTORY = (
    "A page, in the order of the Unicode code points of the entries' names. `as_of` says that `changed_since` is known."
)
CHANGED_SINCE = {
    "name": "changed_since",
    "in": "query",
    "description": "Only entries that were made or changed at this moment or later, by the system's own clock; all of "
    "those that have the same name. Asked only of a system that says `as_of` in its pages. Whoever does not know it "
    "is read slice by slice.",
    "schema": {"type": "string", "format": "date-time"},
}

READ = (*(it.answer for it in LISTS), *RECORDS.values())
"""Every contract that is read."""


def content(media_type: str, schema: str) -> dict[str, Any]:
    """A body of this contract."""
    return {media_type: {"schema": _named(schema)}}


def reads() -> dict[str, Any]:
    """Every path that is read."""
    return {it.path: _list(it) for it in LISTS} | {"/v1/master/{kind}/{id}": _MASTER}


def _named(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _list(one: List) -> dict[str, Any]:
    after = f"The entries behind this one in the order of the list, as {one.cursor}; empty: from the start."
    operation: dict[str, Any] = {
        "operationId": one.answer.__name__[0].lower() + one.answer.__name__[1:],
        "tags": list(one.systems),
        "summary": f"{one.summary}; read for reconciliation",
        "parameters": [
            {"name": "after", "in": "query", "description": after, "schema": {"type": "string"}},
            {
                "name": "limit",
                "in": "query",
                "description": "The most entries of a page. One with fewer is the last.",
                "schema": {"type": "integer", "minimum": 1},
            },
            *([CHANGED_SINCE] if one.windowed else []),
            {"$ref": "#/components/parameters/Traceparent"},
        ],
        "responses": {
            "200": {
                "description": PAGE_OF_HISTORY if one.windowed else PAGE,
                "content": content("application/json", one.answer.__name__),
            },
            "5XX": {"$ref": "#/components/responses/Later"},
        },
    }
    if one.offered:
        operation["responses"]["404"] = {"description": "It offers no such list, and is not compared by it."}
    return {"get": operation}


_MASTER: dict[str, Any] = {
    "get": {
        "operationId": "masterData",
        "tags": ["erp"],
        "summary": "A record of master data; 404: there is none. Asked only of ERPs that are configured to offer it",
        "parameters": [
            {"name": "kind", "in": "path", "required": True, "schema": {"type": "string", "enum": list(RECORDS)}},
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"$ref": "#/components/parameters/Traceparent"},
        ],
        "responses": {
            "200": {
                "description": "The record.",
                "content": {"application/json": {"schema": {"anyOf": [_named(x.__name__) for x in RECORDS.values()]}}},
            },
            "404": {"$ref": "#/components/responses/Refused"},
            "5XX": {"$ref": "#/components/responses/Later"},
        },
    }
}
