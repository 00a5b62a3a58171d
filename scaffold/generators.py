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
    row = f"| {name.words} | {system} | `connectors/{name.text}/client.py` |"
    tree.row(PORTS_DOCUMENT, "| connector | system | client |\n|---|---|---|", row)
    return (
        f"exchange the stop in connectors/{name.text} for the calls that the system has, "
        f"then {of.standard} for {name.title}Client in CALLS of worker.py"
    )


def step(tree: Tree, name: Name, system: str) -> str:
    """An activity with its contract, its port and the standard client's call. Gives what is left to do."""
    of = _of_system(system)
    tree.render("step", _values(name, system) | vars(of))
    request = f"from schemas.workflows.{name.text}_request import {name.title}Request"
    for path in ("connectors/ports.py", "schemas/export/standard_api.py", "schemas/export/contracts.py"):
        tree.importing(path, request)
    tree.append("connectors/ports.py", _port(name, of))
    call = f'SystemOperation("{system}", "/v1/{name.path}", {name.title}Request, "The step {name.words}"),'
    tree.register("schemas/export/standard_api.py", "step", call)
    tree.register("schemas/export/contracts.py", "step", f'Published({name.title}Request, "{system}"),')
    tree.importing("worker.py", f"from activities.systems.{name.text} import {name.title}Activities")
    tree.importing("worker.py", f"from connectors.standard.{name.text} import Standard{name.title}")
    build = f"{name.title}Activities(Standard{name.title}(http)).all()"
    tree.register("worker.py", "step", f"(System.{system.upper()}, lambda http, _: {build}),")
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
        "title": name.title,
        "words": name.words,
        "path": name.path,
        "system": system,
        "SYSTEM": system.upper(),
    }


def _port(name: Name, of: SystemKind) -> str:
    return (
        f"class {name.title}Port(Protocol):\n"
        f'    """A {of.kind} that takes the step {name.words}. Raises Refused or Unavailable."""\n\n'
        f"    async def {name.text}(self, message: {name.title}Request, call: Call) -> Accepted:\n"
        f'        """Do it; the key makes it count once."""\n'
    )
