"""The documents tell the truth: links lead somewhere, examples run, commands, paths, settings and tests exist.

Each rule takes a document and returns what is wrong with it, so that a canary can show it a bad one.
"""

import json
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from temporalio.client import Client

from cli import main as cli
from cli.partner_files import parsed_partners
from demo.scenarios import SCENARIOS
from dispatch.requests import SENT
from domain.cases import escalation_policies
from domain.partners.registry_rules import Surroundings, findings
from gateway.app import SUBJECTS
from schemas import parsing
from schemas.cases.policies import PolicyRule
from schemas.partners.master_data import MasterChange
from schemas.partners.registry import PartnerDefinition
from schemas.settings import Settings
from simulators.orders.history import RULES as IMPORT_RULES

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
ROOMS = (
    "activities|cli|connectors|demo|deploy|dispatch|docs|domain|formats|gateway|scaffold|schemas|simulators|stack|store"
    "|telemetry|tests|workflows"
)

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?: (?P<file>\S+))?\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
"""A fenced block. One with a file is to be written there: it runs with the others of its document, not by itself."""
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{ROOMS})/[\w./-]*|[\w-]+\.(?:py|toml|yml|lock)")
TEST_FILE = re.compile(r"tests/[\w/]+\.py")
TEST_NAME = re.compile(r"test_\w+")
SETTING = re.compile(r"\bSYNCLINE_[A-Z_]+[A-Z]")
SCENARIO = re.compile(r"--scenario ([\w-]+)")
ELLIPSIS = "…"
MAX_CELL_WORDS = 60
"""Words of a promise or mechanism: a longer one is two guarantees."""
STATES = ("built", "partly", "not yet")
BODIES: dict[str, type[BaseModel]] = {
    **{model.__name__: model for model in SENT.values()},
    "PolicyRule": PolicyRule,
    "MasterChange": MasterChange,
    "PartnerDefinition": PartnerDefinition,
}


@dataclass(frozen=True)
class Document:
    """A Markdown file: where it lies, and what it says."""

    file: Path
    text: str

    @cached_property
    def prose(self) -> str:
        """Everything but the fenced blocks."""
        return FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> Iterator[tuple[int, str]]:
        """(line, text) of the fenced blocks in one of these languages."""
        for block in FENCE.finditer(self.text):
            if block["language"] in languages and not block["file"]:
                yield self.text.count("\n", 0, block.start()) + 1, textwrap.dedent(block["text"])

    def files(self) -> Iterator[tuple[str, str]]:
        """(path, text) of the blocks that are to be written to files."""
        yield from ((block["file"], block["text"]) for block in FENCE.finditer(self.text) if block["file"])

    def commands(self) -> Iterator[str]:
        """Command lines: those of console blocks, and inline code that begins as one."""
        for _, text in self.blocks("console", "sh"):
            yield from filter(None, map(str.strip, text.splitlines()))
        yield from (code for code in CODE.findall(self.prose) if code.startswith(("make ", "syncline ")))


def documents() -> list[Document]:
    """Every document of the project."""
    return [Document(file, file.read_text()) for file in sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])]


def document(name: str) -> Document:
    """A document by its path under docs."""
    return Document(DOCS / name, (DOCS / name).read_text())


def links(doc: Document) -> list[str]:
    """Every relative link and image leads to something."""
    targets = [link["target"].partition("#")[0] for link in LINK.finditer(doc.prose)]
    local = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    return [f"{target} does not exist" for target in local if not (doc.file.parent / target).exists()]


def paths(doc: Document) -> list[str]:
    """Every path in backticks exists."""
    named = [code for code in CODE.findall(doc.prose) if PATH.fullmatch(code)]
    return [f"{path} does not exist" for path in named if not (ROOT / path).exists()]


def named_settings(doc: Document) -> list[str]:
    """Every SYNCLINE_ variable is a setting, a part of one, or is read by a process or by the Makefile."""
    elsewhere = "".join((ROOT / name).read_text() for name in ("Makefile", "docker-compose.yml"))
    known = set(variables(Settings, "SYNCLINE_")) | set(SETTING.findall(elsewhere))
    return [f"{name} is no setting" for name in SETTING.findall(doc.text) if name not in known]


def variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The environment variables that set a model's fields, and those of the models in it."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from variables(field.annotation, f"{prefix}{name.upper()}__")


def environments(doc: Document) -> list[str]:
    """Every block of environment variables can be read as settings."""
    wrong = []
    for line, text in doc.blocks("env"):
        with pytest.MonkeyPatch.context() as environment:
            for variable in shlex.split(text):
                environment.setenv(*variable.split("=", 1))
            try:
                Settings()
            except ValueError as error:
                wrong.append(f"line {line}: {error}")
    return wrong


