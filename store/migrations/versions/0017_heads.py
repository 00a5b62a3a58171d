"""Each workflow has a head: its newest step, in which task it was decided, and how far its steps are confirmed. Verdicts
wait in `outcome` until then. Movements keep the step that booked them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BOOKED = {
    "order": "'order/' || ref",
    "purchase": "'inbound/' || ref",
    "return": "regexp_replace(key, '^(.*)/return/(.*?)/v[0-9]+.*$', 'return/\\1/\\2')",
}
"""SQL: the workflow that booked a movement, by the movement's source."""


def moment(name: str, *, now: bool = False) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=not now, server_default=sa.text("now()") if now else None
    )


def whole(name: str, default: int = 0) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=str(default))


def upgrade() -> None:
    op.create_table(
        "head",
        sa.Column("workflow_id", sa.String(), primary_key=True),
        sa.Column("subject", sa.String(), nullable=False),
        whole("run"),
        sa.Column("run_id", sa.String(), nullable=False, server_default=""),
        whole("task"),
        whole("version"),
        whole("highest"),
        whole("confirmed"),
        sa.Column("snapshot", sa.Text()),
        whole("snapshot_version"),
        sa.Column("ended", sa.Boolean(), nullable=False, server_default=sa.false()),
        moment("written_at", now=True),
    )
    op.create_index("head_provisional", "head", ["written_at"], postgresql_where=sa.text("confirmed < version"))
    op.create_index("head_open", "head", ["workflow_id"], postgresql_where=sa.text("NOT ended"))
    op.create_index("head_subject", "head", ["subject"])
    op.create_table(
        "outcome",
        sa.Column("workflow_id", sa.String(), primary_key=True),
        sa.Column("event_id", sa.String(), primary_key=True),
        sa.Column("inbox_id", sa.BigInteger(), primary_key=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("answer", JSONB),
    )
    op.create_index("outcome_message", "outcome", ["inbox_id"])
    op.add_column("inbox_message", sa.Column("answer", JSONB))
    for table in ("stock_move", "freight_move"):
        op.add_column(table, sa.Column("workflow_id", sa.String(), nullable=False, server_default=""))
        op.add_column(table, whole("version"))
        op.create_index(
            f"{table}_step", table, ["workflow_id", "version"], postgresql_where=sa.text("workflow_id <> ''")
        )
    known()


def known() -> None:
    """Workflows from before: their newest version, which their running workflows have or had; what they have booked."""
    op.execute("ALTER TABLE stock_move DISABLE TRIGGER USER")
    op.execute("ALTER TABLE freight_move DISABLE TRIGGER USER")
    for source, workflow in BOOKED.items():
        op.execute(
            f"UPDATE stock_move SET workflow_id = {workflow}, version = substring(key from '/v([0-9]+)')::int "
            f"WHERE source = '{source}' AND kind IN ('step', 'undone') AND key ~ '/v[0-9]+'"
        )
    op.execute(
        "UPDATE freight_move SET workflow_id = 'order/' || ref, version = substring(key from '/v([0-9]+)')::int "
        "WHERE key LIKE 'accrual/%' AND key ~ '/v[0-9]+'"
    )
    op.execute("ALTER TABLE stock_move ENABLE TRIGGER USER")
    op.execute("ALTER TABLE freight_move ENABLE TRIGGER USER")
    op.execute(
        "INSERT INTO head (workflow_id, subject, version, highest, confirmed, ended) "
        "SELECT 'order/' || key, key, version, version, version, closed_at IS NOT NULL FROM order_view WHERE status <> 'released' UNION ALL "
        "SELECT 'inbound/' || key, key, version, version, version, closed_at IS NOT NULL FROM purchase_order WHERE version > 0 "
        "UNION ALL SELECT 'return/' || order_key || '/' || rma, order_key, version, version, version, closed_at IS NOT NULL "
        "FROM return_order WHERE version > 0 UNION ALL SELECT 'case/' || id, order_key, version, version, version, "
        "closed_at IS NOT NULL FROM exception_case UNION ALL SELECT 'replenishment/' || id, erp || '/replenishment:' || id, "
        "version, version, version, answered FROM replenishment WHERE version > 0"
    )
    op.execute(
        "UPDATE head h SET snapshot = p.handed_over::text, snapshot_version = h.version FROM purchase_order p "
        "WHERE h.workflow_id = 'inbound/' || p.key AND p.handed_over IS NOT NULL"
    )
    op.drop_column("purchase_order", "handed_over")


def downgrade() -> None:
    op.add_column("purchase_order", sa.Column("handed_over", JSONB))
    for table in ("stock_move", "freight_move"):
        op.drop_index(f"{table}_step", table)
        op.drop_column(table, "version")
        op.drop_column(table, "workflow_id")
    op.drop_column("inbox_message", "answer")
    op.drop_table("outcome")
    op.drop_table("head")
