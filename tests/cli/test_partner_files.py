"""The registry as files: what is written is read again, what a file may not hold, and the commands on it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.partner_files import read_partners, written
from schemas.parsing import InvalidMessage
from tests.cli.conftest import Terminal
from tests.domain.partners.samples import API, NORTH

LIVE = {**NORTH, "connections": [API, *NORTH["connections"][1:]]}
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | NAMES | st.sampled_from(["NO", "12:30", "0012", "~"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def read(folder: Path, text: str) -> list[Any]:
    """What a file with this text holds."""
    (folder / "partners.yaml").write_text(text, encoding="utf-8")
    return read_partners([folder / "partners.yaml"])


@given(partners=st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), max_size=3))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, partners: list[dict[str, Any]]
) -> None:
    assert read(tmp_path_factory.mktemp("files"), written(partners)) == partners


def test_a_text_is_what_it_looks_like(tmp_path: Path) -> None:
    [found] = read(
        tmp_path, "region: NO\nok: yes\nday: 2026-01-01\nat: 12:30:00\ncode: 0012\nby: 997\nfree: ~\nfine: true\n"
    )
    assert found == {
        "region": "NO",
        "ok": "yes",
        "day": "2026-01-01",
        "at": "12:30:00",
        "code": "0012",
        "by": 997,
        "free": None,
        "fine": True,
    }


def test_many_partners_stand_in_a_file_or_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "a.yaml").write_text("partner: a\n---\n- partner: b\n- partner: c\n---\n")
    (tmp_path / "more" / "d.yml").write_text("partner: d\n")
    (tmp_path / "note.txt").write_text("none")
    assert [it["partner"] for it in read_partners([tmp_path])] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "line 2: a name stands there twice"),
        ("x: {b: 1, b: 2}\n", "line 1: a name stands there twice"),
        ("? [a]\n: 1\n", "line 1"),
        ("a: &x [1]\nb: *x\n", "an alias"),
        ("a: !!python/object/apply:os.system [echo]\n", "line 1"),
        ('token: "sk-live-4f9a\n', "line 2"),
        ("token: %sk-live-4f9a\n", "line 1"),
    ],
)
def test_a_file_that_says_more_than_json_can_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidMessage, match=said) as refused:
        read(tmp_path, text)
    assert "sk-live" not in str(refused.value)
    assert "partners.yaml" in str(refused.value)


async def test_the_registry_is_kept_in_files(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORTH_TOKEN", "t0p-s3cr3t")
    file, out = tmp_path / "north.yaml", tmp_path / "out.yaml"
    file.write_text(written([LIVE]), encoding="utf-8")
    assert "1 partners keep the rules." in await terminal("partner", "check", str(file))
    assert "1 partners keep the rules." in await terminal("partner", "check", "--offline", str(file))
    assert "north-3pl created + calendar: DE-BE" in await terminal("partner", "diff", str(file))
    assert "north-3pl created, version 1" in await terminal("partner", "apply", str(file), "--reason", "begun")
    assert "north-3pl unchanged, version 1" in await terminal("partner", "apply", str(file))
    await terminal("partner", "export", "north-3pl", "--output", str(out))
    assert (await terminal("partner", "diff", str(out), "--exit-code")).endswith("north-3pl unchanged")

    assert "+ connections[api].state: paused" in await terminal("partner", "pause", "north-3pl", "--connection", "api")
    assert "no live connection" in await terminal("partner", "pause", "north-3pl", code=1)
    differs = await terminal("partner", "diff", str(out), "--exit-code", code=1)
    assert "- connections[api].state: paused + connections[api].state: live" in differs
    assert "+ connections[api].state: live" in await terminal("partner", "resume", "north-3pl")

    shown = await terminal("partner", "show", "north-3pl")
    assert "north-3pl: registry, version 3" in shown
    assert "begun" in shown
    assert "state: paused" in await terminal("partner", "export", "north-3pl", "--version", "2")
    assert "name the partner" in await terminal("partner", "export", "--version", "2", code=1)
    listed = await terminal("partner", "list")
    assert "wms, carrier" in listed
    assert "api live, instructions draft" in listed
    everything = (shown, listed, out.read_text(), await terminal("partner", "export"))
    assert not [text for text in everything if "t0p-s3cr3t" in text]


async def test_what_is_wrong_is_said_by_partner_and_field(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NORTH_TOKEN", raising=False)
    file = tmp_path / "bad.yaml"
    file.write_text(written([{**LIVE, "calendar": "XX"}, {"partner": "south", "name": "S", "roles": ["robot"]}]))
    for words in (("apply",), ("check",), ("check", "--offline"), ("diff",)):
        said = await terminal("partner", *words, str(file), code=1)
        assert "nothing was changed" in said
        assert "north-3pl calendar: is no country" in said
        assert "north-3pl connections[0].credentials.secrets.token: the variable NORTH_TOKEN is not set here" in said
        assert "south roles[0]: Input should be" in said
    file.write_text("")
    assert "there is no partner in these files" in await terminal("partner", "check", str(file), code=1)


async def test_secrets_and_keys_change_over_with_an_overlap(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCLINE_MASTER_SECRET", "a master secret that is long enough to be one")
    for name in ("NORTH_TOKEN", "NEW_TOKEN"):
        monkeypatch.setenv(name, "x")
    file = tmp_path / "north.yaml"
    file.write_text(written([LIVE]), encoding="utf-8")
    await terminal("partner", "apply", str(file))
    turned = await terminal(
        *("partner", "rotate", "north-3pl", "--connection", "api", "--secret", "token=env:NEW_TOKEN"),
        *("--valid-from", "2099-01-01", "--overlap-hours", "2"),
    )
    assert "used from 2099-01-01 00:00:00 UTC" in turned
    kept = await terminal("partner", "export", "north-3pl")
    assert "token: env:NEW_TOKEN" in kept
    assert 'until: "2099-01-01T02:00:00Z"' in kept
    wrong = ("partner", "rotate", "north-3pl", "--connection", "api", "--secret")
    assert "is not set here" in await terminal(*wrong, "token=env:NOWHERE_AT_ALL", code=1)
    assert "name the new secrets" in await terminal(*wrong, "token", code=1)
    none = ("partner", "rotate", "north-3pl", "--connection", "reports", "--secret", "token=env:NEW_TOKEN")
    assert "no connection reports with credentials" in await terminal(*none, code=1)

    gateway = terminal.gateway
    said = await terminal("partner", "rotate", "helpdesk", "--api-key", "--overlap-hours", "1")
    key = said.split()[2]
    assert key.startswith("sk_helpdesk_")
    assert "Those before it work until" in said
    new = {"Authorization": f"Bearer {key}"}
    for headers in (new, gateway.auth("helpdesk")):
        assert (await gateway.client.get("/v1/partners", headers=headers)).status_code == 200
    await terminal("partner", "rotate", "helpdesk", "--api-key", "--overlap-hours", "0")
    now = [10_000.0]
    gateway.set_clock(lambda: now[0])
    assert (await gateway.client.get("/v1/partners", headers=gateway.auth("helpdesk"))).status_code == 401
    assert "no partner is called nobody" in await terminal("partner", "rotate", "nobody", "--api-key", code=1)
    assert "is described in the registry" in await terminal(
        "partner", "add", "north-3pl", "carrier", "Other", "--yes", code=1
    )
    assert "API key sk_north-3pl_" in await terminal("partner", "add", "north-3pl", "wms", NORTH["name"], "--yes")
    assert (await gateway.rows("SELECT roles FROM partner WHERE id = 'north-3pl'")) == [{"roles": ["wms", "carrier"]}]
