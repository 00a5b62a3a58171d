"""An amendment is worked into the release once, with the names and addresses that workflows never see."""

import json
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.base import Role
from schemas.orders.release import OrderLine, OrderRelease, Party
from schemas.workflows.commands import AmendRequest, LineAmendment
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders, steps
from store.orders.amendments import amended
from tests import written
from tests.store.rows import DUE, FIRST, KEY, LATER, PICKED, RELEASE, everything, open_order, rows

SOONER = date(2026, 5, 18)
OTHER = Party(id="C2", name="Other", country="AT", address="Ring 2")


def wish(**changes: Any) -> AmendRequest:
    """A request."""
    return AmendRequest(id="a1", reason="customer asked", **changes)


async def commit(database: Database, request: AmendRequest) -> int:
    """The message that the gateway keeps of it."""
    kept = {"key": KEY, "verb": "amend", "by": "erp-one", "role": Role.ERP, "request": request.model_dump(mode="json")}
    message = NewMessage("erp-one", "api", inbox.AMEND, request.id, "d", json.dumps(kept).encode())
    async with database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [message])
    return inbox_id


async def release(database: Database) -> OrderRelease:
    """The release as systems are told it."""
    async with database.connection() as connection:
        return await orders.release_of(connection, KEY)


async def test_a_step_works_its_amendment_into_the_release_once(database: Database) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    more = await commit(database, wish(lines=(LineAmendment(line=1, quantity=50),), ship_to=OTHER))
    less = await commit(database, wish(lines=(LineAmendment(line=1, quantity=30),)))
    first = written.but(PICKED, version=1, amended_by=(more,))
    second = written.but(PICKED, version=2, amended_by=(less,))
    await steps.write(database, written.step(first))
    assert ((await release(database)).lines[0].quantity, (await release(database)).ship_to) == (50, OTHER)
    once = await everything(database)
    await steps.write(database, written.step(first))
    assert await everything(database) == once
    await steps.write(database, written.step(second))
    await steps.write(database, written.step(first))
    assert (await release(database)).lines[0].quantity == 30
    [order] = await rows(database, "order_view")
    assert (order["amended_in"], order["version"], order["digest"]) == (2, 2, "d")


async def test_a_step_whose_amendment_is_unknown_is_not_written(database: Database) -> None:
    await open_order(database)
    before = await everything(database)
    with pytest.raises(LookupError):
        await steps.write(database, written.step(written.but(PICKED, amended_by=(10**9,))))
    assert await everything(database) == before


TWO = RELEASE.model_copy(
    update={"lines": (*RELEASE.lines, OrderLine(line=2, item="B", quantity=5, requested_on=LATER))}
)


@pytest.mark.parametrize(
    ("changes", "lines", "day"),
    [
        ({"lines": (LineAmendment(line=1, quantity=7),)}, [(1, "A", 7, DUE), (2, "B", 5, LATER)], DUE),
        ({"lines": (LineAmendment(line=1, quantity=0),)}, [(2, "B", 5, LATER)], DUE),
        (
            {"lines": (LineAmendment(line=9, quantity=2, item="C"),)},
            [(1, "A", 40, DUE), (2, "B", 5, LATER), (9, "C", 2, DUE)],
            DUE,
        ),
        ({"lines": (LineAmendment(line=2, requested_on=SOONER),)}, [(1, "A", 40, DUE), (2, "B", 5, SOONER)], DUE),
        ({"requested_on": SOONER}, [(1, "A", 40, SOONER), (2, "B", 5, SOONER)], SOONER),
        (
            {"requested_on": SOONER, "lines": (LineAmendment(line=1, requested_on=LATER),)},
            [(1, "A", 40, LATER), (2, "B", 5, SOONER)],
            SOONER,
        ),
    ],
    ids=["quantity", "removed", "added", "day of a line", "day of the order", "both days"],
)
def test_what_an_amendment_makes_of_a_release(
    changes: dict[str, Any], lines: list[tuple[int, str, int, date]], day: date
) -> None:
    found = amended(TWO, wish(**changes))
    assert [(x.line, x.item, x.quantity, found.wanted_on(x)) for x in found.lines] == lines
    assert (found.requested_on, found.ship_to) == (day, TWO.ship_to)


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": (LineAmendment(line=1, quantity=0), LineAmendment(line=2, quantity=0))},
        {"requested_on": date(2026, 1, 1)},
    ],
    ids=["no line is left", "wanted before it was released"],
)
def test_what_is_no_release_any_more_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        amended(TWO, wish(**changes))
