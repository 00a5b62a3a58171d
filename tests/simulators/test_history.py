"""The history import against the file's own dates, recomputed here with csv and datetime alone."""

import csv
import itertools
from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from domain.inventory.promise import promise
from domain.milestones.variants import step_for
from schemas.base import Role, Variant
from schemas.orders.milestones import MilestoneKind
from schemas.standard_identifiers import Incoterm, TransportMode
from simulators.orders.countries import alpha2, country_in, region_of
from simulators.orders.history import RULES, HistoricOrder, OrderHistory, RowFinding, expectations, plan, read_history
from simulators.orders.history_rows import COLUMNS, item_code, supplier_id
from simulators.world.network import ERP
from tests.history import HISTORY

GOOD = dict.fromkeys(sorted(COLUMNS), "1") | {
    "po / so #": "SO-1",
    "asn/dn #": "DN-1",
    "country": "Nigeria",
    "project code": "112-NG-T01",
    "fulfill via": "From RDC",
    "vendor": "SCMS from RDC",
    "vendor inco term": "N/A - From RDC",
    "shipment mode": "Truck",
    "pq first sent to client date": "1/5/2012",
    "po sent to vendor date": "N/A - From RDC",
    "scheduled delivery date": "16-Mar-12",
    "delivered to client date": "16-Mar-12",
    "delivery recorded date": "17-Mar-12",
    "item description": "Efavirenz 600mg, tablets, 30 Tabs",
    "molecule/test type": "Efavirenz",
    "dosage": "600mg",
    "unit of measure (per pack)": "30",
    "manufacturing site": "Cipla, Goa, India",
    "line item quantity": "100",
}
DROP = {
    "fulfill via": "Direct Drop",
    "vendor": "CIPLA LIMITED",
    "vendor inco term": "DDP",
    "shipment mode": "Air",
    "po sent to vendor date": "2/1/2012",
}
Dirt = dict[str, str]
REJECTED: dict[str, list[Dirt]] = {
    "po / so #": [{"po / so #": ""}, {"po / so #": "SO 7/1"}],
    "asn/dn #": [{"asn/dn #": ""}, {"asn/dn #": "DN 7"}],
    "country": [{"country": "Atlantis"}, {"country": ""}, {"country": "C\ufffdte d'Ivoire"}],
    "project code": [{"project code": ""}],
    "item description": [{"item description": " "}],
    "fulfill via": [{"fulfill via": "Pigeon"}, {"fulfill via": ""}],
    "shipment mode": [{"shipment mode": "Submarine"}],
    "vendor inco term": [{"vendor inco term": "XYZ"}, {"vendor inco term": ""}],
    "scheduled delivery date": [
        {"scheduled delivery date": text} for text in ("Date Not Captured", "", "31-Feb-12", "16-Mar-70", "2012-03-16")
    ],
    "delivered to client date": [{"delivered to client date": "not yet"}],
    "line item quantity": [
        {"line item quantity": text} for text in ("0", "-5", "1.5", "10.0", "1e3", "", "many", "٣", "100000001")
    ],
}
ADJUSTED: dict[str, list[Dirt]] = {
    "weight (kilograms)": [{"weight (kilograms)": "See DN-304 (ID#:10589)"}, {"weight (kilograms)": "NaN"}],
    "freight cost (usd)": [{"freight cost (usd)": "Freight Included in Commodity Cost"}, {"freight cost (usd)": "-1"}],
    "line item insurance (usd)": [{"line item insurance (usd)": ""}],
    "line item value": [{"line item value": "inf"}],
    "shipment mode": [{"shipment mode": ""}],
    "delivery recorded date": [{"delivery recorded date": "15-Mar-12"}, {"delivery recorded date": "unknown"}],
    "manufacturing site": [DROP | {"manufacturing site": "Not Applicable"}],
    "po sent to vendor date": [
        DROP | {"po sent to vendor date": "Date Not Captured"},
        DROP | {"po sent to vendor date": "3/15/2012"},
        {"pq first sent to client date": "3/14/2012"},
        {"pq first sent to client date": "Pre-PQ Process"},
    ],
}


