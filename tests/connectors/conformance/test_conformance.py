"""Every connector that says that it conforms passes every check, in every call that it can make."""

from collections.abc import Callable

import pytest

from connectors.adapters import Adapter
from connectors.ports import StockPort
from connectors.registry import ADAPTERS
from tests.connectors.conformance import checks
from tests.connectors.conformance.bench import Bench, StandIn
from tests.connectors.conformance.checks import CHECKS, Check
from tests.connectors.conformance.samples import SAMPLES, Sample
from tests.connectors.conformance.standard import StandardStandIn
from tests.connectors.karrio.stand_in import KarrioStandIn

STAND_INS: dict[str, Callable[[], StandIn]] = {
    "standard": StandardStandIn,
    "karrio": KarrioStandIn,
    # one stand-in a line, by the name of its adapter
}


def can(adapter: Adapter, sample: Sample) -> bool:
    """Whether an adapter makes this call."""
    return sample.system in adapter.systems and sample.name in adapter.operations


CALLS = [(name, sample) for name in STAND_INS for sample in SAMPLES if can(ADAPTERS[name], sample)]
LISTS = [
    (name, system)
    for name in STAND_INS
    for system in sorted(ADAPTERS[name].systems)
    if f"{StockPort.__name__}.orders" in ADAPTERS[name].operations
]


def test_who_says_that_it_conforms_has_a_stand_in_here() -> None:
    assert {name for name, adapter in ADAPTERS.items() if adapter.conformant} == set(STAND_INS)


def test_every_call_that_changes_something_has_a_sample() -> None:
    reading = {"StockPort", "MasterDataPort"}
    every = {it for adapter in ADAPTERS.values() for it in adapter.operations if it.split(".")[0] not in reading}
    assert every <= {sample.name for sample in SAMPLES}


@pytest.mark.parametrize(("name", "sample"), CALLS, ids=lambda it: getattr(it, "name", it))
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_a_connector_conforms(check: Check, name: str, sample: Sample) -> None:
    await check(Bench(ADAPTERS[name], STAND_INS[name](), sample))


@pytest.mark.parametrize(("name", "system"), LISTS)
async def test_a_list_is_read_whole(name: str, system: str) -> None:
    sample = next(it for it in SAMPLES if it.system == system)
    await checks.paging(Bench(ADAPTERS[name], STAND_INS[name](), sample))
