"""`syncline partner …`: the registry of partners, kept as YAML in files for those who want that."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.client import Api
from cli.partner_files import read_partners, written
from cli.terminal import DEFAULT_STATE, StateDir, configured, console, fail, show
from dispatch.partners.secrets import SecretReader
from domain.partners.credentials import rotated
from domain.partners.registry_rules import Surroundings, findings
from gateway.http.problems import ProblemDetail
from gateway.views.partners import (
    AppliedList,
    AppliedView,
    PartnerList,
    PartnersRequest,
    PartnerVersions,
    PartnerView,
    PauseRequest,
)
from schemas.parsing import InvalidMessage, check
from schemas.partners.registry import PartnerChange, PartnerDefinition, document_of

app = typer.Typer(no_args_is_help=True)
PATH = "/v1/partners"
Files = Annotated[list[Path], typer.Argument(help="YAML files of partners, or folders of them.", exists=True)]
Why = Annotated[str, typer.Option("--reason", help="Why; kept with the version.")]
One = Annotated[str | None, typer.Option("--connection", help="Only this connection; all without.")]
VersionOption = Annotated[int | None, typer.Option("--version", min=1, help="As it was in this version.")]


@app.command("apply")
def apply_files(files: Files, reason: Why = "", state_dir: StateDir = DEFAULT_STATE) -> None:
    """Put the partners of files in force, all or none. Running processes follow within seconds."""
    done = _asked(Api(state_dir), _read(files), reason, dry_run=False)
    for one in done.partners:
        console.print(f"{one.partner} {one.outcome}, version {one.version}", highlight=False)


@app.command("check")
def check_files(
    files: Files,
    offline: Annotated[bool, typer.Option("--offline", help="By the files alone: ask no gateway.")] = False,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Say what is wrong with the partners of files, and change nothing. A gateway checks what it has in force, and the
    secrets that it can read."""
    said = _read(files)
    if offline:
        if found := _offline(said):
            raise _wrong(said, found)
    else:
        _asked(Api(state_dir), said, "", dry_run=True)
    console.print(f"{len(said)} partners keep the rules.")


