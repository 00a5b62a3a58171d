"""Made-up orders have the shape of the real history and are the same for the same seed."""

from datetime import date, timedelta

import pytest

from domain.inventory.promise import promise
from schemas.base import Variant
from schemas.orders.release import OrderRelease
from schemas.parsing import parse_strict
from simulators.orders.history import HistoricOrder
from simulators.orders.made_up import LATE_SHARE, SPLIT_SHARE, generate
from simulators.world.happened import expectations
from tests.simulators.test_history import assert_physical, assert_promised_as_scheduled

DAY = date(2025, 6, 1)


@pytest.fixture(scope="module")
def orders() -> tuple[HistoricOrder, ...]:
    return generate(2000, seed=11, day=DAY)


def test_the_same_seed_gives_the_same_orders(orders: tuple[HistoricOrder, ...]) -> None:
    assert generate(50, seed=11, day=DAY) == orders[:50]
    assert generate(50, seed=12, day=DAY) != orders[:50]


def test_another_day_moves_every_date(orders: tuple[HistoricOrder, ...]) -> None:
    moved = generate(1, seed=11, day=DAY + timedelta(days=10))[0]
    assert moved.release.released_at == orders[0].release.released_at + timedelta(days=10)
    assert moved.shipments[0].delivered_on == orders[0].shipments[0].delivered_on + timedelta(days=10)


def test_the_door_admits_each_order_and_its_promise_is_the_day_requested(orders: tuple[HistoricOrder, ...]) -> None:
    for order in orders[:300]:
        assert parse_strict(OrderRelease, order.release.model_dump_json(exclude_none=True).encode()) == order.release
        assert promise(order.release, order.release.released_at.date()).reason == "as requested"
        assert_promised_as_scheduled(order)
        assert_physical(order, seed=5)


def test_each_line_is_shipped_once_in_full(orders: tuple[HistoricOrder, ...]) -> None:
    for order in orders:
        shipped = sorted((part.line, part.quantity) for shipment in order.shipments for part in shipment.lines)
        assert shipped == [(line.line, line.quantity) for line in order.release.lines]
        assert all(shipment.lines for shipment in order.shipments)
        assert all(shipment.recorded_on >= shipment.delivered_on for shipment in order.shipments)


def test_numbers_are_unique(orders: tuple[HistoricOrder, ...]) -> None:
    assert len({order.release.number for order in orders}) == len(orders)
    shipments = [shipment.shipment for order in orders for shipment in order.shipments]
    assert len(set(shipments)) == len(shipments)


def test_the_shape_is_that_of_the_real_history(orders: tuple[HistoricOrder, ...]) -> None:
    counted = expectations(orders)
    lines = [len(order.release.lines) for order in orders]
    split = sum(len(order.shipments) > 1 for order in orders) / len(orders)
    assert (min(lines), max(lines)) == (1, 8)
    assert 0.65 < lines.count(1) / len(lines) < 0.75
    assert abs(split - SPLIT_SHARE) < 0.02
    assert abs(counted.late_lines / counted.lines - LATE_SHARE) < 0.03
    assert {len(order.shipments) for order in orders} == {1, 2, 3}
    assert {order.release.variant for order in orders} == set(Variant)
    assert {order.release.region for order in orders} == {"AFR", "AMER", "APAC", "EMEA"}
    assert {order.release.clock for order in orders} == {"events"}


def test_an_item_keeps_its_gtin_and_some_items_have_none(orders: tuple[HistoricOrder, ...]) -> None:
    gtins = {(line.item, line.gtin) for order in orders for line in order.release.lines}
    assert len({item for item, _ in gtins}) == len(gtins)
    assert {gtin is None for _, gtin in gtins} == {True, False}
