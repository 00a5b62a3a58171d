"""From a call to its connection, by the environment: the target's own first, then that for any; else it waits."""

from typing import NamedTuple

import pytest
from pydantic import SecretStr

from connectors.connections import CLOSED_RETRY_S, ClosedPlace, EnvironmentConnections, LocatedConnections
from connectors.ports import Unavailable
from schemas.authentication import BearerToken, NoAuthentication
from schemas.base import Origin, System
from schemas.settings import Endpoint, Settings

OWN, ANY = Endpoint(url="http://own.test", token=SecretStr("t")), Endpoint(url="http://any.test/{id}")
CONNECTIONS = EnvironmentConnections.of_settings(Settings(erp={"erp-one": OWN, "*": ANY}, wms={"LYS": OWN}))


def test_a_systems_own_endpoint_goes_before_the_general_one() -> None:
    own, other = CONNECTIONS.of(System.ERP, "erp-one"), CONNECTIONS.of(System.ERP, "erp-two")
    assert (own.name, own.url) == ("erp/erp-one", "http://own.test")
    assert (other.name, other.url) == ("erp/erp-two", "http://any.test/{id}")
    assert own.authentication == BearerToken(token=SecretStr("t"))
    assert other.authentication == NoAuthentication()


def test_targets_with_an_address_of_their_own_are_connections_of_their_own() -> None:
    assert CONNECTIONS.of(System.ERP, "a").name != CONNECTIONS.of(System.ERP, "b").name
    one = EnvironmentConnections({System.TMS: {"*": OWN}})
    assert one.of(System.TMS, "EMEA") is one.of(System.TMS, "AMER"), "one address is one system"


def test_a_system_without_an_endpoint_is_our_own_fault_and_waits() -> None:
    with pytest.raises(Unavailable) as failed:
        CONNECTIONS.of(System.WMS, "PAR")
    assert failed.value.origin is Origin.PLATFORM
    assert "SYNCLINE_WMS" in str(failed.value)


def test_every_connection_can_be_listed() -> None:
    assert [it.name for it in CONNECTIONS.named()] == ["erp/erp-one", "erp/*", "wms/LYS"]


class Paused(NamedTuple):
    """A connection that takes no calls."""

    why: str


def test_a_registry_goes_before_the_environment_and_may_close_a_connection() -> None:
    known: dict[str, Endpoint | ClosedPlace] = {"erp-one": ANY, "erp-two": Paused("connection two/orders is paused")}
    located = LocatedConnections(lambda _, target: known.get(target), CONNECTIONS)
    assert located.of(System.ERP, "erp-one").url == ANY.url, "not its own in the environment"
    assert located.of(System.ERP, "erp-three") == CONNECTIONS.of(System.ERP, "erp-three")
    with pytest.raises(Unavailable, match="erp erp-two: connection two/orders is paused") as closed:
        located.of(System.ERP, "erp-two")
    assert (closed.value.origin, closed.value.retry_after_s) == (Origin.PLATFORM, CLOSED_RETRY_S)
    assert closed.value.undone
    known["erp-two"] = OWN
    assert located.of(System.ERP, "erp-two").url == OWN.url
