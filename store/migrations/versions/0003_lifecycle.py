"""The whole life of an order: stages of lines, exception cases, notices, policies, proposals, returns."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STAGES = ("cancelled", "allocated", "picked", "packed", "returned")
COMMANDS = sa.text("kind NOT IN ('event', 'order.release')")
CANCELLATIONS = sa.text("kind = 'order.cancel'")
CHECKS = {
    "line_not_negative": "least(ordered, cancelled, allocated, picked, packed, shipped, delivered, returned) >= 0",
    "line_stages": "allocated >= picked AND picked >= packed AND packed >= shipped AND shipped >= delivered "
    "AND shipped >= returned",
    "line_ordered": "ordered >= shipped AND ordered >= cancelled",
}


def text(name: str, **kwargs: Any) -> sa.Column[str]:
    """A text that is never null."""
    return sa.Column(name, sa.String(), nullable=False, **kwargs)


def words(*names: str) -> list[sa.Column[str]]:
    """Texts that are never null."""
    return [text(name) for name in names]


def whole(name: str, default: str | None = None, **kwargs: Any) -> sa.Column[int]:
    """A whole number that is never null."""
    return sa.Column(name, sa.Integer(), server_default=default, nullable=False, **kwargs)


def documents(*names: str) -> list[sa.Column[object]]:
    """JSON documents that are never null."""
    return [sa.Column(name, JSONB(astext_type=sa.Text()), nullable=False) for name in names]


def moment(name: str, *, required: bool = False, default: str | None = None) -> sa.Column[object]:
    """A point in time."""
    now = sa.text(default) if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=not (required or default))


def of_order(**kwargs: Any) -> sa.Column[str]:
    """The key of an order that exists."""
    return sa.Column("order_key", sa.String(), sa.ForeignKey("order_view.key"), nullable=False, **kwargs)


def upgrade() -> None:
    _lines()
    op.add_column("order_view", whole("amended_in", "0"))
    op.add_column("effect", text("site", server_default=""))
    op.add_column("effect", sa.Column("change", sa.String(), nullable=True))
    op.drop_index("inbox_cancel", table_name="inbox_message", postgresql_where=CANCELLATIONS)
    op.create_index("inbox_command", "inbox_message", ["external_id"], postgresql_where=COMMANDS)
    _cases()
    _decisions()


def _lines() -> None:
    for stage in STAGES:
        op.add_column("order_line_view", whole(stage, "0"))
    op.execute("UPDATE order_line_view SET allocated = shipped, picked = shipped, packed = shipped")
    op.execute(
        "UPDATE order_line_view l SET cancelled = l.ordered - l.shipped FROM order_view o "
        "WHERE o.key = l.order_key AND o.status = 'cancelled'"
    )
    for name, rule in CHECKS.items():
        op.create_check_constraint(name, "order_line_view", rule)


def _cases() -> None:
    op.create_table(
        "exception_case",
        text("id", primary_key=True),
        of_order(),
        text("kind"),
        whole("version"),
        text("state"),
        whole("tier"),
        *words("queue", "assignee", "summary"),
        *documents("findings"),
        sa.Column("actions", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        whole("policy_version"),
        whole("reopened"),
        moment("opened_at", required=True),
        moment("acknowledged_at"),
        moment("closed_at"),
        moment("next_at"),
        *documents("history"),
        moment("updated_at", default="now()"),
    )
    op.create_index("case_order", "exception_case", ["order_key"])
    op.create_index("case_open", "exception_case", ["opened_at"], postgresql_where=sa.text("closed_at IS NULL"))
    op.create_table(
        "notice",
        text("key", primary_key=True),
        *words("channel", "recipient", "template"),
        *documents("facts"),
        *words("order_key", "case_id", "kind"),
        whole("tier"),
        moment("asked_at", required=True),
        moment("due_at", default="now()"),
        whole("attempts", "0"),
        sa.Column("error", sa.String(), nullable=True),
        moment("sent_at"),
        text("state", server_default="planned"),
    )
    op.create_index("ix_notice_order_key", "notice", ["order_key"])
    op.create_index("notice_due", "notice", ["due_at"], postgresql_where=sa.text("state = 'planned'"))


def _decisions() -> None:
    op.create_table(
        "policy",
        text("id", primary_key=True),
        whole("version", primary_key=True, autoincrement=False),
        text("about"),
        *documents("scope", "body"),
        moment("active_from", default="now()"),
    )
    op.create_table(
        "replan_proposal",
        text("id", primary_key=True),
        of_order(),
        *words("kind", "subject", "region"),
        sa.Column("promised_on", sa.Date(), nullable=False),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        *documents("lines"),
        text("summary"),
        text("state", server_default="open"),
        moment("raised_at", required=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        moment("decided_at"),
        sa.Column("decision_reason", sa.String(), nullable=True),
    )
    op.create_index("ix_replan_proposal_order_key", "replan_proposal", ["order_key"])
    op.create_index("proposal_open", "replan_proposal", ["region"], postgresql_where=sa.text("state = 'open'"))
    op.create_table(
        "return_order",
        of_order(primary_key=True),
        text("rma", primary_key=True),
        *words("state", "reason"),
        sa.Column("sender", sa.Boolean(), nullable=False),
        text("by"),
        *documents("expected", "received", "restocked", "scrapped"),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        whole("version"),
        moment("created_at", default="now()"),
        moment("updated_at", default="now()"),
        moment("closed_at"),
    )


def downgrade() -> None:
    for table in ("return_order", "replan_proposal", "policy", "notice", "exception_case"):
        op.drop_table(table)
    op.drop_index("inbox_command", table_name="inbox_message", postgresql_where=COMMANDS)
    op.create_index("inbox_cancel", "inbox_message", ["external_id"], postgresql_where=CANCELLATIONS)
    op.drop_column("effect", "change")
    op.drop_column("effect", "site")
    op.drop_column("order_view", "amended_in")
    for name in CHECKS:
        op.drop_constraint(name, "order_line_view", type_="check")
    for stage in STAGES:
        op.drop_column("order_line_view", stage)
