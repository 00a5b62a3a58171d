"""Forecasts: planning sends them in bulk, version by version; planning and people read how good they were."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from domain.forecast import accuracy, compare
from gateway.admission import digest_of
from gateway.auth import PlanningCaller, ProposingCaller
from gateway.commands import JSON
from gateway.exchange import exchange_of
from gateway.limits import read_body
from gateway.openapi import Body, takes
from gateway.problems import answers_of, invalid
from gateway.services import answer, services_of
from schemas.base import Day, SiteId
from schemas.door import admit
from schemas.forecast import Bucket, ForecastAccuracy, ForecastBatch, ForecastTaken
from schemas.milestones import ItemId
from store import erp_feed, forecast, inbox
from store.inbox import NewMessage

router = APIRouter(tags=["planning"])
FORECAST = "forecast"
"""Kind of an inbox message that brings forecasts."""
MAX_SPAN = timedelta(days=1100)


@router.post(
    "/v1/forecasts",
    summary="Send a forecast",
    status_code=201,
    response_model=ForecastTaken,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "ForecastBatch")),
)
async def send(request: Request, caller: ProposingCaller) -> Response:
    """Up to 10,000 rows of a version, kept before it is answered. Only what changes something goes on to the ERP."""
    gateway, exchange = services_of(request), exchange_of(request.scope)
    _, raw = await read_body(request, JSON)
    batch = admit(ForecastBatch, raw)
    message = NewMessage(
        partner=caller.partner,
        channel="api",
        kind=FORECAST,
        external_id=batch.version,
        digest=digest_of(raw),
        raw=raw,
        traceparent=exchange.traceparent,
        headers={"request-id": exchange.request_id},
    )
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.accept(connection, [message])
        taken, changed = await forecast.take_in(connection, caller.partner, batch)
        await erp_feed.owe_forecasts(connection, gateway.settings.stock_owner, changed)
        new = taken.superseded < len(batch.rows)
        reason = f"a later version is known of {taken.superseded} rows" if taken.superseded else None
        await inbox.settle(connection, [inbox_id], "applied" if new else "superseded", [reason])
    gateway.metrics.accepted(FORECAST)
    return answer(taken, 201)


@router.get(
    "/v1/forecasts/accuracy",
    summary="Accuracy of the forecast",
    response_model=ForecastAccuracy,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def read_accuracy(
    request: Request,
    _caller: PlanningCaller,
    item: Annotated[ItemId, Query()],
    site: Annotated[SiteId, Query()],
    begin: Annotated[Day, Query(alias="from", description="Periods that begin on this day or later.")],
    end: Annotated[Day, Query(alias="to", description="Periods that begin before this day.")],
    bucket: Annotated[Bucket, Query()] = Bucket.WEEK,
) -> Response:
    """WMAPE, bias and forecast value added, over the periods that are over and were forecast before they began."""
    if not begin < end <= begin + MAX_SPAN:
        raise invalid([{"field": "to", "rule": f"must lie after `from`, by {MAX_SPAN.days} days at most"}])
    now = datetime.now(UTC)
    over = min(end, bucket.begins(now.date()))
    before = bucket.begins(bucket.begins(begin) - timedelta(days=1))
    async with services_of(request).database.connection() as connection:
        said = await forecast.expected(connection, item, site, bucket, begin, over)
        left = await forecast.shipped(connection, item, site, _midnight(before), _midnight(bucket.following(over)))
    periods = compare(bucket, said, left)
    found = accuracy(periods)._asdict()
    return answer(ForecastAccuracy(item=item, site=site, bucket=bucket, as_of=now, periods=periods, **found))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
