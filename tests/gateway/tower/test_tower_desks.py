"""The desks of the control tower: the work list, one case, the planner's proposals, and what can be asked from
there."""

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.tower import work_lists
from gateway.tower.pages import span
from gateway.tower.snapshots import Snapshots
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.orders.release import OrderStatus
from schemas.procurement.documents import PurchaseLine, PurchaseOrder
from schemas.workflows.commands import ActionRequest
from store.procurement import purchase_orders
from tests.gateway import tower_rows
from tests.gateway.harness import Gateway

FRESH = "erp-one/SO-CASE/delay/1"
TAKEN = "erp-one/SO-TAKEN/tender_reject/1"
OVER = "erp-one/SO-TAKEN/address/1"
PROPOSAL = "erp-one/SO-CASE/delay/2"
SAMPLES = {"text": "RDC-EMEA", "date": "2026-03-20", "ids": [7], "lines": [{"line": 1, "quantity": 2}], "check": True}


@pytest.fixture
async def troubled(gateway: Gateway) -> AsyncIterator[Gateway]:
    await tower_rows.trouble(gateway.database)
    yield gateway


async def text(gateway: Gateway, path: str, partner: str = "helpdesk") -> str:
    """A page as it is read: entities resolved, white space in one."""
    page = await gateway.get(path, partner)
    assert page.status_code == 200
    return " ".join(html.unescape(page.text).split())


def sends(page: str) -> list[str]:
    """Where the forms of a page send their commands."""
    return re.findall(r'data-send="([^"]+)"', page)


def rows(page: str) -> list[str]:
    """The subjects of a work list or of proposals, in their order."""
    return re.findall(r"data-row>([^<]+)<", page)


async def test_the_work_list_has_what_is_open_with_the_highest_tier_first(troubled: Gateway) -> None:
    page = await text(troubled, "/tower/cases")
    assert rows(page) == ["Tender reject", "Delay"]
    assert '2 cases · <b class="warn">1 untaken</b>' in page
    assert "m.okafor" in page
    assert "reopened ×2" in page
    assert re.search(r'<span class="tier">Tier 1</span>.*<td>transport-manager</td>', page)
    assert re.search(r"in 59 min</time>", page), "the tiers of both climb an hour from now"


async def test_of_one_tier_what_climbs_next_comes_first(troubled: Gateway) -> None:
    await tower_rows.case(
        troubled.database, "SO-BACK", ExceptionKind.CUSTOMS, "compliance", next_at=tower_rows.RELEASED
    )
    await tower_rows.case(troubled.database, "SO-BACK", ExceptionKind.DAMAGE, "claims", next_at=None)
    page = await text(troubled, "/tower/cases")
    assert rows(page) == ["Tender reject", "Customs", "Delay", "Damage"]
    assert ">now</time>" in page
    assert "last tier" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("queue=transport", ["Delay"]),
        ("kind=tender_reject", ["Tender reject"]),
        ("queue=transport&kind=tender_reject", []),
        ("queue=nobody%00", []),
    ],
)
async def test_the_work_list_is_narrowed_by_queue_and_kind(troubled: Gateway, query: str, found: list[str]) -> None:
    page = await text(troubled, f"/tower/cases?{query}")
    assert rows(page) == found
    assert ("All clear" in page) == (not found)
    assert page.count('aria-current="true"') == 2, "one choice of each is marked"


async def test_choices_say_how_many_they_leave(troubled: Gateway) -> None:
    async with troubled.database.connection() as connection:
        work = await work_lists.read_cases(connection, "transport", "")
    assert [(it.name, it.count, it.url, it.chosen) for it in work.queues] == [
        ("All", 2, "/tower/cases", False),
        ("transport", 1, "/tower/cases?queue=transport", True),
        ("transport-manager", 1, "/tower/cases?queue=transport-manager", False),
    ]
    assert [(it.name, it.url) for it in work.kinds] == [
        ("All", "/tower/cases?queue=transport"),
        ("delay", "/tower/cases?queue=transport&kind=delay"),
    ]


async def test_a_case_shows_what_is_wrong_what_happened_and_what_can_be_done(troubled: Gateway) -> None:
    page = await text(troubled, f"/tower/cases/{FRESH}")
    assert "delay on DN-SO-CASE" in page
    assert "opened: delay on DN-SO-CASE" in page
    assert "/namespaces/default/workflows/case%2Ferp-one%2FSO-CASE%2Fdelay%2F1" in page
    assert sends(page) == [
        f"/v1/cases/{FRESH}/acknowledge",
        f"/v1/cases/{FRESH}/assign",
        f"/v1/cases/{FRESH}/resolve",
        "/v1/orders/SO-CASE/act?erp=erp-one",
        "/v1/orders/SO-CASE/act?erp=erp-one",
    ]
    assert f'name="case" value="{FRESH}"' in page


