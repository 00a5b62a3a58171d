"""Changes as payloads: by tag, at most one of each kind; what an older worker does not know is refused."""

from typing import ClassVar

import pytest
from pydantic import ValidationError

from schemas.cases.cases import NoticesPlanned
from schemas.changes import KINDS, Change, joined
from schemas.inventory.stock import StockMoved
from schemas.orders.changes import OrderViewChanged, ReleaseAmended, SitesJoined
from schemas.orders.release import OrderStatus
from schemas.planning.movements import OpenDemand
from schemas.workflows.records import StepRecord
from tests.domain.builders import DUE
from workflows.runtime.payloads import CONVERTER

VIEW = OrderViewChanged(status=OrderStatus.PICKED, promised_on=DUE)
MOVED = StockMoved(moves={"on_hand:LYS": {"A": -4}, "allocated:LYS": {"A": 4}})
RECORD = StepRecord(order="erp-one/SO-1", version=3, changes=(VIEW, ReleaseAmended(items={2: "B"}), MOVED))


async def test_a_record_is_read_as_it_was_written_and_names_only_what_changed() -> None:
    payloads = await CONVERTER.encode([RECORD])
    assert payloads[0].data == (
        b'{"order":"erp-one/SO-1","version":3,"changes":{"view":{"status":"picked","promised_on":"2026-05-20"},'
        b'"amended":{"items":{"2":"B"}},"moves":{"moves":{"on_hand:LYS":{"A":-4},"allocated:LYS":{"A":4}}}}}'
    )
    [read] = await CONVERTER.decode(payloads, [StepRecord])
    assert read == RECORD
    assert (read.find(OrderViewChanged), read.find(StockMoved), read.find(NoticesPlanned)) == (VIEW, MOVED, None)
    assert (read.get(SitesJoined).sites, read.get(StockMoved)) == ((), MOVED)


def test_no_open_demand_is_said_by_an_empty_change() -> None:
    record = StepRecord(order="erp-one/SO-1", version=3, changes=(OpenDemand(rows=()),))
    assert StepRecord.model_validate_json(record.model_dump_json(exclude_unset=True)) == record


def test_a_kind_that_the_worker_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match="no change is called tide: the worker is older than its sender"):
        StepRecord.model_validate_json('{"order":"o","version":1,"changes":{"moves":{},"tide":{}}}')


def test_a_step_has_one_change_of_a_kind() -> None:
    with pytest.raises(ValidationError, match="one step has two changes of kind moves"):
        StepRecord(order="o", version=1, changes=(MOVED, VIEW, MOVED))


def test_a_tag_names_one_kind() -> None:
    with pytest.raises(TypeError, match="StockTaken has the tag 'moves' of StockMoved"):

        class StockTaken(Change):
            tag: ClassVar[str] = "moves"

    assert KINDS["moves"] is StockMoved


def test_changes_of_several_decisions_become_one_of_each_kind() -> None:
    changes = (
        SitesJoined(sites=("MAD",)),
        ReleaseAmended(messages=(1,), items={1: "A"}),
        SitesJoined(sites=("HAM",)),
        ReleaseAmended(messages=(2,), items={1: "B", 2: "C"}),
    )
    assert joined(changes) == (
        SitesJoined(sites=("MAD", "HAM")),
        ReleaseAmended(messages=(1, 2), items={1: "B", 2: "C"}),
    )
