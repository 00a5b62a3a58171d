"""The promise that answers a release: from free stock and supply, reserved in the same transaction, once per order."""

from domain.promise import promise
from domain.promising import offer
from schemas.base import Variant
from schemas.exceptions import OrderPolicy
from schemas.lifecycle import AcceptedRelease
from schemas.orders import OrderRelease, Promise
from store import promising
from store.engine import Connection, Database
from store.orders import order_key


async def promised(database: Database, accepted: AcceptedRelease, policy: OrderPolicy) -> Promise:
    """Promise an accepted release. Who asks again is promised the same.

    Direct drops, replays of past business time, and items of which no stock is known are promised by lead time.
    """
    release = accepted.release
    key = order_key(accepted.erp, release.number)
    if not _from_stock(release):
        return promise(release)
    async with database.transaction() as connection:
        known = await promising.offered(connection, key)
        if known is not None:
            return known
        free = await promising.free(connection, release.site or "", (x.item for x in release.lines), locked=True)
        if not free:
            return promise(release)
        made = offer(release, free, policy.backorder_days)
        await promising.reserve(connection, key, made.promise, made.pegs)
    return made.promise


async def would_promise(connection: Connection, release: OrderRelease, policy: OrderPolicy) -> Promise:
    """What would be promised now. Nothing is reserved."""
    items = (x.item for x in release.lines)
    free = await promising.free(connection, release.site or "", items, locked=False) if _from_stock(release) else {}
    return offer(release, free, policy.backorder_days).promise if free else promise(release)


def _from_stock(release: OrderRelease) -> bool:
    return release.variant is Variant.DISTRIBUTION_CENTRE and release.clock == "wall"
