"""Reconciliation against a system's own HTTP server: differences are found, explained, raised once, closed."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.finance.freight_check import FreightActivities
from activities.finance.reconciliation import ReconcileActivities
from activities.finance.reconciling_listed import ReconcileLimits
from activities.records.records import RecordActivities
from connectors.connections import of_endpoint
from connectors.http.client import SystemClient
from connectors.standard.stock import StandardStock
from domain.finance.reconciliation import Patience
from schemas.base import System
from schemas.cases.policies import PolicyRule, Scope
from schemas.finance.reconciliation import ReconcileReport, ReconcileRun
from schemas.finance.valuation import FreightInvoice
from schemas.inventory.stock import StockMove
from schemas.queues import RECONCILE_QUEUE
from schemas.settings import Endpoint
from store.cases import policies
from store.engine import Database
from store.finance import balance, comparing, freight_invoices, reconciliation
from store.inventory import ledger
from store.orders import steps
from tests import written
from tests.stack.standins import until
from tests.store.rows import FIRST, NOW, SHIPPED, open_order
from workflows.cases.exception_case import ExceptionCaseWorkflow
from workflows.finance.reconciliation import ReconciliationWorkflow
from workflows.runtime.sandbox import sandbox
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

TOKEN = "stand-in"
ERP = ReconcileRun(system="erp", target="erp-one")
FREIGHT_RUN = ReconcileRun(system="freight", target="erp-one")
_numbers = count(1)


@dataclass
class Books:
    """A system that tells its figures page by page over HTTP. `orders` and `effects`: None, it has no such lists."""

    figures: dict[tuple[str, str], int] = field(default_factory=dict)
    orders: dict[str, str] | None = None
    accounts: dict[tuple[str, str, str], str] | None = None
    effects: list[str] | None = None
    demand: dict[tuple[str, str], int] | None = None
    targets: dict[str, dict[str, Any]] | None = None
    down: bool = False
    asked: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    changed: dict[str, datetime] | None = None
    """When entries changed, by name, else just now; None: it knows no `changed_since`."""
    told: int = 0
    """Entries of lists that can be asked so."""

    def page(self, path: str, after: str, limit: int, since: str = "") -> dict[str, Any] | None:
        """A page of a list."""
        listed = self._listed(path)
        if listed is None:
            return None
        named, rows = listed
        found = sorted((it for it in rows if it[0] > after), key=lambda it: it[0])
        if path in ("/v1/stock", "/v1/open-demand") or self.changed is None:
            return {named: [row for _, row in found[:limit]]}
        if since:
            moment = datetime.fromisoformat(since)
            found = [it for it in found if self.changed.get(it[0], datetime.now(UTC)) >= moment]
        self.told += len(found[:limit])
        return {named: [row for _, row in found[:limit]], "as_of": datetime.now(UTC).isoformat()}

    def _listed(self, path: str) -> tuple[str, list[tuple[str, Any]]] | None:
        names = ("order", "account", "currency")
        status = None if self.orders is None else {k: {"status": v} for k, v in self.orders.items()}
        orders = {"/v1/order-status": status, "/v1/order-targets": self.targets}.get(path)
        figures: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = {
            "/v1/stock": [({"item": i, "place": p}, {"packs": n}) for (i, p), n in self.figures.items()],
            "/v1/open-demand": [({"item": i, "site": s}, {"packs": n}) for (i, s), n in (self.demand or {}).items()],
            "/v1/order-accounts": [
                (dict(zip(names, k, strict=True)), {"amount": v}) for k, v in (self.accounts or {}).items()
            ],
        }
        missing = {"/v1/open-demand": self.demand is None, "/v1/order-accounts": self.accounts is None}
        if path == "/v1/effects" and self.effects is not None:
            return "keys", [(key, key) for key in self.effects]
        if orders is not None:
            return "orders", [(k, {"order": k} | v) for k, v in orders.items()]
        if path in figures and not missing.get(path):
            return "figures", [(" ".join(name.values()), name | row) for name, row in figures[path]]
        return None


def handler(books: Books) -> type[BaseHTTPRequestHandler]:
    """Serves the books to who has the token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = parse_qs(url.query, keep_blank_values=True)
            books.asked.append(self.path)
            page = books.page(url.path, query["after"][0], int(query["limit"][0]), query.get("changed_since", [""])[0])
            status = HTTPStatus.OK if page is not None else HTTPStatus.NOT_FOUND
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status = HTTPStatus.UNAUTHORIZED
            if books.down:
                status = HTTPStatus.SERVICE_UNAVAILABLE
            body = json.dumps(page or {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _write(self) -> None:
            books.written.append(f"{self.command} {self.path}")
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)

        do_POST = do_PUT = do_PATCH = do_DELETE = _write  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@dataclass
class Desk:
    """Our books, the systems' books, and a worker that compares them."""

    client: Client
    database: Database
    wms: Books
    erp: Books
    tms: Books
    planning: Books
    activities: ReconcileActivities
    wms_run: ReconcileRun
    number: int = 0

    @property
    def site(self) -> str:
        """The site of the warehouse."""
        return self.wms_run.target

    def limit(self, **limits: int) -> None:
        """Read so much at once from now on."""
        object.__setattr__(self.activities, "limits", replace(self.activities.limits, **limits))

    async def run(self, run: ReconcileRun) -> ReconcileReport:
        """Compare once, through the workflow."""
        self.number += 1
        report: ReconcileReport = await self.client.execute_workflow(
            "Reconciliation",
            run,
            id=f"{run.workflow_id}/{self.database.url[-8:]}/{self.number}",
            task_queue="orders",
            result_type=ReconcileReport,
            task_timeout=TASK_TIMEOUT,
        )
        return report

    async def states(self) -> dict[str, str]:
        """The state of each difference, with its class."""
        async with self.database.connection() as connection:
            found = await reconciliation.listing(connection, open_only=False)
        return {x.subject: f"{x.kind} {x.state}" for x in found}

    async def cases(self) -> list[tuple[str, str]]:
        """The cases."""
        async with self.database.connection() as connection:
            cursor = await connection.execute("SELECT id, state FROM exception_case ORDER BY id")
            return [(row["id"], row["state"]) for row in await cursor.fetchall()]

    async def age(self) -> None:
        """Let the differences be old, and the movements."""
        async with self.database.connection() as connection:
            await connection.execute("UPDATE difference SET first_seen = first_seen - interval '5 minutes'")
            await connection.execute("ALTER TABLE stock_move DISABLE TRIGGER USER")
            await connection.execute("UPDATE stock_move SET booked_at = booked_at - interval '5 minutes'")
            await connection.execute("UPDATE effect SET planned_at = planned_at - interval '5 minutes'")
            await connection.execute("UPDATE order_demand SET changed_at = changed_at - interval '5 minutes'")
            await connection.execute("ALTER TABLE stock_move ENABLE TRIGGER USER")


@asynccontextmanager
async def served(books: Books) -> AsyncIterator[Endpoint]:
    """A real server on a free port while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(books))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Endpoint(url=f"http://127.0.0.1:{server.server_address[1]}", token=TOKEN)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
async def desk(database_url: str, temporal_client: Client) -> AsyncIterator[Desk]:
    """100 packs of A received at LYS, 40 of them shipped; the warehouse and the ERP say the same."""
    site = f"LYS{next(_numbers)}"  # whose cases are no other test's
    wms = Books({("A", f"on_hand:{site}"): 60})
    erp = Books({("A", f"on_hand:{site}"): 60, ("A", "transit:DN-1"): 40})
    tms = Books()
    planning = Books()
    async with (
        Database(database_url, 5) as database,
        served(wms) as at_wms,
        served(erp) as at_erp,
        served(tms) as at_tms,
        served(planning) as at_planning,
    ):
        await open_order(database)
        async with database.transaction() as connection:
            moves = {"supplier:acme": {"A": -100}, f"on_hand:{site}": {"A": 100}}
            receipt = StockMove(key="in/1", kind="receipt", source="inventory", ref="LYS", occurred_at=NOW, moves=moves)
            await ledger.book(connection, [receipt])
        await steps.write(database, written.step(FIRST))
        issue = {f"on_hand:{site}": {"A": -40}, "transit:DN-1": {"A": 40}}
        await steps.write(database, written.step(written.but(SHIPPED, moves=issue)))
        async with (
            SystemClient(of_endpoint(System.WMS, at_wms)) as to_wms,
            SystemClient(of_endpoint(System.ERP, at_erp)) as to_erp,
            SystemClient(of_endpoint(System.TMS, at_tms)) as to_tms,
            SystemClient(of_endpoint(System.PLANNING, at_planning)) as to_planning,
        ):
            ports = {
                System.WMS: StandardStock(to_wms),
                System.ERP: StandardStock(to_erp),
                System.TMS: StandardStock(to_tms),
                System.PLANNING: StandardStock(to_planning),
            }
            activities = ReconcileActivities(
                ports, database, {site: ERP.target}.get, Patience(), ReconcileLimits(page=2, timeout_s=5.0)
            )
            records = RecordActivities(database).all()
            async with (
                Worker(
                    temporal_client,
                    task_queue="orders",
                    workflows=[ReconciliationWorkflow, ExceptionCaseWorkflow],
                    activities=records,
                    workflow_runner=sandbox(),
                ),
                Worker(
                    temporal_client,
                    task_queue=RECONCILE_QUEUE,
                    activities=[activities.compare, FreightActivities(database).freight],
                ),
            ):
                yield Desk(
                    temporal_client,
                    database,
                    wms,
                    erp,
                    tms,
                    planning,
                    activities,
                    ReconcileRun(system="wms", target=site),
                )
                async for left in temporal_client.list_workflows("ExecutionStatus = 'Running'"):
                    with suppress(RPCError):  # it has just ended
                        await temporal_client.get_workflow_handle(left.id).terminate()


async def test_equal_books_are_equal(desk: Desk) -> None:
    for run in (desk.wms_run, ERP):
        report = await desk.run(run)
        assert (report.differences, report.findings) == (0, ())
    assert report.compared == 2
    assert await desk.cases() == []


async def test_a_real_difference_becomes_one_case_at_a_second_look_and_closes_with_it(desk: Desk) -> None:
    desk.wms.figures["A", f"on_hand:{desk.site}"] = 57
    await desk.age()
    assert (await desk.run(desk.wms_run)).waiting == 1
    assert await desk.cases() == []
    await desk.age()
    for _ in range(2):
        report = await desk.run(desk.wms_run)
        await until(lambda: _has(desk, [(f"stock/wms/{desk.site}/stock_difference/1", "open")]))
    assert report.reported, "the case knows"
    assert await desk.states() == {f"A @ site:{desk.site}": "quantity open"}
    async with desk.database.connection() as connection:
        cursor = await connection.execute("SELECT queue, findings FROM exception_case")
        [case] = await cursor.fetchall()
        assert await balance.balance(connection) == {"items": 1, "differences": 1, "explained": 0}
    assert case["queue"] == "inventory-control"
    assert f"count A at {desk.site}: 60 or 57 packs" in case["findings"][0]["summary"]
    desk.wms.figures["A", f"on_hand:{desk.site}"] = 60
    await desk.run(desk.wms_run)
    await until(lambda: _has(desk, [(f"stock/wms/{desk.site}/stock_difference/1", "cured")]))
    assert await desk.states() == {f"A @ site:{desk.site}": "quantity closed"}
    desk.wms.figures["A", f"on_hand:{desk.site}"] = 59
    await desk.run(desk.wms_run)
    await desk.age()
    await desk.run(desk.wms_run)
    name = f"stock/wms/{desk.site}/stock_difference"
    await until(lambda: _has(desk, [(f"{name}/1", "cured"), (f"{name}/2", "open")]))


async def _has(desk: Desk, cases: list[tuple[str, str]]) -> bool:
    return await desk.cases() == cases


async def test_what_people_have_settled_is_not_raised_again_until_it_changes(desk: Desk) -> None:
    desk.wms.figures["A", f"on_hand:{desk.site}"] = 57
    await desk.age()
    await desk.run(desk.wms_run)
    await desk.age()
    await desk.run(desk.wms_run)
    await until(lambda: _has(desk, [(f"stock/wms/{desk.site}/stock_difference/1", "open")]))
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE exception_case SET state = 'resolved', closed_at = now()")
    for _ in range(2):
        assert (await desk.run(desk.wms_run)).findings == ()
    assert await desk.states() == {f"A @ site:{desk.site}": "quantity settled"}
    desk.wms.figures["A", f"on_hand:{desk.site}"] = 50
    await desk.run(desk.wms_run)
    assert await desk.states() == {f"A @ site:{desk.site}": "quantity open"}


async def ledger_of(desk: Desk) -> list[dict[str, Any]]:
    """All that our ledger says."""
    async with desk.database.connection() as connection:
        return await ledger.balances(connection)


@pytest.mark.parametrize(
    ("wrong", "kind", "proposal"),
    [
        ({"A": (100, 0)}, "missing", "confirm movement erp-one/SO-1/v3; then erp books it once"),
        ({"A": (20, 80)}, "duplicate", "confirm movement erp-one/SO-1/v3 once; then erp reverses its second booking"),
        ({"a-1": (60, 40)}, "master_data", "check whether item a-1 is known under this number in erp"),
        ({"A": (55, 40)}, "quantity", "count A at {site}: 60 or 55 packs; then report an adjustment"),
    ],
    ids=["a lost movement", "a double booking", "a wrong item code", "another number"],
)
async def test_each_class_is_caused_found_and_proposed_to_its_owner_and_nobody_is_overwritten(
    desk: Desk, wrong: dict[str, tuple[int, int]], kind: str, proposal: str
) -> None:
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE effect SET outcome = 'done'")
    before = await ledger_of(desk)
    desk.erp.figures = {}
    for item, (there, on_its_way) in wrong.items():
        desk.erp.figures |= {(item, f"on_hand:{desk.site}"): there, (item, "transit:DN-1"): on_its_way}
    told = dict(desk.erp.figures)
    for _ in range(2):
        await desk.age()
        await desk.run(ERP)
    async with desk.database.connection() as connection:
        found = await reconciliation.listing(connection)
    assert {(str(x.kind), str(x.state)) for x in found} == {(kind, "open")}
    assert proposal.format(site=desk.site) in {x.proposal for x in found}
    assert all(x.owner in ("wms", "tms", "erp") for x in found)
    assert (desk.erp.figures, desk.erp.written, desk.wms.written, await ledger_of(desk)) == (told, [], [], before)


async def test_what_the_erp_was_not_told_explains_what_it_does_not_have(desk: Desk) -> None:
    desk.erp.figures = {("A", f"on_hand:{desk.site}"): 100, ("A", "transit:DN-0"): 1}
    await desk.age()
    report = await desk.run(ERP)
    assert report.explained == 2
    assert await desk.states() == {
        f"A @ site:{desk.site}": "timing waiting",
        "A @ transit:DN-1": "timing waiting",
        "A @ transit:DN-0": "missing waiting",
    }
    async with desk.database.connection() as connection:
        cursor = await connection.execute("SELECT DISTINCT explained_by FROM difference WHERE class = 'timing'")
        assert [row["explained_by"] for row in await cursor.fetchall()] == ["erp-one/SO-1/DN-1/shipped"]
        await connection.execute("UPDATE effect SET outcome = 'done'")
    await desk.age()
    await desk.run(ERP)
    assert (await desk.states())[f"A @ site:{desk.site}"] == "missing open", "told, and not booked"


async def test_a_message_that_is_not_placed_yet_explains_what_it_names_by_no_more_than_it_says(desk: Desk) -> None:
    await desk.age()
    desk.wms.figures |= {("A", f"on_hand:{desk.site}"): 50, ("B", f"on_hand:{desk.site}"): 3}
    shipped = [("names nothing", 0, ""), (1, 9, ""), (2, 12, ""), (1, 12, "message 1 (quarantined)")]
    for line, packs, explained in shipped:
        said = {"data": {"kind": "shipped", "order": "SO-1", "lines": [{"line": line, "quantity": packs}]}}
        async with desk.database.connection() as connection:
            await connection.execute(
                "UPDATE inbox_message SET partner = %s, state = 'quarantined', raw = %s",
                (f"wms-{desk.site.lower()}", json.dumps(said).encode()),
            )
        assert (await desk.run(desk.wms_run)).explained == int(bool(explained)), (line, packs)
        async with desk.database.connection() as connection:
            found = {x.item: (x.kind, x.explained_by) for x in await reconciliation.listing(connection)}
        assert found == {"A": ("timing" if explained else "quantity", explained), "B": ("master_data", "")}


async def test_orders_and_effects_are_compared_where_the_system_lists_them(desk: Desk) -> None:
    desk.erp.orders, desk.erp.effects = {"SO-1": "promised"}, ["alien", "erp-one/SO-1/DN-1/shipped"]
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE order_view SET updated_at = now() - interval '1 hour'")
        await connection.execute("UPDATE effect SET outcome = 'done', order_status = 'shipped'")
    await desk.run(ERP)
    assert await desk.states() == {"order SO-1": "missing waiting", "effect alien": "duplicate waiting"}


async def test_what_a_transport_desk_executed_is_compared_and_it_is_asked_for_no_stock(desk: Desk) -> None:
    async with desk.database.connection() as connection:
        await connection.execute(
            "INSERT INTO effect (key, order_key, system, operation, shipment, outcome, attempts, planned_at, "
            "accepted_at) SELECT k, order_key, 'tms', 'tender_transport', '', 'done', 1, planned_at, accepted_at "
            "FROM effect, unnest(ARRAY['t-lost', 'a-done']) AS k"
        )
    desk.tms.effects = ["a-done", "a-done", "x-alien"]
    run = ReconcileRun(system="tms", target="EMEA")
    async with desk.database.connection() as connection:
        assert run in await comparing.targets(connection)
    await desk.run(run)
    assert await desk.states() == {
        "effect a-done": "duplicate waiting",
        "effect x-alien": "duplicate waiting",
        "effect t-lost": "missing waiting",
    }
    assert not [path for path in desk.tms.asked if path.startswith("/v1/stock")]


@pytest.mark.parametrize("listed", [["t-1", "t-2"], ["t-1"]])
async def test_what_was_superseded_a_system_may_have_or_not(desk: Desk, listed: list[str]) -> None:
    async with desk.database.connection() as connection:
        await connection.execute(
            "INSERT INTO effect (key, order_key, system, operation, shipment, outcome, attempts, planned_at, "
            "accepted_at) SELECT k, order_key, 'tms', 'tender_transport', '', o, 1, planned_at, accepted_at "
            "FROM effect, (VALUES ('t-1', 'done'), ('t-2', 'superseded')) AS x(k, o)"
        )
    desk.tms.effects = listed
    await desk.run(ReconcileRun(system="tms", target="EMEA"))
    assert await desk.states() == {}


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (["t-1/e3"], {}),
        (["t-1", "t-1/e2", "t-1/e3"], {}),
        (["t-1", "t-1/e2"], {"effect t-1/e3": "missing waiting"}),
        (["t-1/e3", "t-1/e4"], {"effect t-1/e4": "duplicate waiting"}),
    ],
)
async def test_of_an_effect_the_last_edition_is_expected(desk: Desk, listed: list[str], found: dict[str, str]) -> None:
    async with desk.database.connection() as connection:
        await connection.execute(
            "INSERT INTO effect (key, order_key, system, operation, shipment, outcome, attempts, planned_at, "
            "accepted_at, edition) SELECT 't-1', order_key, 'tms', 'tender_transport', '', 'done', 1, planned_at, "
            "accepted_at, 3 FROM effect"
        )
    desk.tms.effects = listed
    await desk.run(ReconcileRun(system="tms", target="EMEA"))
    assert await desk.states() == found


async def test_money_of_orders_is_compared_where_the_erp_tells_it(desk: Desk) -> None:
    async with desk.database.transaction() as connection:
        await connection.execute("UPDATE order_view SET updated_at = now() - interval '1 hour'")
        await connection.execute("UPDATE effect SET outcome = 'done', order_status = 'shipped'")
        await connection.execute("INSERT INTO freight_move (key, ref) VALUES ('f', 'erp-one/SO-1')")
        await connection.execute(
            "INSERT INTO freight_entry SELECT 'f', a, 'DN-1', 'USD', n FROM (VALUES ('freight_expense', 5), "
            "('freight_accrued', -5)) AS x(a, n)"
        )
        await connection.execute(
            "INSERT INTO erp_feed (erp, kind, key, body) VALUES ('erp-one', 'freight', 'f', '{\"order\": \"SO-1\"}')"
        )
    desk.erp.accounts = {("SO-1", "freight_accrued", "USD"): "-5.00"}
    assert (await desk.run(ERP)).explained == 1
    name = "freight_expense of order SO-1 in USD"
    assert await desk.states() == {name: "timing waiting"}
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE erp_feed SET sent_at = now()")
    await desk.age()
    await desk.run(ERP)
    assert await desk.states() == {name: "missing open"}
    async with desk.database.connection() as connection:
        [expense] = [x for x in await balance.accounts(connection) if x["account"] == "freight_expense"]
    assert (expense["ours"], expense["erp"]) == (5, 0)
    desk.erp.accounts["SO-1", "freight_expense", "USD"] = "5"
    await desk.run(ERP)
    assert await desk.states() == {name: "missing closed"}


async def test_a_freight_invoice_that_is_not_what_was_accrued_is_a_case_of_accounts_payable(desk: Desk) -> None:
    invoice = FreightInvoice(id="F/1", order="SO-1", shipment="DN-1", amount="5.40", currency="USD")
    async with desk.database.transaction() as connection:
        await connection.execute("INSERT INTO freight_move (key, ref) VALUES ('f', 'erp-one/SO-1')")
        await connection.execute(
            "INSERT INTO freight_entry SELECT 'f', a, 'DN-1', 'USD', n FROM (VALUES ('freight_expense', 5), "
            "('freight_accrued', -5)) AS x(a, n)"
        )
        await freight_invoices.settle_invoice(connection, "dhl", "erp-one/SO-1", invoice, "d")
        assert FREIGHT_RUN in await comparing.targets(connection), "a Schedule is made for it"
    assert (await desk.run(FREIGHT_RUN)).compared == 1
    assert await desk.states() == {}, "within the tolerance"
    async with desk.database.transaction() as connection:
        narrow = PolicyRule(id="dhl", about="freight", scope=Scope(partner="dhl"), body={"tolerance": 0.01})
        await policies.put(connection, narrow)
        await freight_invoices.settle_invoice(
            connection, "dhl", "erp-one/SO-1", invoice.model_copy(update={"id": "F-2"}), "d"
        )
    for _ in range(2):
        report = await desk.run(FREIGHT_RUN)
        await until(lambda: _has(desk, [("stock/freight/erp-one/invoice_mismatch/1", "open")]))
    assert report.reported
    assert await desk.states() == {
        "freight invoice dhl/F/1": "quantity open",
        "freight invoice dhl/F-2": "duplicate open",
    }
    async with desk.database.connection() as connection:
        cursor = await connection.execute("SELECT queue, findings FROM exception_case")
        [case] = await cursor.fetchall()
        assert await balance.balance(connection) == {"items": 1, "differences": 0, "explained": 0}
        await connection.execute("UPDATE exception_case SET state = 'resolved', closed_at = now()")
    assert case["queue"] == "accounts-payable"
    assert "0.4000 over the accrual" in case["findings"][1]["summary"]
    assert (await desk.run(FREIGHT_RUN)).findings == ()
    assert set((await desk.states()).values()) == {"quantity settled", "duplicate settled"}


async def test_a_list_without_an_end_is_an_error_and_no_difference(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.finance.reading.MAX_PAGES", 2)
    desk.wms.figures |= {(f"I{n}", f"on_hand:{desk.site}"): 1 for n in range(5)}
    with pytest.raises(WorkflowFailureError):
        await desk.run(desk.wms_run)
    assert await desk.states() == {}


async def test_books_are_read_page_by_page(desk: Desk) -> None:
    desk.wms.figures |= {(f"I{n}", f"on_hand:{desk.site}"): 1 for n in range(5)}
    report = await desk.run(desk.wms_run)
    assert (report.compared, report.differences) == (6, 5)
    asked = [path for path in desk.wms.asked if path.startswith("/v1/stock")]
    assert asked[0] == "/v1/stock?after=&limit=2"
    assert len(asked) == 4, "three full pages, and one that is not"


async def test_a_system_that_is_away_leaves_the_differences_as_they_were(desk: Desk) -> None:
    desk.wms.figures["A", f"on_hand:{desk.site}"] = 57
    await desk.run(desk.wms_run)
    before = await desk.states()
    desk.wms.down = True
    with pytest.raises(WorkflowFailureError):
        await desk.run(desk.wms_run)
    assert await desk.states() == before
    async with desk.database.connection() as connection:
        assert "HTTP 503" in (await reconciliation.runs(connection))[0]["error"]
