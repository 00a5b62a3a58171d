"""From a call to its system: by target, each connection with its own adapter, client and settings."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from inspect import signature

import httpx
import pytest
from pydantic import BaseModel, SecretStr

from connectors.adapters import Adapter, methods_of
from connectors.connections import ConnectionSettings
from connectors.http.client import SystemClient
from connectors.ports import Call, ConnectorError, ErpPort, OnceKind, Refused, StockPort, Unavailable
from connectors.registry import ADAPTERS
from connectors.routing import CallRouter
from connectors.standard.clients import StandardErp
from domain.partners.adapters import ADAPTERS as KNOWN
from domain.partners.adapters import MASTER_DATA
from schemas.authentication import BearerToken
from schemas.base import Origin, System
from schemas.messaging.instructions import Accepted, ErpCancellation, ErpPromise

MESSAGE = ErpCancellation(order="SO-1", reason="withdrawn")


class OtherSettings(BaseModel):
    """What the other make is told."""

    company: int


@dataclass(frozen=True)
class OtherErp:
    """Another make of ERP: one call, at an address of its own."""

    client: SystemClient
    settings: OtherSettings

    async def confirm_cancellation(self, message: ErpCancellation, call: Call) -> Accepted:
        """Cancel."""
        return await self.client.post(f"/{self.settings.company}/cancel", message, call, Accepted)


OTHER = Adapter(
    name="other",
    title="Another ERP",
    systems=frozenset({System.ERP}),
    ports={ErpPort: lambda it: OtherErp(it.client, it.settings)},
    once=OnceKind.NEITHER,
    client=SystemClient,
    settings=OtherSettings,
    without=frozenset({"ErpPort.reschedule_promise", "ErpPort.report_milestone", "ErpPort.report_change"}),
)
ONE = ConnectionSettings("one", System.ERP, "http://one.test", authentication=BearerToken(token=SecretStr("a")))
TWO = ConnectionSettings("two", System.ERP, "http://two.test", adapter="other", settings={"company": 7})


@dataclass
class Known:
    """Connections by target."""

    by_target: dict[str, ConnectionSettings] = field(default_factory=lambda: {"erp-one": ONE, "erp-two": TWO})

    def of(self, system: System, target: str) -> ConnectionSettings:
        """See Connections."""
        return self.by_target[target]

    def named(self) -> tuple[ConnectionSettings, ...]:
        """See Connections."""
        return tuple(self.by_target.values())


class Seen(list[httpx.Request]):
    """Every request, answered well."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.append(request)
        return httpx.Response(200, json={"reference": "R"})


def router(seen: Callable[[httpx.Request], httpx.Response], known: Known | None = None) -> CallRouter:
    """Two makes of ERP, side by side."""
    return CallRouter(known or Known(), {**ADAPTERS, "other": OTHER}, httpx.MockTransport(seen))


async def cancel(port: ErpPort, target: str) -> Accepted:
    """Confirm a cancellation to an ERP."""
    return await port.confirm_cancellation(MESSAGE, Call(target, "k"))


async def failure(port: ErpPort, target: str) -> ConnectorError:
    """How it fails."""
    with pytest.raises(ConnectorError) as failed:
        await cancel(port, target)
    return failed.value


async def test_two_makes_of_erp_stand_side_by_side() -> None:
    seen = Seen()
    async with router(seen) as routes:
        port = routes.port(ErpPort, System.ERP)
        for target in ("erp-one", "erp-two", "erp-one"):
            await cancel(port, target)
        assert [routes.once(System.ERP, it).kind for it in ("erp-one", "erp-two")] == ["key", "neither"]
    assert [str(it.url) for it in seen] == [
        "http://one.test/v1/orders/SO-1/cancellation",
        "http://two.test/7/cancel",
        "http://one.test/v1/orders/SO-1/cancellation",
    ]
    assert [it.headers.get("authorization") for it in seen] == ["Bearer a", None, "Bearer a"]


