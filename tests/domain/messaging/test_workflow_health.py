"""What is wrong with a workflow as Temporal sees it, said once and long before it is too late."""

import pytest

from domain.messaging.workflow_health import Seen, difference


def seen(**more: object) -> Seen:
    return Seen.model_validate(
        {"workflow_id": "order/erp-one/SO-1", "subject": "erp-one/SO-1", "status": "running", **more}
    )


@pytest.mark.parametrize(
    "more", [{}, {"attempt": 2}, {"events": 8_192}, {"bytes": 8 * 1024 * 1024}, {"waiting": 9}], ids=str
)
def test_one_that_runs_is_in_order(more: dict[str, object]) -> None:
    assert difference(seen(**more)) is None


@pytest.mark.parametrize(
    ("more", "theirs"),
    [
        ({"status": "terminated"}, "terminated"),
        ({"status": "not found"}, "not found"),
        ({"attempt": 3}, "its task fails"),
        ({"events": 8_193}, "close to a limit: events"),
        ({"bytes": 9_000_000, "events": 9_000}, "close to a limit: events, bytes"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(more: dict[str, object], theirs: str) -> None:
    found = difference(seen(**more, waiting=2))
    assert found is not None
    assert (found.subject, found.ours, found.theirs) == ("order/erp-one/SO-1", "open", theirs)
    assert "2 messages waiting" in found.proposal


@pytest.mark.parametrize(
    ("workflow", "subject", "asked"),
    [
        ("order/erp-one/SO-1", "erp-one/SO-1", "`syncline order restart SO-1 --erp erp-one`"),
        ("return/erp-one/SO-1/R-1", "erp-one/SO-1", "`syncline order restart SO-1 --erp erp-one`"),
        ("inbound/erp-one/4500", "erp-one/po:4500", "`syncline order restart --all`"),
        ("case/stock/wms/LYS/stock_difference/1", "stock/wms/LYS", "`syncline order restart --all`"),
    ],
)
def test_the_command_that_helps_is_said(workflow: str, subject: str, asked: str) -> None:
    found = difference(seen(workflow_id=workflow, subject=subject, status="failed"))
    assert found is not None
    assert asked in found.proposal
