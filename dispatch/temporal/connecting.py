"""The connection to Temporal: one way for every process, from a plain address to Temporal Cloud."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile, ClientConfigTLS

from schemas.connections import LOCAL_TEMPORAL, TemporalSettings
from schemas.settings import UnusableSettings
from workflows.runtime.payloads import CONVERTER

DEFAULT_NAMESPACE = "default"


@lru_cache(maxsize=8)
def profile_of(temporal: TemporalSettings) -> ClientConfigProfile:
    """The connection profile of Temporal; address and namespace are always set. Read once. Raises `UnusableSettings`
    when Temporal's own variables or its configuration file cannot be read."""
    if temporal.address:
        found = _stated(temporal)
    else:
        try:
            found = ClientConfigProfile.load(profile=temporal.profile or None)
        except RuntimeError as error:  # the SDK has no narrower type for a file or variable that it cannot read
            raise UnusableSettings(f"TEMPORAL_ variables or profile: {error}") from None
    namespace = temporal.namespace or found.namespace or DEFAULT_NAMESPACE
    return replace(found, address=found.address or LOCAL_TEMPORAL, namespace=namespace)


def namespace_of(temporal: TemporalSettings) -> str:
    """The namespace that is worked in. Raises as `profile_of` does."""
    return profile_of(temporal).namespace or DEFAULT_NAMESPACE


def _stated(temporal: TemporalSettings) -> ClientConfigProfile:
    tls = temporal.tls
    return ClientConfigProfile(
        address=temporal.address,
        api_key=temporal.api_key.get_secret_value() or None,
        tls=ClientConfigTLS(
            server_name=tls.server_name or None,
            server_root_ca_cert=tls.ca,
            client_cert=tls.certificate,
            client_private_key=tls.key,
        )
        if tls
        else None,
    )


def connect_options(temporal: TemporalSettings) -> dict[str, Any]:
    """Arguments of `Client.connect`, certificates read. Raises `UnusableSettings`, which names the file or variable."""
    profile = profile_of(temporal)
    try:
        return {**profile.to_client_connect_config(), "data_converter": CONVERTER}
    except OSError as error:
        raise UnusableSettings(f"TLS towards Temporal: {error.filename}: {error.strerror}") from None


async def connect(temporal: TemporalSettings) -> Client:
    """A client. Raises `UnusableSettings`, and RuntimeError when Temporal does not answer or refuses the caller."""
    return await Client.connect(**connect_options(temporal))