@app.command("diff")
def diff_files(
    files: Files,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when something differs.")] = False,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Show what `apply` would change."""
    planned = _asked(Api(state_dir), _read(files), "", dry_run=True)
    for one in planned.partners:
        _show_changes(one)
    if exit_code and any(one.changes for one in planned.partners):
        raise typer.Exit(1)


def _show_changes(one: AppliedView) -> None:
    console.print(f"{one.partner} {one.outcome}", highlight=False)
    for change in one.changes:
        for mark, value, style in (("-", change.before, "red"), ("+", change.after, "green")):
            if value is not None:
                console.print(f"  [{style}]{mark} {escape(change.field)}: {escape(str(value))}[/]", soft_wrap=True)


@app.command("export")
def export(
    partner: Annotated[str | None, typer.Argument(help="Which; every one of the registry without.")] = None,
    version: VersionOption = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file instead.")] = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Write partners as YAML, as `apply` reads it. Secrets are references."""
    api = Api(state_dir)
    if partner is None and version is not None:
        raise fail("name the partner whose version you mean")
    names = [partner] if partner else [it.partner for it in _listed(api) if it.source == "registry"]
    text = written(document_of(api.get(f"{PATH}/{name}", PartnerView, version=version).definition) for name in names)
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        console.file.write(text)


@app.command("list")
def list_partners(state_dir: StateDir = DEFAULT_STATE) -> None:
    """List partners: their connections, API keys that work, and versions of webhook secrets that count. Those of the
    environment are named by settings."""
    rows = (
        {
            **it.model_dump(),
            "roles": ", ".join(it.roles),
            "connections": ", ".join(f"{c.name} {c.state}" for c in it.connections),
        }
        for it in _listed(Api(state_dir))
    )
    show("partners", ("partner", "roles", "name", "source", "version", "keys", "secrets", "connections"), rows)


@app.command("show")
def show_partner(partner: str, version: VersionOption = None, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Show a partner: what describes it, and its versions."""
    api = Api(state_dir)
    found = api.get(f"{PATH}/{partner}", PartnerView, version=version)
    console.print(f"{partner}: {found.source}, version {found.version}", highlight=False)
    console.file.write(written([document_of(found.definition)]))
    if found.source == "registry":
        kept = api.get(f"{PATH}/{partner}/versions", PartnerVersions)
        rows = ({**it.model_dump(), "fields": ", ".join(it.fields)} for it in kept.versions)
        show("versions", ("version", "applied_at", "applied_by", "reason", "fields"), rows)


@app.command("pause")
def pause(partner: str, connection: One = None, reason: Why = "", state_dir: StateDir = DEFAULT_STATE) -> None:
    """Call a partner's connections no more until they are resumed. What is owed to them waits."""
    _paused("pause", partner, connection, reason, state_dir)


@app.command("resume")
def resume(partner: str, connection: One = None, reason: Why = "", state_dir: StateDir = DEFAULT_STATE) -> None:
    """Let paused connections be live again. What waited goes on."""
    _paused("resume", partner, connection, reason, state_dir)


def _paused(verb: str, partner: str, connection: str | None, reason: str, state_dir: Path) -> None:
    said = {"connection": connection, "reason": reason}
    done = Api(state_dir).post(f"{PATH}/{partner}/{verb}", AppliedView, PauseRequest, said)
    _show_changes(done)


def rotate_connection(
    state_dir: Path, partner: str, connection: str, secrets: dict[str, str], valid_from: datetime, overlap: timedelta
) -> None:
    """Have a connection use other secrets from a moment on; those before it are accepted for the overlap longer."""
    api = Api(state_dir)
    kept = api.get(f"{PATH}/{partner}", PartnerView)
    found = kept.definition.connection(connection)
    if found is None or found.credentials is None:
        raise fail(f"{partner} has no connection {connection} with credentials")
    credentials = rotated(found.credentials, secrets, valid_from, valid_from + overlap)
    changed = found.model_copy(update={"credentials": credentials})
    connections = tuple(changed if it.name == connection else it for it in kept.definition.connections)
    definition = kept.definition.model_copy(update={"connections": connections})
    change = {**document_of(definition), "version": kept.version}
    done = _asked(api, [change], f"secrets of {connection} rotated", dry_run=False)
    for one in done.partners:
        _show_changes(one)
    console.print(f"They are used from {valid_from.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC on.")


def _listed(api: Api) -> Iterable[Any]:
    return api.get(PATH, PartnerList).partners


def _read(files: list[Path]) -> list[Any]:
    try:
        found = read_partners(files)
    except InvalidMessage as refused:
        raise fail(str(refused)) from None
    if not found:
        raise fail("there is no partner in these files")
    return found


def _asked(api: Api, said: list[Any], reason: str, *, dry_run: bool) -> AppliedList:
    """Ask for changes. Ends with everything that is wrong, by partner."""
    fields = {"partners": said, "reason": reason}
    answered = api.attempt(PATH, AppliedList, PartnersRequest, fields, dry_run=dry_run)
    if isinstance(answered, ProblemDetail):
        raise _wrong(said, [it.model_dump() for it in answered.findings])
    return answered


def _wrong(said: list[Any], found: list[dict[str, str]]) -> typer.Exit:
    """Say everything that was found, and end with 1."""
    return fail("nothing was changed\n" + "\n".join(f"  {_named(said, it['field'])}: {it['rule']}" for it in found))


def _named(said: list[Any], field: str) -> str:
    """A finding's field with the partner's id for its number: `partners[0].region` is north's."""
    place, _, rest = field.partition(".")
    number = place.removeprefix("partners[").removesuffix("]")
    one = said[int(number)] if number.isdigit() and int(number) < len(said) else None
    named = one.get("partner") if isinstance(one, dict) else None
    return f"{named} {rest}" if isinstance(named, str) else field


def _offline(said: list[Any]) -> list[dict[str, str]]:
    """What is wrong with partners by themselves, with the settings and secrets of this command."""
    found: list[dict[str, str]] = []
    changes: dict[str, PartnerDefinition] = {}
    for number, one in enumerate(said):
        try:
            changes[f"partners[{number}]"] = check(PartnerChange, one).definition
        except InvalidMessage as refused:
            found += [{**it, "field": f"partners[{number}].{it['field']}"} for it in refused.findings]
    config = configured()
    reader = SecretReader(config)
    around = Surroundings(reader.unreadable, frozenset(config.regions), frozenset(config.planning))
    return [*found, *findings(changes, {}, around)]
