"""The kit itself: it passes systems without keys, and catches a connector that forgets one thing."""

import pytest

from connectors.ports import BulkErpPort, ErpPort, OnceKind, WmsPort
from connectors.registry import ADAPTERS
from tests.connectors.conformance import checks
from tests.connectors.conformance.bench import Bench
from tests.connectors.conformance.checks import CHECKS, Check
from tests.connectors.conformance.samples import SAMPLES, Sample
from tests.connectors.conformance.standard import StandardStandIn
from tests.connectors.conformance.toys import ToyStandIn, forgetful, toy


def sample(port: type, method: str) -> Sample:
    """The sample of a call."""
    [found] = [it for it in SAMPLES if (it.port, it.method) == (port, method)]
    return found


CANCEL = sample(WmsPort, "cancel")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", [OnceKind.NATURAL_KEY, OnceKind.NEITHER])
async def test_a_system_without_keys_can_conform(kind: OnceKind, check: Check) -> None:
    await check(Bench(toy(kind), ToyStandIn(), CANCEL))


@pytest.mark.parametrize(
    ("forgets", "check", "said"),
    [
        ("once", checks.once, "a repeat counted"),
        ("refusals", checks.lost_answer, "a lost answer is no refusal"),
        ("lost_answer", checks.lost_answer, "the system may have done it"),
        ("not_reached", checks.not_reached, "could go on at once"),
        ("failures_by_origin", checks.failures_by_origin, "has the origin platform"),
        ("refusals", checks.failures_by_origin, "is no refusal"),
        ("retry_after", checks.failures_by_origin, "it said when to come back"),
        ("secrets", checks.failures_by_origin, "an error holds the secret"),
        ("clock_skew", checks.clock_skew, "for hours"),
        ("garbage", checks.garbage, "took for an answer what is none"),
        ("huge", checks.huge, "bytes were read"),
        ("slow", checks.slow, "it waited longer"),
        ("content", checks.content, "is not in"),
        ("limits", checks.limits, "calls at once"),
    ],
)
async def test_what_a_connector_forgets_is_caught(forgets: str, check: Check, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        await check(Bench(forgetful(forgets), StandardStandIn(), CANCEL))
    await check(Bench(forgetful("nothing"), StandardStandIn(), CANCEL))


async def test_amounts_that_were_binary_fractions_are_caught() -> None:
    with pytest.raises(AssertionError, match="is not in"):
        await checks.content(Bench(forgetful("nothing"), StandardStandIn(), sample(BulkErpPort, "post_freight")))


async def test_moments_without_their_offset_are_caught() -> None:
    adapter = forgetful("moments")
    adapter.ports[ErpPort] = ADAPTERS["standard"].ports[ErpPort]  # type: ignore[index]
    with pytest.raises(AssertionError, match="a moment without its offset"):
        await checks.content(Bench(adapter, StandardStandIn(), sample(ErpPort, "report_milestone")))


async def test_a_list_that_is_not_read_whole_is_caught() -> None:
    with pytest.raises(AssertionError, match="lost"):
        await checks.paging(Bench(forgetful("nothing"), StandardStandIn(), CANCEL))


async def test_a_natural_key_that_is_not_looked_for_is_caught() -> None:
    blind = toy(OnceKind.NEITHER)
    object.__setattr__(blind, "once", OnceKind.NATURAL_KEY)
    with pytest.raises(AssertionError, match="a repeat counted"):
        await checks.once(Bench(blind, ToyStandIn(), CANCEL))
