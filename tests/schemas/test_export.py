"""The published contracts are fresh, valid, and say what the door does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from schemas.export.contracts import CONTRACTS, DIRECTORY, STANDARD, documents, stale, write
from schemas.orders.release import ReleaseRequest
from schemas.parsing import InvalidMessage, parse_strict
from tests.schemas.samples import RELEASE, spoilt

DOCUMENTS = {name: json.loads(text) for name, text in documents().items()}


def test_the_committed_files_are_fresh() -> None:
    assert stale(DIRECTORY) == []


def test_stale_missing_and_foreign_files_are_told_and_mended(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / "tender.v1.json").write_text("{}")
    (tmp_path / "promise.v1.json").unlink()
    (tmp_path / "gone.v1.json").write_text("{}")
    assert stale(tmp_path) == ["gone.v1.json", "promise.v1.json", "tender.v1.json"]
    check = [sys.executable, "-m", "schemas.export.contracts", "--check", "--directory", str(tmp_path)]
    told = subprocess.run(check, cwd=DIRECTORY.parent.parent, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "tender.v1.json" in told.stderr
    write(tmp_path)
    assert stale(tmp_path) == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_each_contract_is_a_valid_schema_that_says_whose_it_is(contract: Any) -> None:
    schema = DOCUMENTS[f"{contract.name}.v1.json"]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:syncline:contract:{contract.name}:v1"
    assert schema["x-owner"] == contract.owner
    assert schema["x-lifecycle"] == "active"
    assert schema["description"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("priority", 3),
        ("priority", 9),
        ("priority", "3"),
        ("colour", "blue"),
        ("ship_to.colour", "blue"),
        ("lines.0.quantity", 0),
        ("lines.0.quantity", 1.5),
        ("lines.0.quantity", "10"),
        ("lines.0.quantity", -1),
        ("lines.0.unit", "FURLONG"),
        ("lines.0.value", "12.5"),
        ("lines.0.value", "12.50000"),
        ("lines.0.value", "1_0"),
        ("lines.0.value", 1e13),
        ("lines.0.value", -1),
        ("lines.0.gtin", None),
        ("lines", []),
        ("proof_of_delivery_required", "yes"),
        ("requested_on", 1_709_280_000),
        ("number", "a/b"),
        ("region", ...),
        ("site", "rdc"),
        ("clock", "events"),
    ],
)
def test_the_published_schema_and_the_door_agree(path: str, value: Any) -> None:
    raw = spoilt(RELEASE, path, value)
    validator = Draft202012Validator(DOCUMENTS["order-release.v1.json"], format_checker=FormatChecker())
    try:
        parse_strict(ReleaseRequest, raw)
        admitted = True
    except InvalidMessage:
        admitted = False
    assert validator.is_valid(json.loads(raw)) == admitted


def references(node: Any) -> set[str]:
    """Every `$ref` in a document."""
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


CALLED = {path: item for path, item in DOCUMENTS[STANDARD]["paths"].items() if "post" in item}
"""What is posted; look-ups need no key, and send no message."""


def test_the_standard_resolves_and_asks_for_a_key_everywhere() -> None:
    standard = DOCUMENTS[STANDARD]
    for reference in references(standard):
        node = standard
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    for schema in standard["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert standard["openapi"].startswith("3.1")
    for path in CALLED.values():
        asked = {reference["$ref"].rsplit("/", 1)[-1] for reference in path["post"]["parameters"]}
        assert {"IdempotencyKey", "Traceparent"} <= asked
        assert {"200", "201", "429", "4XX", "5XX"} == path["post"]["responses"].keys()


def test_the_standard_has_the_paths_that_its_messages_name() -> None:
    """Each message's docstring begins `POST {system}/path`; `{number}` there is the order's number."""
    for path, operation in CALLED.items():
        body = operation["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
        said = DOCUMENTS[STANDARD]["components"]["schemas"][body]["description"]
        system = operation["post"]["tags"][0]
        assert said.replace("{number}", "{order}").startswith(
            (f"POST {{{system}}}{path}:", f"POST {{{system}}}{path}.")
        )
