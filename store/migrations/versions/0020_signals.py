"""Columns by which signals are sent again only when they have to be. They hold what Temporal has taken of an event, the
workflow of a message, and the looks at a history."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SIGNALLED = "state = 'routed' AND workflow_id <> ''"
UNDECIDED = "state IN ('received', 'routed') AND workflow_id <> ''"
NOT_TAKEN = "state = 'pending' AND taken IS FALSE"


def upgrade() -> None:
    op.add_column("event_order", sa.Column("taken", sa.Boolean()))
    op.create_index("event_order_not_taken", "event_order", ["order_key"], postgresql_where=sa.text(NOT_TAKEN))
    op.add_column("inbox_message", sa.Column("workflow_id", sa.String(), nullable=False, server_default=""))
    op.create_index("inbox_signalled", "inbox_message", ["not_before"], postgresql_where=sa.text(SIGNALLED))
    op.create_index("inbox_undecided", "inbox_message", ["workflow_id"], postgresql_where=sa.text(UNDECIDED))
    op.add_column("head", sa.Column("looks", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("head", sa.Column("looked_at", sa.DateTime(timezone=True)))
    addressed()


def addressed() -> None:
    """Messages from before that are not settled: the workflows that they go to."""
    op.execute(
        "UPDATE inbox_message m SET workflow_id = 'order/' || o.key FROM order_view o "
        "WHERE o.inbox_id = m.id AND m.kind = 'order.release' AND m.state IN ('received', 'routed')"
    )
    op.execute(
        "UPDATE inbox_message SET workflow_id = CASE "
        "WHEN kind LIKE 'case.%' THEN 'case/' || (convert_from(raw, 'UTF8')::jsonb ->> 'key') "
        "WHEN kind = 'order.return' THEN 'return/' || (convert_from(raw, 'UTF8')::jsonb ->> 'key') || '/' || external_id "
        "WHEN convert_from(raw, 'UTF8')::jsonb ->> 'key' LIKE '%/po:%' "
        "THEN 'inbound/' || replace(convert_from(raw, 'UTF8')::jsonb ->> 'key', '/po:', '/') "
        "ELSE 'order/' || (convert_from(raw, 'UTF8')::jsonb ->> 'key') END "
        "WHERE state IN ('received', 'routed') AND (kind LIKE 'order.%' OR kind LIKE 'case.%') "
        "AND kind <> 'order.release'"
    )


def downgrade() -> None:
    op.drop_column("head", "looked_at")
    op.drop_column("head", "looks")
    op.drop_index("inbox_undecided", "inbox_message")
    op.drop_index("inbox_signalled", "inbox_message")
    op.drop_column("inbox_message", "workflow_id")
    op.drop_index("event_order_not_taken", "event_order")
    op.drop_column("event_order", "taken")