async def test_the_case_of_a_purchase_order_shows_it_and_acts_on_it(troubled: Gateway) -> None:
    line = PurchaseLine(line=1, item="ABC-1", packs=10, unit_price=Decimal("9.5"), due_on=tower_rows.PROMISED)
    order = PurchaseOrder(
        number="4500",
        supplier="acme",
        site="LYS",
        region="EMEA",
        currency="EUR",
        ordered_at=tower_rows.RELEASED,
        lines=(line,),
    )
    async with troubled.database.transaction() as connection:
        key = await purchase_orders.open_purchase(connection, tower_rows.ERP, order, [tower_rows.ERP])
    await tower_rows.case(
        troubled.database, "po:4500", ExceptionKind.SHORT_SHIP, "order-management", actions=(Action.ACCEPT,)
    )
    page = await text(troubled, f"/tower/cases/{key}/short_ship/1")
    assert "Purchase order 4500" in page
    assert sends(page)[-1] == "/v1/purchase-orders/4500/act?erp=erp-one"


async def test_what_was_acknowledged_is_not_acknowledged_again(troubled: Gateway) -> None:
    assert f"/v1/cases/{TAKEN}/acknowledge" not in sends(await text(troubled, f"/tower/cases/{TAKEN}"))


@pytest.mark.parametrize(("case", "partner"), [(FRESH, "planner"), (OVER, "helpdesk")])
async def test_planners_watch_and_nobody_works_on_a_closed_case(troubled: Gateway, case: str, partner: str) -> None:
    assert sends(await text(troubled, f"/tower/cases/{case}", partner)) == []
    assert len(sends(await text(troubled, f"/tower/cases/{FRESH}"))) == 5, "and a page is not shared between roles"


@pytest.mark.parametrize("case", ["erp-one/SO-CASE/delay/2", "nothing", "erp-one/SO-CASE/%00/1"])
async def test_an_unknown_case_is_a_page_that_says_so(troubled: Gateway, case: str) -> None:
    answer = await troubled.get(f"/tower/cases/{case}", "helpdesk")
    assert answer.status_code == 404
    assert "There is no such case" in answer.text


@pytest.mark.parametrize("action", Action)
async def test_every_action_asks_for_what_its_contract_needs(troubled: Gateway, action: Action) -> None:
    await tower_rows.case(troubled.database, "SO-BACK", ExceptionKind.DAMAGE, "claims", actions=(action,))
    async with troubled.database.connection() as connection:
        shown = await work_lists.read_case(connection, "erp-one/SO-BACK/damage/1", support=True)
    assert shown
    [form] = shown.actions
    filled = {field.name: SAMPLES[field.kind] for field in form.fields if field.required}
    assert ActionRequest.model_validate({"id": "1", **form.fixed, **filled}).action is action
    unknown = {field.name for field in form.fields} - ActionRequest.model_fields.keys()
    assert not unknown, "the door refuses fields that it does not know"


async def test_the_planner_sees_what_waits_and_what_was_decided(troubled: Gateway) -> None:
    page = await text(troubled, "/tower/planner", "planner")
    assert rows(page) == ["SO-CASE"]
    assert "+5 days" in page
    assert sends(page) == [f"/v1/proposals/{PROPOSAL}/decision"] * 2
    assert page.count(f'name="proposal" value="{PROPOSAL}"') == 2
    decided = page.partition("Decided")[2]
    assert re.search(r"SO-TAKEN.*Rejected.*planner.*the customer needs it by then", decided)


async def test_the_most_urgent_order_is_decided_first_then_the_longest_slip(troubled: Gateway) -> None:
    await tower_rows.proposal(troubled.database, "SO-TAKEN", 4, slip_days=30)
    await tower_rows.release(troubled.database, "SO-URGENT")
    await tower_rows.step(troubled.database, "SO-URGENT", OrderStatus.PROMISED)
    await tower_rows.proposal(troubled.database, "SO-URGENT", 2, slip_days=1)
    await troubled.rows("UPDATE order_view SET priority = 1 WHERE number = 'SO-URGENT' RETURNING key")
    assert rows(await text(troubled, "/tower/planner")) == ["SO-URGENT", "SO-TAKEN", "SO-CASE"]


async def test_proposals_are_narrowed_by_region(troubled: Gateway) -> None:
    assert rows(await text(troubled, "/tower/planner?region=EMEA")) == ["SO-CASE"]
    elsewhere = await text(troubled, "/tower/planner?region=AMER")
    assert rows(elsewhere) == []
    assert "Nothing to decide" in elsewhere


async def test_an_order_shows_who_is_asked_and_what_it_waits_for(troubled: Gateway) -> None:
    page = await text(troubled, "/tower/orders/erp-one/SO-CASE")
    assert f'href="/tower/cases/{FRESH}"' in page
    assert "Mon 9 Mar 2026 → Sat 14 Mar 2026" in page
    assert re.search(r"Waits for</dt><dd[^>]*>pick-up <span class=\"note\">by <time[^>]*>6 Mar 2026 12:00", page)
    assert "Last failure: tms refused tender_transport" in page
    assert "Case opened: delay" in page
    assert "Planner asked" in page


