"""From an accepted release to its start in the gateway: with the days of its places, its policy, and its promise."""

from datetime import UTC, datetime

from dispatch.orders import days
from dispatch.orders.promising import first_promise
from domain.cases.escalation_policies import order_policy
from domain.orders.opening import begins, opening
from schemas.orders.release import OrderRelease
from schemas.workflows.lifecycle import AcceptedRelease, OrderStart
from store.cases import policies
from store.engine import Database
from store.orders import orders


async def opened(database: Database, key: str, released: OrderRelease | None = None) -> OrderStart:
    """The order's start, promised; `released`: as amendments have made the release. Its policy travels along only where
    it differs from the defaults."""
    async with database.transaction() as connection:
        accepted: AcceptedRelease = await orders.accepted(connection, key)
        accepted = accepted.model_copy(update={"release": released or accepted.release})
        release, moment = accepted.release, begins(accepted)
        way = await days.of_order(connection, accepted.erp, release, moment)
        await orders.delivered_in(connection, key, way.there.zone.name)
        start = opening(accepted, way)
        policy = order_policy(
            await policies.rules(connection, "order"),
            partner=start.erp,
            site=start.site,
            region=start.region,
            customer=release.ship_to.id,
        )
        others = await days.of_carriers(connection, start.erp, policy.carriers, start.region, moment)
    start = start.model_copy(update={"carriers": {**others, **start.carriers}}) if others else start
    start = await first_promise(database, start, release, policy, datetime.now(UTC))
    differs = policy.model_fields_set - {"version"}
    return start.model_copy(update={"policy": policy}) if differs else start
