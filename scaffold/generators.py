"""The output of each generator: files from its templates, a line in each registry, a row in each document."""

from dataclasses import dataclass

from scaffold.names import Name, NotGenerated
from scaffold.tree import Tree

SUBJECTS_OF_CONNECTORS = r'(?<="connectors": \()([^)]*)(?=\))'
PORTS_DOCUMENT = "docs/howto/add-a-connector.md"
STEPS_DOCUMENT = "docs/howto/add-a-workflow-step.md"


@dataclass(frozen=True)
class SystemKind:
    """A kind of system, and the call of its port that a connector begins with."""

    kind: str
    port: str
    standard: str
    method: str
    message: str


SYSTEMS = {
    "erp": SystemKind("ERP", "ErpPort", "StandardErp", "confirm_cancellation", "ErpCancellation"),
    "wms": SystemKind("warehouse", "WmsPort", "StandardWms", "cancel", "WarehouseCancellation"),
    "tms": SystemKind("transport desk", "TmsPort", "StandardTms", "void", "TenderVoid"),
}
SUBJECTS = ("orders", "procurement", "inventory", "finance", "planning", "cases")
"""Folders of `workflows/` that hold stories; `runtime/` holds what they share."""


def connector(tree: Tree, name: Name, system: str) -> str:
    """A connector in a folder of its own, with a test against a small stand-in. Gives what is left to do."""
    of = _of_system(system)
    tree.render("connector", _values(name, system) | vars(of))
    tree.replace("tests/test_subjects.py", SUBJECTS_OF_CONNECTORS, rf'\1, "{name.text}"')
    tree.importing("connectors/registry.py", f"from connectors.{name.text}.adapter import {name.text.upper()}")
    tree.register("connectors/registry.py", "connector", f"{name.text.upper()},")
    known = f'KnownAdapter(frozenset({{System.{system.upper()}}}), options={{"account": str, "path": str}})'
    tree.register("domain/partners/adapters.py", "connector", f'"{name.text}": {known},')
    row = f"| {name.words} | {system} | `connectors/{name.text}/client.py` |"
    tree.row(PORTS_DOCUMENT, "| connector | system | client |\n|---|---|---|", row)
    return (
        f"exchange the stop in connectors/{name.text} for the calls that the system has, "
        f"and give it a stand-in in tests/connectors/conformance; a connection uses it by `adapter: {name.text}`"
    )


def step(tree: Tree, name: Name, system: str) -> str:
    """An activity with its contract, its port and the standard client's call. Gives what is left to do."""
    of = _of_system(system)
    tree.render("step", _values(name, system) | vars(of))
    request = f"from schemas.workflows.{name.text}_request import {name.title}Request"
    for path in ("schemas/export/standard_api.py", "schemas/export/contracts.py"):
        tree.importing(path, request)
    call = f'SystemOperation("{system}", "/v1/{name.path}", {name.title}Request, "The step {name.words}"),'
    tree.register("schemas/export/standard_api.py", "step", call)
    tree.register("schemas/export/contracts.py", "step", f'Published({name.title}Request, "{system}"),')
    tree.importing("worker.py", f"from activities.systems.{name.text} import {name.title}Activities")
    port = f"from connectors.ports.{name.text} import {name.title}Port"
    tree.importing("worker.py", port)
    calls = f"lambda port, _: {name.title}Activities(port).all()"
    tree.register("worker.py", "step", f"(System.{system.upper()}, {name.title}Port, {calls}),")
    tree.importing("connectors/standard/adapter.py", port)
    client = f"Standard{name.title}"
    tree.importing("connectors/standard/adapter.py", f"from connectors.standard.{name.text} import {client}")
    made = f"    {name.title}Port: lambda it: {client}(it.client),"
    tree.register("connectors/standard/adapter.py", "step", made)
    samples, title = "tests/connectors/conformance/samples.py", name.title
    tree.importing(samples, port)
    tree.importing(samples, request)
    sent = f'{title}Request(id="{name.path}-1", target="LYS", subject="ITEM-1")'
    sample = f'Sample(System.{system.upper()}, {title}Port, "{name.text}", {sent}),'
    tree.register(samples, "step", sample)
    row = f"| `{system}.{name.text}` | `activities/systems/{name.text}.py` | `workflows/runtime/{name.text}.py` |"
    tree.row(STEPS_DOCUMENT, "| step | activity | for workflows |\n|---|---|---|", row)
    return f"say in schemas/workflows/{name.text}_request.py what is asked, and in simulators/ what is answered"


def workflow(tree: Tree, name: Name, subject: str) -> str:
    """A workflow with a deadline, its test, and a scenario whose histories are kept. Gives what is left to do."""
    if subject not in SUBJECTS:
        raise NotGenerated(f"{subject!r} is no subject of workflows: give one of {', '.join(SUBJECTS)}")
    tree.render("workflow", _values(name) | {"subject": subject})
    if "_" not in name.text:
        raise NotGenerated(f"{name.text!r} may be the name of an ERP: give a workflow two words, as in cycle_count")
    tree.package(f"tests/workflows/{subject}", f"Workflows of {subject}.")
    known = f"from workflows.{subject}.{name.text} import {name.title}Workflow"
    for path in ("worker.py", "tests/replay/gate.py"):
        tree.importing(path, known)
        tree.register(path, "workflow", f"{name.title}Workflow,")
    tree.importing("tests/replay/alone.py", f"from tests.replay.{name.text} import {name.text}")
    tree.register("tests/replay/alone.py", "workflow", f'"{name.text}": {name.text},')
    row = f"| {name.words} | `{name.text}/<id>`: a workflow of its own, started with `{name.title}Run` |"
    tree.row("docs/architecture.md", "| thing | id |\n|---|---|", row)
    query = f'`WorkflowType = "{name.title}" AND ExecutionStatus = "Running"`'
    tree.row("docs/runbooks/saved-views.md", "| view | query |\n|---|---|", f"| {name.words} under way | {query} |")
    return f"tell the story in workflows/{subject}/{name.text}.py, then record it anew: python -m tests.replay.record"


def _of_system(system: str) -> SystemKind:
    if system not in SYSTEMS:
        raise NotGenerated(f"{system!r} is no kind of system: give one of {', '.join(SYSTEMS)}")
    return SYSTEMS[system]


def _values(name: Name, system: str = "") -> dict[str, str]:
    return {
        "name": name.text,
        "NAME": name.text.upper(),
        "title": name.title,
        "words": name.words,
        "path": name.path,
        "system": system,
        "SYSTEM": system.upper(),
    }