def requests(doc: Document) -> list[str]:
    """Every HTTP request is one that the API takes, with a body that the door admits."""
    found = ((line, *text.partition("\n")[::2]) for line, text in doc.blocks("http"))
    return [f"line {line}: {wrong}" for line, first, body in found for wrong in not_taken(first, body.strip())]


def not_taken(first: str, body: str) -> Iterator[str]:
    """Why the API would not take a request: its method and address, or its body."""
    method, path = first.split()
    routes = [route for module in SUBJECTS for route in module.router.routes if isinstance(route, APIRoute)]
    taken = (r for r in routes if method in (r.methods or ()) and r.path_regex.match(path.partition("?")[0]))
    route = next(taken, None)
    if route is None:
        yield f"{first} is no operation"
    elif body:
        media = (route.openapi_extra or {})["requestBody"]["content"]["application/json"]
        try:
            parsing.parse_strict(BODIES[media["schema"]["$ref"].rpartition("/")[2]], body.encode())
        except parsing.InvalidMessage as refused:
            yield str(refused.findings)


def rules_in_force(doc: Document) -> list[str]:
    """Every block of policy rules could be put in force."""
    wrong = []
    for line, text in doc.blocks("json"):
        said = json.loads(text)
        for rule in said if isinstance(said, list) else [said]:
            if "about" in rule:
                try:
                    wrong += [
                        f"line {line}: {found}" for found in escalation_policies.check(PolicyRule.model_validate(rule))
                    ]
                except ValidationError as error:
                    wrong.append(f"line {line}: {error}")
    return wrong


def partners_in_force(doc: Document) -> list[str]:
    """Every block of partners keeps the rules of the registry, but for secrets, which are not here."""
    wrong = []
    for line, text in doc.blocks("yaml"):
        for said in parsed_partners(text, doc.file.name):
            if "partner" in said:
                try:
                    found = findings({"": parsing.check(PartnerDefinition, said)}, {}, Surroundings())
                except parsing.InvalidMessage as refused:
                    found = refused.findings
                wrong += [f"line {line}: {it}" for it in found]
    return wrong


def named_tests(doc: Document) -> list[str]:
    """A test that is named stands in a test file that is named in the same paragraph or table row."""
    wrong = []
    for passage in re.split(r"\n\n|\n(?=\|)", doc.prose):
        codes = CODE.findall(passage)
        files = [ROOT / code for code in codes if TEST_FILE.fullmatch(code)]
        source = "".join(file.read_text() for file in files if file.is_file())
        names = [code for code in codes if TEST_NAME.fullmatch(code)]
        wrong += [f"{name} is not in {files}" for name in names if not re.search(rf"def {name}\(", source)]
    return wrong


def named_scenarios(doc: Document) -> list[str]:
    """Every scenario that is named to be played is there."""
    named = SCENARIO.findall(doc.text)
    return [f"there is no scenario {name}" for name in named if name not in {*SCENARIOS, "all", "NAME"}]


def commands(doc: Document) -> list[str]:
    """Every `syncline …` and `make …` is a command or target with the options that it is given."""
    wrong = []
    for line in doc.commands():
        first, *words = shlex.split(line)
        if Path(first).name == "syncline":
            wrong += unknown_to_syncline(words)
        elif first == "make":
            wrong += unknown_to_make(words)
    return wrong


