"""`syncline connection …` and `syncline connector …`: do connected systems answer, and what can each connector do."""

import asyncio
from typing import Annotated, Any

import typer

from cli.terminal import DEFAULT_STATE, StateDir, configured, console, fail, show
from connectors.adapters import Adapter
from connectors.checking import CheckedStep, check
from connectors.connections import ANY, Connections, ConnectionSettings, EnvironmentConnections
from connectors.registry import ADAPTERS

app = typer.Typer(no_args_is_help=True, help="Connections to systems.")
catalogue = typer.Typer(no_args_is_help=True, help="Connectors: what each can do.")


@app.command("list")
def list_connections(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Every connection: its system, connector and address."""
    rows = ({**_row(it), "url": it.shown_url, "login": it.authentication.scheme} for it in _known().named())
    show("connections", ("connection", "system", "connector", "login", "url"), rows)


@app.command("check")
def check_connection(
    name: Annotated[str, typer.Argument(help="As `syncline connection list` has it: wms/LYS.")],
    target: Annotated[str, typer.Option(help="Which system, where the address is for many: a site, an ERP.")] = "",
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Try settings, address, TLS, login, rights and clock; say what to repair. Ends with 1 when something is wrong."""
    found = {it.name: it for it in _known().named()}
    if name not in found:
        raise fail(f"there is no connection {name}: there are {', '.join(found) or 'none, set SYNCLINE_WMS'}")
    connection, at = found[name], target or name.partition("/")[2]
    if "{id}" in connection.url and at == ANY:
        raise fail(f"{name} is for many systems: say which with --target")
    adapter = ADAPTERS.get(connection.adapter)
    if adapter is None:
        raise fail(f"there is no connector {connection.adapter}: see `syncline connector list`")
    steps = asyncio.run(_steps(connection, adapter, at))
    columns = ("step", "works", "found", "repair")
    show(
        name,
        columns,
        ({"step": it.step, "works": _yes(it.works), "found": it.said, "repair": it.repair} for it in steps),
    )
    if not all(it.works for it in steps):
        raise typer.Exit(1)


@catalogue.command("list")
def list_connectors(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Every connector: systems, documents, how a call counts once, and with which versions it was tested."""
    columns = ("connector", "for", "systems", "once", "conformant", "tested", "documents", "calls")
    show("connectors", columns, (_described(it) for it in ADAPTERS.values()))


@catalogue.command("show")
def show_connector(
    name: Annotated[str, typer.Argument(help="As `syncline connector list` has it.")],
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """One connector: every call that it can make, and its settings."""
    adapter = ADAPTERS.get(name)
    if adapter is None:
        raise fail(f"there is no connector {name}: there are {', '.join(ADAPTERS)}")
    show(adapter.title, ("port", "calls"), _calls(adapter))
    fields = adapter.settings.model_fields.items()
    settings = [{"setting": it, "needed": _yes(field.is_required()), "default": field.default} for it, field in fields]
    if settings:
        show("settings", ("setting", "needed", "default"), settings)
    else:
        console.print("It needs no settings beside address and login.")


def _known() -> Connections:
    return EnvironmentConnections.of_settings(configured())


async def _steps(connection: ConnectionSettings, adapter: Adapter, target: str) -> list[CheckedStep]:
    return [it async for it in check(connection, adapter, target)]


def _row(connection: ConnectionSettings) -> dict[str, Any]:
    return {"connection": connection.name, "system": connection.system, "connector": connection.adapter}


def _described(adapter: Adapter) -> dict[str, Any]:
    return {
        "connector": adapter.name,
        "for": adapter.title,
        "systems": ", ".join(sorted(adapter.systems)),
        "once": adapter.once.replace("_", " "),
        "conformant": _yes(adapter.conformant),
        "tested": ", ".join(adapter.tested) or "not yet",
        "documents": ", ".join(adapter.documents),
        "calls": len(adapter.operations),
    }


def _calls(adapter: Adapter) -> list[dict[str, str]]:
    ports: dict[str, list[str]] = {}
    for operation in adapter.operations:
        port, _, method = operation.partition(".")
        ports.setdefault(port, []).append(method)
    return [{"port": port, "calls": ", ".join(methods)} for port, methods in ports.items()]


def _yes(true: bool) -> str:
    return "yes" if true else "no"
