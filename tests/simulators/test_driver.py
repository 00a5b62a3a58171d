"""The driver: what may be asked twice is asked again when a connection breaks."""

import httpx
import pytest

from simulators import driver


async def test_a_connection_that_breaks_is_tried_again_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "TRY_AGAIN_AFTER_S", 0)
    asked: list[int] = []

    def breaking(times: int) -> driver.Ask:
        asked.clear()

        async def ask() -> httpx.Response:
            asked.append(1)
            if len(asked) <= times:
                raise httpx.ReadError("")
            return httpx.Response(200)

        return ask

    assert (await driver.asked_again(breaking(3))).status_code == 200
    assert len(asked) == 4
    with pytest.raises(httpx.ReadError):
        await driver.asked_again(breaking(100))
    assert len(asked) == driver.BROKEN_AT_MOST + 1