async def test_what_an_adapter_cannot_do_is_refused_and_not_sent() -> None:
    seen = Seen()
    async with router(seen) as routes:
        port = routes.port(ErpPort, System.ERP)
        message = ErpPromise(order="SO-1", promised_on=date(2026, 6, 1))
        with pytest.raises(Refused, match="two: the connector other cannot do reschedule_promise") as refused:
            await port.reschedule_promise(message, Call("erp-two", "k"))
        with pytest.raises(Refused, match="cannot do stock"):
            await routes.port(StockPort, System.ERP).stock("", 1, Call("erp-two", "k"))
    assert refused.value.origin is Origin.PLATFORM
    assert seen == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"adapter": "north"}, "two: there is no connector north"),
        ({"settings": {}}, "two: settings of other: company: Field required"),
        ({"settings": {"company": "a-secret"}}, "two: settings of other: company: Input should be a valid integer"),
        ({"system": System.WMS}, "two: other is no connector for a wms"),
    ],
)
async def test_a_connection_that_cannot_be_used_waits_and_says_why(broken: dict[str, object], said: str) -> None:
    known = Known({"erp-two": replace(TWO, **broken)})  # type: ignore[arg-type]
    async with router(Seen(), known) as routes:
        error = await failure(routes.port(ErpPort, System.ERP), "erp-two")
    assert (type(error), error.origin) == (Unavailable, Origin.PLATFORM)
    assert str(error).startswith(said)
    assert "a-secret" not in str(error)


async def test_changed_settings_count_at_the_next_call_and_old_calls_end_well() -> None:
    known, going, goes_on = Known(), asyncio.Event(), asyncio.Event()
    clients: list[SystemClient] = []

    @dataclass(frozen=True)
    class Slow(StandardErp):
        async def confirm_cancellation(self, message: ErpCancellation, call: Call) -> Accepted:
            clients.append(self.client)
            if call.key == "slow":
                going.set()
                await goes_on.wait()
            return await super().confirm_cancellation(message, call)

    slow = replace(
        OTHER, name="slow", ports={ErpPort: lambda it: Slow(it.client)}, settings=ADAPTERS["standard"].settings
    )
    known.by_target["erp-one"] = replace(ONE, adapter="slow")
    seen = Seen()
    async with CallRouter(known, {"slow": slow}, httpx.MockTransport(seen)) as routes:
        port = routes.port(ErpPort, System.ERP)
        first = asyncio.create_task(port.confirm_cancellation(MESSAGE, Call("erp-one", "slow")))
        await going.wait()
        known.by_target["erp-one"] = replace(ONE, adapter="slow", url="http://new.test")
        await cancel(port, "erp-one")
        old, new = clients
        assert not old._http.is_closed, "a call is under way"
        goes_on.set()
        assert (await first).reference == "R"
        assert old._http.is_closed
        assert not new._http.is_closed
    assert [it.url.host for it in seen] == ["new.test", "one.test"]
    assert new._http.is_closed


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda it: it.name)
def test_every_adapter_has_the_methods_that_it_says(adapter: Adapter) -> None:
    assert adapter.name in ADAPTERS
    for port in adapter.ports:
        for name in methods_of(port):
            assert "call" in signature(getattr(port, name)).parameters, "the router finds the target in it"
    assert adapter.operations
    assert not adapter.without - {f"{port.__name__}.{name}" for port in adapter.ports for name in methods_of(port)}


def test_the_registry_of_partners_knows_its_adapters_as_they_are() -> None:
    """Rules of the registry are pure, so that its list stands apart from the connectors. It has no place yet for what
    other adapters need of a login and of settings: those are connected by the environment."""
    assert KNOWN
    assert {name: it.systems for name, it in KNOWN.items()} == {name: ADAPTERS[name].systems for name in KNOWN}
    for name, known in KNOWN.items():
        assert set(known.options) - {MASTER_DATA} == set(ADAPTERS[name].settings.model_fields)
