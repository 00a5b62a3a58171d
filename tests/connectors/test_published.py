"""What a connected system must implement is what it is asked for: the published standard API has each call, and no
other."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_type_hints
from urllib.parse import unquote

import pytest
from pydantic import BaseModel
from temporalio.testing import ActivityEnvironment

import connectors.standard
from activities.finance.reconciliation import ReconcileActivities
from connectors.ports import Call
from connectors.standard.stock import StandardStock
from schemas.base import System
from schemas.export.standard_api import standard
from schemas.finance.reconciliation import ReconcileRun
from schemas.partners.master_data import RECORDS, MasterKind

DOCUMENT = standard()
NAMES: dict[str, Any] = {name: f"{{{name}}}" for name in ("order", "po", "id", "shipment")}


@dataclass
class Listening:
    """A client of a system that answers nothing, and notes what it is asked."""

    system: System = System.ERP
    asked: list[tuple[str, str, str, tuple[str, ...]]] = field(default_factory=list)
    """Method, path, contract of the answer; of what is posted its contract, of what is read the query."""

    async def post(self, path: str, body: BaseModel, call: Call, answer: type[BaseModel]) -> BaseModel:
        """Note it."""
        self.asked.append(("post", unquote(path), answer.__name__, (type(body).__name__,)))
        return answer.model_construct()

    async def find(self, path: str, call: Call, answer: type[BaseModel]) -> None:
        """Note it."""
        self.asked.append(("get", unquote(path), answer.__name__, ()))

    async def page(self, path: str, query: dict[str, Any], call: Call, answer: type[BaseModel]) -> BaseModel:
        """Note it; an empty page."""
        self.asked.append(("get", path, answer.__name__, tuple(query)))
        return answer.model_validate({})


def clients() -> Iterator[type]:
    """Every client of the Syncline REST API."""
    for found in pkgutil.iter_modules(connectors.standard.__path__):
        module = importlib.import_module(f"connectors.standard.{found.name}")
        for _, thing in inspect.getmembers(module, inspect.isclass):
            if thing.__module__ == module.__name__:
                yield thing


def argument(name: str, kind: Any) -> Any:
    """Something of the kind that a method takes, with its names in braces."""
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return kind.model_construct(**NAMES)
    return {"call": Call("any", "key"), "limit": 1}.get(name, f"{{{name}}}")


async def asked() -> set[tuple[str, str, str, tuple[str, ...]]]:
    """Everything that any method of any client asks."""
    listening = Listening()
    for client in clients():
        for name, method in inspect.getmembers(client, inspect.iscoroutinefunction):
            hints = get_type_hints(method)
            for kind in MasterKind if hints.get("kind") is MasterKind else (None,):
                arguments = {n: argument(n, hint) for n, hint in hints.items() if n != "return"}
                await getattr(client(listening), name)(**(arguments | ({"kind": kind} if kind else {})))
    return set(listening.asked)


def published() -> set[tuple[str, str, str, tuple[str, ...]]]:
    """Everything that the document names."""
    found = set()
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            takes = [p["name"] for p in operation["parameters"] if p.get("in") == "query"]
            if "requestBody" in operation:
                takes = [_schema(operation["requestBody"])]
            answers = [response for status, response in operation["responses"].items() if status in ("200", "201")]
            for answer in answers:
                for schema in _schemas(answer):
                    for kind in MasterKind if "{kind}" in path else (None,):
                        if kind is None or RECORDS[kind].__name__ == schema:
                            found.add((method, path.replace("{kind}", kind or ""), schema, tuple(takes)))
    return found


def _schemas(answer: dict[str, Any]) -> list[str]:
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rsplit("/", 1)[-1]]
    schema = answer["content"]["application/json"]["schema"]
    return [one["$ref"].rsplit("/", 1)[-1] for one in schema.get("anyOf", [schema])]


def _schema(body: dict[str, Any]) -> str:
    [name] = _schemas(body)
    return name


async def test_every_call_that_is_made_is_published_and_no_other() -> None:
    assert await asked() == published()


@pytest.mark.parametrize("system", System)
async def test_every_system_is_told_which_lists_it_is_asked_for(system: System) -> None:
    listening = Listening(system)
    activities = ReconcileActivities({system: StandardStock(listening)}, None, lambda site: None)  # type: ignore[arg-type]
    await ActivityEnvironment().run(activities._theirs, ReconcileRun(system=system, target="any"), {})
    lists = {path for path, item in DOCUMENT["paths"].items() if system in item.get("get", {"tags": ()})["tags"]}
    assert {path for _, path, _, _ in listening.asked} == {it for it in lists if "{kind}" not in it}
