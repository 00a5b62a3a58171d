"""Forecasts: planning sends them in bulk, version by version; planning and people read how good they were."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from dispatch.inventory.intake import Brought, keep_forecast, named_in
from dispatch.orders.days import of_sites
from dispatch.partners.master_data import unsettled
from domain.days import day_of
from domain.planning.forecast import accuracy, compare
from gateway.api.command_handling import JSON
from gateway.http.auth import PlanningCaller, ProposingCaller
from gateway.http.limits import read_body
from gateway.http.problems import answers_of, invalid
from gateway.http.request_context import request_context_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from schemas.base import Day, SiteId, Whole
from schemas.orders.milestones import ItemId
from schemas.parsing import parse_strict
from schemas.planning.forecast import Actual, ForecastAccuracy, ForecastBatch, ForecastTaken, Naive, PeriodLength
from store.messaging import inbox
from store.planning import demand, forecast

router = APIRouter(tags=["planning"])
MAX_SPAN = timedelta(days=1100)


@router.post(
    "/v1/forecasts",
    summary="Send a forecast",
    status_code=201,
    response_model=ForecastTaken,
    responses={
        202: {"description": "Committed; rows that are `waiting` follow", "model": ForecastTaken},
        **answers_of(401, 403, 413, 415, 422, 429, 503),
    },
    openapi_extra=takes(Body(JSON, "ForecastBatch")),
)
async def send(request: Request, caller: ProposingCaller) -> Response:
    """Up to 10,000 rows of a version, kept before the answer. Only changes go on to the ERP.

    Rows of an unknown item or site are committed, and taken in once the ERP that owns it knows it (202).
    """
    gateway, context = services_of(request), request_context_of(request.scope)
    _, raw = await read_body(request, JSON)
    batch = parse_strict(ForecastBatch, raw)
    message = context.message(caller.partner, inbox.FORECAST, batch.version, raw)
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [message])
        owner, by = gateway.settings.stock_owner, Brought(inbox_id, caller.partner)
        waiting = await unsettled(connection, gateway.offers_master_data, named_in(batch, owner))
        taken = await keep_forecast(connection, owner, by, batch, waiting)
    gateway.metrics.accepted(inbox.FORECAST)
    return answer(taken, 202 if taken.waiting else 201)


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
    bucket: Annotated[PeriodLength, Query()] = PeriodLength.WEEK,
    actual: Annotated[Actual, Query(description="What it is compared with.")] = Actual.ORDERED,
    naive: Annotated[Naive, Query(description="What the naive forecast expects again.")] = Naive.LAST,
    lag_days: Annotated[Whole, Query(ge=0, le=366, description="Of what held so many days before each period.")] = 0,
) -> Response:
    """WMAPE, bias and forecast value added, over the periods that are over and were forecast before they began. Days
    are those of the site."""
    if not begin < end <= begin + MAX_SPAN:
        raise invalid([{"field": "to", "rule": f"must lie after `from`, by {MAX_SPAN.days} days at most"}])
    now = datetime.now(UTC)
    async with services_of(request).database.connection() as connection:
        days = (await of_sites(connection, [site], now))[site]
        over = min(end, bucket.begins(day_of(now, days)))
        before, after = bucket.before(bucket.begins(begin), naive), bucket.following(over)
        said = await forecast.expected(connection, item, site, bucket, begin, over, days.zone.name, lag_days)
        if actual is Actual.SHIPPED:
            wanted = await forecast.shipped(connection, item, site, before, after, days.zone.name)
        else:
            wanted = await NAMED[actual](connection, item, site, before, after)
    periods = compare(bucket, said, wanted, naive)
    found = ForecastAccuracy(
        item=item,
        site=site,
        bucket=bucket,
        actual=actual,
        naive=naive,
        lag_days=lag_days,
        as_of=now,
        periods=periods,
        **accuracy(periods)._asdict(),
    )
    return answer(found)


NAMED = {Actual.ORDERED: forecast.ordered, Actual.SELL_OUT: demand.sold}
"""Actuals with days of their own. Shipped packs have the days of the site."""
