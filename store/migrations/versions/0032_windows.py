"""Reconciliation reads what changed, and history slice by slice: how far each list of each system was compared.
Receipts without a purchase order come from `received`, and are no finding of a count any more."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

RECEIVED = """
WITH came AS (SELECT e.item, split_part(e.place, ':', 2) AS site, sum(e.packs) AS packs, sum(e.amount) AS amount
    FROM stock_move m JOIN stock_entry e ON e.move_key = m.key
    WHERE m.source = 'inventory' AND m.kind = 'receipt' AND e.place LIKE 'adjustment:%'
    GROUP BY 1, 2 HAVING sum(e.packs) <> 0),
named AS (SELECT *, concat('received/', site, '/', item, '/', to_char(now(), 'YYYYMMDDHH24MISS')) AS key FROM came),
moved AS (INSERT INTO stock_move (key, kind, source, ref, occurred_at)
    SELECT key, 'receipt', 'inventory', site || '/' || item, now() FROM named)
INSERT INTO stock_entry (move_key, place, item, packs, amount, occurred_at)
    SELECT key, p || site, item, s * packs, s * amount, now()
    FROM named CROSS JOIN (VALUES ('received:', 1), ('adjustment:', -1)) AS x(p, s) ORDER BY item, p || site
"""
"""Moves what receipts took from `adjustment` there. A second time there is nothing left to move."""


def upgrade() -> None:
    op.create_table(
        "reconciliation_mark",
        sa.Column("system", sa.String(), primary_key=True),
        sa.Column("target", sa.String(), primary_key=True),
        sa.Column("about", sa.String(), primary_key=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("behind", sa.String(), server_default="", nullable=False),
        sa.Column("round_began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("effect_listed", "effect", ["system", sa.text('key COLLATE "C"')])
    op.drop_index("effect_done_at", "effect")
    op.create_index("effect_done_at", "effect", ["done_at"])
    op.create_index("order_begun_or_ended", "order_view", [sa.text("coalesce(closed_at, created_at)")])
    op.create_index("freight_move_booked", "freight_move", ["booked_at"])
    op.execute(RECEIVED)
    op.execute("DELETE FROM seen_projection WHERE source = 'counts'")


def downgrade() -> None:
    op.drop_index("freight_move_booked", "freight_move")
    op.drop_index("order_begun_or_ended", "order_view")
    op.drop_index("effect_done_at", "effect")
    op.create_index("effect_done_at", "effect", ["done_at"], postgresql_using="brin")
    op.drop_index("effect_listed", "effect")
    op.drop_table("reconciliation_mark")
