"""Open demand of orders, each figure with its revision, owed to planning until it was told."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SEED = (
    "INSERT INTO order_demand (order_key, item, site, packs, day) SELECT o.key, l.item, o.site, "
    "sum(l.ordered - l.cancelled - l.delivered), min(l.promised_on) FROM order_line_view l JOIN order_view o "
    "ON o.key = l.order_key WHERE o.closed_at IS NULL AND l.ordered - l.cancelled - l.delivered > 0 GROUP BY 1, 2, 3"
)
"""The open demand, by the lines as they are written. The next step of an order says it as its state has it."""


def upgrade() -> None:
    op.create_table(
        "order_demand",
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("told_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("told_packs", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refused", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("packs >= 0", name="order_demand_not_negative"),
        sa.PrimaryKeyConstraint("order_key", "item", "site"),
    )
    waits = sa.text("told_revision < revision AND refused IS NULL")
    op.create_index("order_demand_untold", "order_demand", ["changed_at"], postgresql_where=waits)
    op.create_index(
        "order_demand_refused", "order_demand", ["item", "site"], postgresql_where=sa.text("refused IS NOT NULL")
    )
    op.create_index("order_demand_item", "order_demand", ["item", "site"])
    op.create_index("order_demand_open", "order_demand", ["site", "item"], postgresql_where=sa.text("packs <> 0"))
    op.execute(SEED)


def downgrade() -> None:
    op.drop_table("order_demand")
