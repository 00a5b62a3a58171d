"""The work lists: open cases, one case, and the planner's proposals. Pure but for `read_*`."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from domain.planning.governor import Rules
from gateway.tower import forms
from gateway.tower.forms import Form
from gateway.views.orders import CaseView, OrderView, case_view, order_view
from gateway.views.purchases import PurchaseView, purchase_view
from schemas.base import Role
from schemas.ids import Subject
from schemas.orders.release import MAX_LINES
from schemas.planning.governor import Precision, StockProposalView
from schemas.settings import GovernorSettings
from store.cases import cases
from store.engine import Connection
from store.finance import reconciliation
from store.orders import order_parts, orders
from store.planning import governor
from store.procurement import purchase_orders
from store.views import work_lists
from store.views.work_lists import Load, OpenCase, OpenProposals, WaitingProposal

CASES, PLANNER = "/tower/cases", "/tower/planner"


@dataclass(frozen=True)
class Choice:
    """One way to narrow a list, or to widen it again: how many it leaves, and where it leads."""

    name: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True)
class WorkList:
    """Open cases of a desk and kind (empty: all), the most urgent first."""

    at: datetime
    queue: str
    kind: str
    loads: list[Load]
    cases: list[OpenCase]

    @property
    def total(self) -> int:
        """Cases that match the choice; more than are listed when there are very many."""
        return sum(it.cases for it in self._within(self.queue, self.kind))

    @property
    def untaken(self) -> int:
        """Matching cases that nobody has acknowledged."""
        return sum(it.untaken for it in self._within(self.queue, self.kind))

    @property
    def queues(self) -> list[Choice]:
        """The desks, as far as they have cases of the chosen kind."""
        counts: Counter[str] = Counter()
        for load in self._within("", self.kind):
            counts[load.queue] += load.cases
        return _choices(counts, self.queue, lambda queue: cases_url(queue, self.kind))

    @property
    def kinds(self) -> list[Choice]:
        """The kinds, as far as the chosen desk has them."""
        counts: Counter[str] = Counter()
        for load in self._within(self.queue, ""):
            counts[load.kind] += load.cases
        return _choices(counts, self.kind, lambda kind: cases_url(self.queue, kind))

    def _within(self, queue: str, kind: str) -> list[Load]:
        return [it for it in self.loads if queue in ("", it.queue) and kind in ("", it.kind)]


@dataclass(frozen=True)
class CasePage:
    """One case, the order or purchase order that it is about (None: it is about books), and what this viewer can do."""

    at: datetime
    case: CaseView
    order: OrderView | PurchaseView | None
    notes: list[Form]
    actions: list[Form]

    @property
    def is_purchase(self) -> bool:
        """Whether it is about a purchase order."""
        return isinstance(self.order, PurchaseView)

    @property
    def lines(self) -> list[dict[str, object]]:
        """The lines as forms ask for packs of them: what is open has neither come nor been cancelled."""
        if isinstance(self.order, PurchaseView):
            shown = [(it.line, it.item, it.ordered, 0, it.received) for it in self.order.lines]
        else:
            lines = self.order.lines if self.order else ()
            shown = [(it.line, it.item, it.ordered, it.cancelled, it.delivered) for it in lines]
        return [dict(zip(("line", "item", "ordered", "cancelled", "delivered"), it, strict=True)) for it in shown]

    @property
    def queue_url(self) -> str:
        """The work list of the desk that has it."""
        return cases_url(self.case.queue or "")


@dataclass(frozen=True)
class PlannerPage:
    """Proposals of a region (empty: all): those that wait, and those that were decided; about orders, and `stock` about
    items at sites. `weeks`: how many planners accept. `rules`: what is tolerated."""

    at: datetime
    region: str
    asked: list[OpenProposals]
    waiting: list[WaitingProposal]
    decided: list[WaitingProposal]
    stock: list[StockProposalView]
    stock_over: list[StockProposalView]
    weeks: list[Precision]
    rules: Rules

    @property
    def regions(self) -> list[Choice]:
        """The regions that have open proposals."""
        return _choices(Counter({it.region: it.proposals for it in self.asked}), self.region, planner_url)


async def read_cases(connection: Connection, queue: str, kind: str) -> WorkList:
    """The work list."""
    return WorkList(
        at=datetime.now(UTC),
        queue=queue,
        kind=kind,
        loads=await work_lists.caseload(connection),
        cases=await work_lists.open_cases(connection, queue, kind),
    )


async def read_case(connection: Connection, case_id: str, *, support: bool) -> CasePage | None:
    """One case, or None. Only support works on it."""
    row = await cases.show(connection, case_id)
    if row is None:
        return None
    order = await _about(connection, row["order_key"])
    case = case_view(row, Role.ADMIN)
    workable = support and case.closed_at is None
    notes, actions = forms.of_case(case, order) if workable else ([], [])
    if workable and order is None:
        actions += forms.repairs(await reconciliation.of_case(connection, case_id))
    return CasePage(datetime.now(UTC), case, order, notes, actions)


async def _about(connection: Connection, key: str) -> OrderView | PurchaseView | None:
    """The order, or purchase order, with this key; None when no ERP ordered what it names."""
    about = Subject.parse(key)
    if not about.is_ordered:
        return None
    if about.is_purchase:
        [purchase] = await purchase_orders.named(connection, about.number, None, about.erp)
        return purchase_view(purchase, await purchase_orders.details(connection, key), Role.ADMIN)
    found = await orders.find(connection, about.number, None, about.erp)
    if not found:
        return None
    details = await orders.details(connection, key)
    details["lines"] = await order_parts.window(connection, key, "lines", size=MAX_LINES)  # people choose among all
    return order_view(found[0], details, Role.ADMIN)


async def read_planner(connection: Connection, region: str, config: GovernorSettings) -> PlannerPage:
    """The planner's desk."""
    return PlannerPage(
        at=datetime.now(UTC),
        region=region,
        asked=await work_lists.asked(connection),
        waiting=await work_lists.open_proposals(connection, region),
        decided=await work_lists.decided_proposals(connection, region),
        stock=await governor.listing(connection, region=region or None, limit=work_lists.OPEN),
        stock_over=await governor.over(connection, region or None, work_lists.DECIDED),
        weeks=await governor.precision(connection, region or None),
        rules=Rules(config.tolerances, config.debounce_s),
    )


def cases_url(queue: str = "", kind: str = "") -> str:
    """The work list of a desk and kind; empty ones are not in the address."""
    return _url(CASES, queue=queue, kind=kind)


def planner_url(region: str = "") -> str:
    """The planner's desk for a region."""
    return _url(PLANNER, region=region)


def _choices(counts: Counter[str], chosen: str, url: Callable[[str], str]) -> list[Choice]:
    """Everything, then each by its count; the chosen one even when nothing is left of it."""
    found = {**dict(counts.most_common()), **({chosen: counts[chosen]} if chosen else {})}
    everything = Choice("All", counts.total(), url(""), not chosen)
    return [everything, *(Choice(name, count, url(name), name == chosen) for name, count in found.items())]


def _url(path: str, **chosen: str) -> str:
    query = urlencode({name: value for name, value in chosen.items() if value})
    return f"{path}?{query}" if query else path
