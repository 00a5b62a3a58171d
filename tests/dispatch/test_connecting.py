"""How Temporal is reached: as settings say, or as its own variables and profiles say; by TLS with certificates."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from temporalio.client import Client
from temporalio.service import TLSConfig

from dispatch.temporal.connecting import connect, connect_options, namespace_of, profile_of
from schemas.connections import TemporalSettings
from schemas.settings import UnusableSettings, read_settings
from stack.layout import LocalStack

NAME = "temporal.example.com"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own configuration, and nothing that an earlier test has read."""
    profile_of.cache_clear()
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))
    for name in ("ADDRESS", "NAMESPACE", "API_KEY", "PROFILE", "TLS", "TLS_SERVER_NAME"):
        monkeypatch.delenv(f"TEMPORAL_{name}", raising=False)


def options(**said: Any) -> dict[str, Any]:
    profile_of.cache_clear()
    return connect_options(TemporalSettings.model_validate(said))


def test_without_any_word_it_is_the_server_of_this_machine() -> None:
    assert options()["target_host"] == "127.0.0.1:7233"
    assert options()["namespace"] == "default"
    assert "tls" not in options()


def test_a_stated_address_comes_with_its_key_and_by_tls() -> None:
    said = options(address="acme.tmprl.cloud:7233", namespace="acme", api_key="key")
    assert (said["target_host"], said["namespace"], said["api_key"]) == ("acme.tmprl.cloud:7233", "acme", "key")
    assert said["tls"] is True


def test_temporals_own_variables_say_what_settings_leave_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "elsewhere:7233")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "theirs")
    monkeypatch.setenv("TEMPORAL_API_KEY", "key")
    assert options()["target_host"] == "elsewhere:7233"
    assert (options()["api_key"], options()["tls"]) == ("key", True)
    assert namespace_of(TemporalSettings()) == "theirs"
    assert namespace_of(TemporalSettings(namespace="ours")) == "ours"


def test_they_are_not_read_when_an_address_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "elsewhere:7233")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "theirs")
    monkeypatch.setenv("TEMPORAL_API_KEY", "key")
    said = options(address="here:7233")
    assert (said["target_host"], said["namespace"]) == ("here:7233", "default")
    assert not {"api_key", "tls"} & said.keys()


def test_a_profile_of_temporals_file_is_taken(tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text('[profile.prod]\naddress = "prod:7233"\nnamespace = "orders"\n')
    assert options(profile="prod")["target_host"] == "prod:7233"
    assert namespace_of(TemporalSettings(profile="prod")) == "orders"
    with pytest.raises(UnusableSettings, match="TEMPORAL_ variables or profile"):
        options(profile="unknown")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SYNCLINE_TEMPORAL__MAIN__TLS__CA", "/nowhere/ca.pem", "SYNCLINE_TEMPORAL__MAIN__TLS__CA: "),
        ("SYNCLINE_TEMPORAL__MAIN__API_KEY", "s3cret", "SYNCLINE_TEMPORAL__MAIN: api_key and tls go with an address"),
        ("SYNCLINE_TEMPORAL__EU__ADDRESS", "eu:7233", "SYNCLINE_TEMPORAL: must have the region 'main' and no other"),
        ("SYNCLINE_DATABASE__MAIN__URL", "mysql://a:s3cret@b/c", "SYNCLINE_DATABASE__MAIN__URL: must be a URL"),
        (
            "SYNCLINE_DATABASE__MAIN__URL",
            "postgresql://a:s3cret@b/c?sslrootcert=/nowhere",
            "SYNCLINE_DATABASE__MAIN__URL: sslrootcert must name a file",
        ),
        ("SYNCLINE_GATEWAY_PORT", "s3cret", "SYNCLINE_GATEWAY_PORT: "),
    ],
)
def test_a_broken_rule_names_the_variable_and_no_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UnusableSettings) as raised:
        read_settings()
    assert str(raised.value).startswith(said)
    assert "s3cret" not in str(raised.value)


@asynccontextmanager
async def behind_tls(server: str, asked: ssl.SSLContext) -> AsyncIterator[str]:
    """A server that speaks TLS, as a cluster's load balancer does, before one that does not."""
    host, port = server.split(":")

    async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pipe(reader, ours), pipe(theirs, writer))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=asked)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


def pem(folder: Path, name: str, *blobs: trustme.Blob) -> str:
    file = folder / name
    file.write_bytes(b"".join(blob.bytes() for blob in blobs))
    return str(file)


async def test_a_cluster_with_mtls_is_reached_with_certificates_alone(
    tmp_path: Path, local_services: LocalStack
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    asked = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    asked.verify_mode = ssl.CERT_REQUIRED
    asked.set_alpn_protocols(["h2"])
    authority.issue_cert(NAME).configure_cert(asked)
    authority.configure_trust(asked)
    own = authority.issue_cert("syncline.example.com")
    files = {
        "ca": pem(tmp_path, "ca.pem", authority.cert_pem),
        "certificate": pem(tmp_path, "own.pem", *own.cert_chain_pems),
        "key": pem(tmp_path, "own.key", own.private_key_pem),
    }
    async with behind_tls(local_services.settings.main_temporal.address, asked) as address:

        async def reached(**tls: str) -> Client:
            return await connect(TemporalSettings.model_validate({"address": address, "tls": tls}))

        client = await reached(**files, server_name=NAME)
        assert await client.service_client.check_health()
        for wrong in (
            {"ca": files["ca"], "server_name": NAME},
            {**files, "ca": pem(tmp_path, "other.pem", stranger.cert_pem), "server_name": NAME},
            {**files, "server_name": "another.example.com"},
        ):
            with pytest.raises(RuntimeError):
                await reached(**wrong)


def test_certificates_are_read_from_their_files(tmp_path: Path) -> None:
    own = trustme.CA().issue_cert(NAME)
    said = options(
        address="here:7233",
        tls={
            "certificate": pem(tmp_path, "own.pem", *own.cert_chain_pems),
            "key": pem(tmp_path, "own.key", own.private_key_pem),
        },
    )
    assert isinstance(said["tls"], TLSConfig)
    assert said["tls"].client_private_key == own.private_key_pem.bytes()
    with pytest.raises(ValueError, match="certificate and key go together"):
        TemporalSettings.model_validate({"address": "here:7233", "tls": {"key": tmp_path / "own.key"}})