def unknown_to_syncline(words: list[str]) -> list[str]:
    """What the command line would not understand, ignoring the values."""
    command: Any = typer.main.get_command(cli.app)
    while subcommands := getattr(command, "commands", None):
        if not words or words[0] not in subcommands:
            return [f"syncline {' '.join(words)} is no command"]
        command, words = subcommands[words[0]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return [f"{command.name} has no option {word}" for word in words if word.startswith("-") and word not in known]


def unknown_to_make(words: list[str]) -> list[str]:
    """Targets that the Makefile lacks, and options in ARGS that the target's command lacks."""
    known = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = [word for word in words if "=" not in word and word != ELLIPSIS]
    wrong = [f"make has no target {target}" for target in targets if target not in known]
    for given in (word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")):
        for target in {"demo", "up"}.intersection(targets):
            wrong += unknown_to_syncline([target, *shlex.split(given)])
    return wrong


RULES: list[Callable[[Document], list[str]]] = [
    links,
    paths,
    named_settings,
    environments,
    requests,
    rules_in_force,
    partners_in_force,
    named_tests,
    named_scenarios,
    commands,
]


@pytest.mark.parametrize("doc", documents(), ids=lambda doc: str(doc.file.relative_to(ROOT)))
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_document_keeps_the_rule(rule: Callable[[Document], list[str]], doc: Document) -> None:
    assert rule(doc) == []


EXAMPLES = [
    pytest.param(text, id=f"{doc.file.relative_to(ROOT)}:{line}")
    for doc in documents()
    for line, text in doc.blocks("python")
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_runs(example: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


BAD: list[tuple[Callable[[Document], list[str]], str]] = [
    (links, "see [this](nowhere.md)"),
    (links, "![picture](images/nowhere.png#part)"),
    (paths, "in `domain/nowhere.py`"),
    (paths, "in `nowhere.py`"),
    (named_settings, "set `SYNCLINE_NOWHERE`"),
    (named_settings, "set `SYNCLINE_NOTIFY__NOWHERE`"),
    (environments, "```env\nSYNCLINE_NOTIFY__SMTP='{\"port\": 25}'\n```"),
    (requests, "```http\nPOST /v1/nowhere\n```"),
    (requests, '```http\nPOST /v1/orders/SO-1/hold\n\n{"id": "h-1"}\n```'),
    (rules_in_force, '```json\n{"id": "rule", "about": "case", "body": {"nowhere": 1}}\n```'),
    (partners_in_force, "```yaml\npartner: north\nname: North\nroles: [wms]\ncalendar: XX\n```"),
    (named_tests, "`tests/test_docs.py`: `test_nothing_of_the_kind`"),
    (named_tests, "`test_the_example_runs`, without its file"),
    (named_scenarios, "`--scenario nowhere`"),
    (commands, "```console\nsyncline nowhere\n```"),
    (commands, "1. then\n\n   ```console\n   .venv/bin/syncline order nowhere\n   ```"),
    (commands, "```sh\nsyncline demo --nowhere 3\n```"),
    (commands, "or `syncline order`"),
    (commands, "```console\nmake nowhere\n```"),
    (commands, '```console\nmake demo ARGS="--nowhere"\n```'),
]


@pytest.mark.parametrize(("rule", "text"), BAD)
def test_the_rule_catches(rule: Callable[[Document], list[str]], text: str) -> None:
    assert len(rule(Document(DOCS / "bad.md", text))) == 1


def test_the_rules_let_good_text_pass() -> None:
    text = (
        "See [this](architecture.md#rooms) and [that](https://example.com); `domain/units.py`, `SYNCLINE_LIMITS`,\n"
        "`tests/test_docs.py`: `test_the_example_runs`, `syncline partner add …`, `make test`.\n"
        '```console\nmake demo ARGS="--orders 5 --exit"\n```\n'
    )
    assert [rule(Document(DOCS / "good.md", text)) for rule in RULES] == [[]] * len(RULES)


def test_every_requirement_is_covered_once() -> None:
    """A built row names the test that shows it; a row that is not there yet names none."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in document("coverage.md").text.splitlines()
        if line.startswith("| R")
    ]
    assert [row[0] for row in rows] == [f"R{number}" for number in range(1, 59)]
    for row, _, state, _, shown in rows:
        assert state in STATES, row
        assert state != "built" or TEST_FILE.search(shown), row
        assert state != "not yet" or shown == "–", row


def test_each_change_finds_its_room() -> None:
    """A row of the ten names files, and what is to be changed stands in one of them."""
    rows = [line for line in document("howto/find-your-way.md").text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 10
    for row in rows:
        codes = CODE.findall(row)
        source = "".join((ROOT / code).read_text() for code in codes if code.endswith(".py"))
        names = [code for code in codes if re.fullmatch(r"\w+", code)]
        assert source or "`cli/`" in row, row
        assert not [name for name in names if name != "codes" and not re.search(rf"\b{name}\b", source)], row


def test_every_guarantee_names_its_mechanism_and_its_test() -> None:
    rows = [line for line in document("guarantees.md").text.splitlines() if re.match(r"\| \d", line)]
    assert rows
    numbers = [int(row.split("|")[1]) for row in rows]
    assert numbers == sorted(set(numbers))
    for row in rows:
        _, promise, mechanism, shown = [cell.strip() for cell in row.strip("|").split("|")]
        assert 0 < len(promise.split()) <= MAX_CELL_WORDS, row
        assert 0 < len(mechanism.split()) <= MAX_CELL_WORDS, row
        assert TEST_FILE.search(shown) or shown == "not yet", row


@pytest.mark.parametrize("file", sorted((DOCS / "decisions").glob("*.md")), ids=lambda file: file.stem)
def test_a_decision_says_why_and_what_keeps_it(file: Path) -> None:
    text = file.read_text()
    assert text.startswith(f"# {file.name[:4]} · ")
    assert all(f"**{part}" in text for part in ("Context.", "Decision.", "Consequences.", "Kept by"))
    assert len(text.splitlines()) <= 60, "one page"


def test_the_import_rules_are_those_of_the_code() -> None:
    written = [line.removeprefix("- ") for line in document("history-import.md").text.splitlines() if line[:2] == "- "]
    assert written == [str(rule) for rule in IMPORT_RULES]


async def test_temporal_understands_the_saved_views(temporal_client: Client) -> None:
    queries = re.findall(r"\| `(\w+ .+)` ", document("runbooks/saved-views.md").text)
    assert queries
    for query in queries:
        assert (await temporal_client.count_workflows(query)).count >= 0, query
