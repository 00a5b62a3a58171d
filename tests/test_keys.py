"""Keys are split where they are defined, and nowhere else: what tests a prefix by hand knows half of the rule."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_structure import ROOT, parsed, sources

SPLITTING = {"split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix", "startswith", "endswith"}
"""Methods of texts that read meaning out of them."""
OTHERS = {"connectors", "formats", "scaffold", "simulators", "stack"}
"""Rooms that stand for other systems, or know documents, addresses, files and source alone."""
ALLOWED = {
    # Keys, each beside the type that it is parsed to.
    "schemas/ids.py": "keys of orders, cases, effects, events, supplies",
    "schemas/workflow_ids.py": "ids of workflows",
    "schemas/inventory/stock.py": "places of stock",
    "schemas/finance/entries.py": "entries of lists and subjects of differences",
    "schemas/finance/self_audit.py": "places of drifts",
    "schemas/planning/demand.py": "keys of figures for planning",
    "schemas/planning/governor.py": "sources that change a plan",
    "domain/orders/issues.py": "names of issues in an order's state",
    "domain/procurement/inbound_trouble.py": "subjects of findings about lines",
    # What is no key.
    "domain/returns/return_run.py": "remarks behind a reason",
    "schemas/cases/notifications.py": "secrets of webhooks",
    "schemas/parsing.py": "bytes of a message, words of a rule",
    "schemas/settings.py": "words of a rule",
    "schemas/notation.py": "offsets of times",
    "domain/zones.py": "names of time zones",
    "dispatch/events/admission.py": "a source is an address: one partner's lie below its own",
    "dispatch/procurement/documents.py": "types of messages",
    "activities/cases/messages.py": "lines of a message",
    "gateway/api/policies.py": "words of a rule",
    "gateway/http/auth.py": "headers",
    "gateway/http/limits.py": "headers",
    "gateway/http/signatures.py": "headers",
    "gateway/http/middleware.py": "paths of files",
    "gateway/views/reference.py": "references within a JSON schema",
    "schemas/partners/references.py": "where a secret lies",
    "domain/partners/calendars.py": "codes of calendars (ISO 3166-2)",
    "domain/partners/environment.py": "parts of an address",
    "domain/partners/registry_rules.py": "reserved names of partners",
    "dispatch/partners/secrets.py": "words of a command, names of variables",
    "gateway/api/partners.py": "headers, fields of findings",
    "cli/connections.py": "names of operations and connections",
    "cli/partners.py": "options of a command",
    "cli/registry.py": "fields of findings",
    "cli/client.py": "addresses of problems, options of a command",
    "store/audit/anchors.py": "lines of a file",
    "telemetry/health.py": "codes of PostgreSQL, the first line of a request",
}
"""Files that split texts, and which."""


def splits(root: Path) -> Iterator[tuple[str, int, str]]:
    """(file, line, method) of each text that is split; words at white space are no keys."""
    for file in sources(root):
        name = file.relative_to(root)
        if name.parts[0] in OTHERS:
            continue
        for node in ast.walk(parsed(file)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            if node.func.attr in SPLITTING:
                yield str(name), node.lineno, node.func.attr


def split_by_hand(root: Path) -> list[str]:
    """Texts are split by the types that they name, or are no keys."""
    return [
        f"{name}:{line} {method}: parse it in schemas" for name, line, method in splits(root) if name not in ALLOWED
    ]


def test_no_key_is_split_by_hand() -> None:
    assert split_by_hand(ROOT) == []


def test_what_is_allowed_is_needed() -> None:
    assert set(ALLOWED) == {name for name, _, _ in splits(ROOT)} & set(ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        'erp = key.split("/", 1)[0]',
        'erp, _, number = key.partition("/")',
        'number = key.rpartition("/")[2]',
        'known = workflow.startswith("order/")',
        "number = number.removeprefix(PREFIX)",
        'def f():\n    return [x.rsplit("#")[0] for x in keys]',
    ],
)
def test_a_key_that_is_split_is_caught(tmp_path: Path, text: str) -> None:
    bad = tmp_path / "domain" / "orders" / "a.py"
    bad.parent.mkdir(parents=True)
    bad.write_text(text)
    (found,) = split_by_hand(tmp_path)
    assert found.startswith("domain/orders/a.py:")


def test_words_and_systems_that_are_not_ours_pass(tmp_path: Path) -> None:
    for path, text in {"domain/a.py": "words = text.split()", "simulators/a.py": 'a = key.split("/")'}.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    assert split_by_hand(tmp_path) == []