async def test_an_order_is_shown_without_what_it_waits_for_when_temporal_is_away(troubled: Gateway) -> None:
    troubled.handoff.up = False
    page = await text(troubled, "/tower/orders/erp-one/SO-CASE")
    assert "Waits for</dt>" not in page


async def test_an_order_shows_its_quantities_and_returns(troubled: Gateway) -> None:
    page = await text(troubled, "/tower/orders/erp-one/SO-BACK")
    cells = re.findall(r"<td[^>]*>([^<]*)", page.partition('data-key="l-1"')[2])
    assert cells[:10] == ["1", "ABC-1", "10", "–", "10", "10", "10", "10", "10", "2"]
    assert re.search(r"RMA-77.*Inspected.*ordered twice", page)
    assert "Waits for</dt>" not in page, "it has ended"
    assert sends(page) == []


async def test_an_orders_closed_cases_and_answers_stay_readable(troubled: Gateway) -> None:
    page = await text(troubled, "/tower/orders/erp-one/SO-TAKEN")
    assert re.search(rf'Closed cases.*href="/tower/cases/{OVER}"', page)
    assert "Proposal rejected" in page
    assert "by planner · the customer needs it by then" in page


@pytest.mark.parametrize(
    ("partner", "verbs"), [("helpdesk", ["hold", "cancel"]), ("root", ["hold", "cancel"]), ("planner", ["hold"])]
)
async def test_an_order_is_held_by_planners_too_and_cancelled_by_support(
    troubled: Gateway, partner: str, verbs: list[str]
) -> None:
    page = await text(troubled, "/tower/orders/erp-one/SO-CASE", partner)
    assert sends(page) == [f"/v1/orders/SO-CASE/{verb}?erp=erp-one" for verb in verbs]


async def test_an_order_on_hold_can_be_resumed(troubled: Gateway) -> None:
    await troubled.rows("UPDATE order_view SET conditions = '{on_hold}' WHERE number = 'SO-CASE' RETURNING key")
    page = await text(troubled, "/tower/orders/erp-one/SO-CASE")
    assert "On hold</span>" in page
    assert sends(page)[0] == "/v1/orders/SO-CASE/resume?erp=erp-one"


async def test_the_overview_counts_cases_by_desk_and_kind(troubled: Gateway) -> None:
    await tower_rows.case(troubled.database, "SO-BACK", ExceptionKind.DELAY, "transport")
    page = await text(troubled, "/tower")
    assert re.search(r'href="/tower/cases"><span class="name">Open cases</span> <strong>3</strong>.*2 untaken', page)
    found = re.findall(r'class="concern s(\d)" href="([^"]+)"><span class="subject">([^<]+)<.*?<strong>([^<]+)<', page)
    assert found[:3] == [
        ("3", "/tower/cases?queue=transport-manager&kind=tender_reject", "transport-manager", "Tender reject · 1 case"),
        ("2", "/tower/cases?queue=transport&kind=delay", "transport", "Delay · 2 cases"),
        ("2", "/tower/planner?region=EMEA", "Planner EMEA", "1 proposal to decide"),
    ]


async def test_markup_in_a_case_or_proposal_is_text(troubled: Gateway) -> None:
    attack = "<script>alert(1)</script>"
    case = await tower_rows.case(troubled.database, "SO-BACK", ExceptionKind.DAMAGE, "claims", summary=attack)
    await troubled.rows(f"UPDATE replan_proposal SET summary = '{attack}' RETURNING id")
    for path in ("/tower/cases", f"/tower/cases/{case}", "/tower/planner", "/tower/orders/erp-one/SO-BACK"):
        page = (await troubled.get(path, "root")).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


async def test_viewers_of_an_order_share_one_question_to_its_workflow(
    troubled: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    status = troubled.handoff.status

    async def counted(key: str, timeout_s: float) -> object:
        nonlocal asked
        asked += 1
        return await status(key, timeout_s)

    monkeypatch.setattr(troubled.handoff, "status", counted)
    now = 0.0
    troubled.app.state.snapshots = Snapshots(lambda: now)
    troubled.app.state.answers = Snapshots(lambda: 0.0)
    for _ in range(5):
        await text(troubled, "/tower/orders/erp-one/SO-CASE")
        now += 60
    assert asked == 1, "what was said a moment ago is shown on a page that is new"
    await text(troubled, "/tower/orders/erp-one/SO-BACK")
    assert asked == 1, "an order that has ended waits for nothing"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        ({"seconds": -5}, "0 s"),
        ({"seconds": 59}, "59 s"),
        ({"minutes": 12, "seconds": 40}, "12 min"),
        ({"hours": 2}, "2 h"),
        ({"hours": 2, "minutes": 5}, "2 h 5 min"),
        ({"days": 3, "hours": 4, "minutes": 5}, "3 d 4 h"),
    ],
)
def test_a_length_of_time_is_read_at_a_glance(length: dict[str, int], words: str) -> None:
    assert span(timedelta(**length)) == words