def written(path: Path, rows: list[Dirt]) -> Path:
    """A history file with these rows, each the good row with some cells changed."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(GOOD))
        writer.writeheader()
        writer.writerows(GOOD | row for row in rows)
    return path


def one(tmp_path: Path, row: Dirt) -> OrderHistory:
    """The history of a single row."""
    return read_history(written(tmp_path / "one.csv", [row]))


def by_the_files_own_dates(
    path: Path, without: Collection[int] = (), some: Collection[str] | None = None
) -> dict[str, int]:
    """The counts, independently: nothing here comes from the product. `some`: of these orders only."""

    def day(text: str) -> datetime:
        return datetime.strptime(text, "%d-%b-%y").replace(tzinfo=UTC)

    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for number, row in enumerate(csv.DictReader(file), start=2) if number not in without]
    orders: dict[str, list[bool]] = defaultdict(list)
    shipments: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        late = day(row["delivered to client date"]) > day(row["scheduled delivery date"])
        orders[row["po / so #"]].append(late)
        shipments[row["po / so #"]].add(row["asn/dn #"])
    first = some if some is not None else list(orders)
    return {
        "orders": len(first),
        "shipments": sum(len(shipments[order]) for order in first),
        "lines": sum(len(orders[order]) for order in first),
        "on_time_lines": sum(orders[order].count(False) for order in first),
        "late_lines": sum(orders[order].count(True) for order in first),
        "otif_orders": sum(not any(orders[order]) for order in first),
    }


def rejected(history: OrderHistory) -> set[int]:
    return {finding.row for finding in history.findings if finding.kind == "rejected"}


def assert_all_accounted_for(history: OrderHistory, rows: set[int]) -> None:
    """Each row is an order line or rejected, never both, never neither."""
    used = [row for order in history.orders for row in order.rows]
    assert len(used) == len(set(used))
    assert set(used) | rejected(history) == rows
    assert not set(used) & rejected(history)
    assert all(len(order.rows) == len(order.release.lines) for order in history.orders)
    assert {finding.rule for finding in history.findings} <= set(history.rules)


def assert_promised_as_scheduled(order: HistoricOrder) -> None:
    begun = order.release.released_at.date()
    promised = {x.line: x.promised_on for x in promise(order.release, begun).lines}
    assert promised == {line.line: order.release.wanted_on(line) for line in order.release.lines}


def assert_physical(order: HistoricOrder, seed: int) -> None:
    """The plan carries what the shipments carry, in rising time, by those who own each milestone."""
    planned = plan(order, seed)
    assert planned == plan(order, seed)
    assert (planned.order, planned.erp, planned.variant) == (order.release.number, ERP, order.release.variant)
    for shipment, happened in zip(planned.shipments, order.shipments, strict=True):
        assert (shipment.shipment, shipment.lines) == (happened.shipment, happened.lines)
        delivered_at = datetime.combine(happened.delivered_on, time(12, tzinfo=UTC))
        times = [order.release.released_at, *(event.occurred_at for event in shipment.events if event.occurred_at)]
        assert all(earlier < later for earlier, later in itertools.pairwise(times))
        assert len(times) == len(shipment.events) + 1
        assert shipment.events[-1].kind is MilestoneKind.DELIVERED
        assert times[-1] == delivered_at
        carried = {part.line for part in happened.lines}
        late = any(order.release.wanted_on(x) < happened.delivered_on for x in order.release.lines if x.line in carried)
        delays = [event for event in shipment.events if event.kind is MilestoneKind.DELAYED]
        assert [(event.eta, event.partner) for event in delays] == [(delivered_at, happened.carrier)] * late
        for event in shipment.events:
            step = step_for(planned.variant, event.kind)
            assert step is not None
            role = (
                Role.CARRIER if event.partner == happened.carrier else Role.WMS if event.by_warehouse else Role.SUPPLIER
            )
            assert role in step.reporters


@pytest.fixture(scope="module")
def delivered() -> OrderHistory:
    return read_history(HISTORY)


def test_the_file_says_the_same_here_and_there(delivered: OrderHistory) -> None:
    assert vars(expectations(delivered.orders)) == by_the_files_own_dates(HISTORY, rejected(delivered))


def test_each_row_is_accounted_for(delivered: OrderHistory) -> None:
    with HISTORY.open(encoding="utf-8", newline="") as file:
        rows = set(range(2, 2 + sum(1 for _ in csv.DictReader(file))))
    assert_all_accounted_for(delivered, rows)
    assert not rejected(delivered)


def test_each_line_is_promised_on_its_scheduled_day(delivered: OrderHistory) -> None:
    for order in delivered.orders:
        assert_promised_as_scheduled(order)


def test_each_plan_is_physical(delivered: OrderHistory) -> None:
    for order in delivered.orders[::7]:
        assert_physical(order, seed=7)


def test_names_stay_apart(delivered: OrderHistory) -> None:
    suppliers: dict[str, set[str | None]] = defaultdict(set)
    items: dict[str, set[str | None]] = defaultdict(set)
    for order in delivered.orders:
        if order.release.supplier:
            suppliers[order.release.supplier].add(order.release.ship_from.name)
        for line in order.release.lines:
            items[line.item].add(line.description)
    assert all(len(names) == 1 for names in (*suppliers.values(), *items.values()))


@pytest.mark.parametrize("limit", [1, 10, 30])
def test_a_limit_counts_orders_and_takes_all_of_their_rows(delivered: OrderHistory, limit: int) -> None:
    limited = read_history(HISTORY, limit)
    assert [order for order in delivered.orders if order in limited.orders] == list(limited.orders)
    assert len(limited.orders) == limit
    numbers = [order.release.number for order in limited.orders]
    assert vars(expectations(limited.orders)) == by_the_files_own_dates(HISTORY, some=numbers)
    used = {row for order in limited.orders for row in order.rows}
    assert limited.findings == tuple(finding for finding in delivered.findings if finding.row in used)


def test_a_limit_takes_both_variants_in_their_shares_wherever_they_stand(tmp_path: Path) -> None:
    """420 direct drops stand before the first order of a distribution centre; one order has a way that nobody knows."""
    rows = [DROP | {"po / so #": f"DD-{n}", "asn/dn #": f"DN-D{n}"} for n in range(420)]
    rows += [{"po / so #": f"SO-{n}", "asn/dn #": f"DN-S{n}"} for n in range(140)]
    path = written(tmp_path / "sorted.csv", [*rows, {"po / so #": "P-1", "asn/dn #": "DN-P", "fulfill via": "Pigeon"}])
    sample = read_history(path, 41)
    variants = [order.release.variant for order in sample.orders]
    assert variants == [Variant.DIRECT_DROP] * 30 + [Variant.DISTRIBUTION_CENTRE] * 10
    assert [order.release.number for order in sample.orders][28:32] == ["DD-28", "DD-29", "SO-0", "SO-1"]
    assert [finding.field for finding in sample.findings] == ["fulfill via"], "what is wrong is in the sample too"
    assert {order.release.variant for order in read_history(path, 3).orders} == set(Variant)
    assert [order.release.number for order in read_history(path, 1).orders] == ["DD-0"]
    assert len(read_history(path, 9_999).orders) == len(read_history(path).orders) == 560


@pytest.mark.parametrize(("field", "row"), [(field, row) for field, rows in REJECTED.items() for row in rows])
def test_dirt_that_no_rule_can_mend_rejects_the_row_and_names_the_field(tmp_path: Path, field: str, row: Dirt) -> None:
    history = one(tmp_path, row)
    assert history.orders == ()
    assert [(finding.row, finding.field, finding.kind) for finding in history.findings] == [(2, field, "rejected")]
    assert history.findings[0].rule in RULES


@pytest.mark.parametrize(("field", "row"), [(field, row) for field, rows in ADJUSTED.items() for row in rows])
def test_dirt_that_a_rule_mends_is_told_and_the_row_goes_on(tmp_path: Path, field: str, row: Dirt) -> None:
    history = one(tmp_path, row)
    assert [(finding.row, finding.field, finding.kind) for finding in history.findings] == [(2, field, "adjusted")]
    assert history.findings[0].rule in RULES
    (order,) = history.orders
    assert order.rows == (2,)
    assert_promised_as_scheduled(order)
    assert_physical(order, seed=1)


def test_a_whole_dirty_file_is_accounted_for(tmp_path: Path) -> None:
    dirt = [row for rows in (*REJECTED.values(), *ADJUSTED.values()) for row in rows]
    late = {"delivered to client date": "20-Mar-12", "delivery recorded date": "21-Mar-12"}
    early = {"delivered to client date": "12-Feb-12", "delivery recorded date": "12-Feb-12"}
    rows = [{"po / so #": f"SO-{n}", "asn/dn #": f"DN-{n}"} | row for n, row in enumerate([*dirt, late, early, {}])]
    split = [{"po / so #": "SO-S", "asn/dn #": "DN-S1"}, {"po / so #": "SO-S", "asn/dn #": "DN-S2"} | late]
    path = written(tmp_path / "dirty.csv", [*rows, *split, {"po / so #": "SO-S", "asn/dn #": "DN-S1"}])
    history = read_history(path)
    assert_all_accounted_for(history, set(range(2, 2 + len(rows) + 3)))
    assert len(rejected(history)) == sum(map(len, REJECTED.values()))
    assert vars(expectations(history.orders)) == by_the_files_own_dates(path, rejected(history))
    assert [finding.row for finding in history.findings] == sorted(finding.row for finding in history.findings)
    for order in history.orders:
        assert_promised_as_scheduled(order)
        assert_physical(order, seed=3)


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ({}, {"country": "Kenya"}, "po / so #"),
        ({}, DROP, "po / so #"),
        ({}, {"shipment mode": "Air"}, "po / so #"),
        ({}, {"po / so #": "SO-2"}, "asn/dn #"),
        (
            {},
            {"delivered to client date": "18-Mar-12", "delivery recorded date": "18-Mar-12"},
            "delivered to client date",
        ),
    ],
)
def test_a_row_that_contradicts_an_earlier_one_is_rejected(
    tmp_path: Path, first: Dirt, second: Dirt, field: str
) -> None:
    history = read_history(written(tmp_path / "two.csv", [first, second]))
    assert [order.rows for order in history.orders] == [(2,)]
    assert [(f.row, f.field) for f in history.findings if f.kind == "rejected"] == [(3, field)]


def test_an_order_beyond_the_contract_is_rejected_with_all_of_its_rows(tmp_path: Path) -> None:
    history = read_history(written(tmp_path / "long.csv", [{}] * 2_001))
    assert history.orders == ()
    assert rejected(history) == set(range(2, 2_003))


def test_a_row_with_too_few_or_too_many_cells_is_rejected(tmp_path: Path) -> None:
    path = written(tmp_path / "cells.csv", [{}])
    with path.open("a", encoding="utf-8") as file:
        file.write("short,row\n\n" + ",".join(["1"] * (len(GOOD) + 1)) + "\n")
    history = read_history(path)
    assert [order.rows for order in history.orders] == [(2,)]
    assert [(finding.row, finding.field) for finding in history.findings] == [(3, "row"), (5, "row")]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="has no column asn/dn #"):
        read_history(tmp_path / "other.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="not a delivery history"):
        read_history(tmp_path / "empty.csv")


def test_an_order_from_the_distribution_centre(tmp_path: Path) -> None:
    (order,) = one(tmp_path, {}).orders
    release = order.release
    assert (release.variant, release.site, release.supplier) == (Variant.DISTRIBUTION_CENTRE, "RDC-AFR", None)
    assert (release.region, release.ship_to.country, release.mode) == ("AFR", "NG", TransportMode.ROAD)
    assert (release.incoterm, release.clock, release.carrier) == (None, "events", "carrier-road-afr")
    assert release.released_at == datetime(2012, 1, 5, 8, tzinfo=UTC)
    (shipment,) = order.shipments
    assert (shipment.delivered_on, shipment.recorded_on) == (date(2012, 3, 16), date(2012, 3, 17))
    assert [(e.kind.value, e.partner) for e in plan(order, 1).shipments[0].events] == [
        ("picked", "wms-rdc-afr"),
        ("packed", "wms-rdc-afr"),
        ("shipped", "wms-rdc-afr"),
        ("in_transit", "carrier-road-afr"),
        ("out_for_delivery", "carrier-road-afr"),
        ("delivered", "carrier-road-afr"),
    ]


def test_a_late_direct_drop(tmp_path: Path) -> None:
    (order,) = one(
        tmp_path, DROP | {"delivered to client date": "20-Mar-12", "delivery recorded date": "20-Mar-12"}
    ).orders
    release = order.release
    assert (release.variant, release.site, release.supplier) == (Variant.DIRECT_DROP, None, "cipla-limited")
    assert (release.incoterm, release.ship_from.country) == (Incoterm.DDP, "IN")
    assert release.released_at == datetime(2012, 2, 1, 8, tzinfo=UTC)
    assert [(e.kind.value, e.partner) for e in plan(order, 1).shipments[0].events] == [
        ("shipped", "cipla-limited"),
        ("in_transit", "carrier-air-afr"),
        ("delayed", "carrier-air-afr"),
        ("delivered", "carrier-air-afr"),
    ]
    assert plan(order, 1) != plan(order, 2)


def test_a_release_without_a_usable_date_is_moved_to_the_last_that_allows_the_lead_time(tmp_path: Path) -> None:
    for sent in ("Pre-PQ Process", "3/16/2012"):
        (order,) = one(tmp_path, {"pq first sent to client date": sent}).orders
        assert order.release.released_at.date() == date(2012, 3, 16) - timedelta(days=1 + 3)
    early = {"delivered to client date": "6-Jan-12", "delivery recorded date": "6-Jan-12"}
    (order,) = one(tmp_path, early).orders
    assert order.release.released_at.date() == date(2012, 1, 2)


@pytest.mark.parametrize(
    ("name", "code", "region"),
    [
        ("Congo, DRC", "CD", "AFR"),
        ("Côte d'Ivoire", "CI", "AFR"),
        ("Swaziland", "SZ", "AFR"),
        ("Vietnam", "VN", "APAC"),
        ("Haiti", "HT", "AMER"),
        ("Lebanon", "LB", "EMEA"),
        ("Kazakhstan", "KZ", "EMEA"),
    ],
)
def test_countries_have_codes_and_regions(name: str, code: str, region: str) -> None:
    assert alpha2(name) == code
    assert region_of(code) == region


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Cipla, Goa, India", "IN"),
        ("Aurobindo Unit VII, IN", "IN"),
        ("MSD Midrand, J'burg, SA", "ZA"),
        ("GSK Ware (UK)", "GB"),
        ("BI, Ingelheim, Germany", "DE"),
        ("Janssen Ortho LLC, Puerto Rico", "PR"),
        ("Not Applicable", None),
        ("", None),
    ],
)
def test_a_manufacturing_site_tells_its_country(text: str, code: str | None) -> None:
    assert country_in(text) == code


def test_codes_are_short_readable_and_apart() -> None:
    assert supplier_id("CIPLA LIMITED") == "cipla-limited"
    long = [supplier_id(f"A VENDOR WITH A NAME THAT IS FAR TOO LONG {n}") for n in (1, 2)]
    assert all(len(name) <= 32 and name.startswith("a-vendor-with") for name in long)
    assert long[0] != long[1]
    assert supplier_id("李").startswith("supplier-")
    code = item_code("An item" * 20, "molecule/" * 20, "300/300mg" * 5, "1000000000")
    assert len(code) <= 60
    assert code.isascii()
    assert item_code("Kit, 20 Tests", "Kit", "", "20") != item_code("Kit, 20 Test", "Kit", "", "20")


def test_findings_say_where_in_words_a_spreadsheet_user_knows(tmp_path: Path) -> None:
    (finding,) = one(tmp_path, {"line item quantity": "1.5"}).findings
    rule = "a quantity must be a whole number of packs from 1 to 100,000,000, or the row is refused"
    assert finding == RowFinding(2, "line item quantity", rule, "rejected")
