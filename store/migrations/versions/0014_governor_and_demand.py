"""The plan's word of a source may be below zero; decisions are told to planning; demand signals; no copy of item classes."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def moment(name: str, *, now: bool = False) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=not now, server_default=sa.text("now()") if now else None
    )


def upgrade() -> None:
    op.drop_table("item_class")
    op.drop_constraint("seen_not_negative", "seen_projection", type_="check")
    op.execute("DELETE FROM seen_projection WHERE source = 'counts' OR source LIKE 'shipment %'")
    op.execute("UPDATE stock_proposal SET state = 'withdrawn', decided_at = now() WHERE state = 'open'")
    op.alter_column("seen_projection", "packs", type_=sa.BigInteger())
    op.alter_column("stock_proposal", "packs", type_=sa.BigInteger())
    op.add_column("stock_proposal", sa.Column("item_class", sa.String(), nullable=False, server_default="*"))
    op.add_column("stock_proposal", sa.Column("override_packs", sa.BigInteger()))
    op.add_column("stock_proposal", moment("told_at"))
    op.add_column("stock_proposal", sa.Column("refused", sa.String()))
    op.create_index(
        "stock_proposal_untold",
        "stock_proposal",
        ["region", "id"],
        postgresql_where=sa.text(
            "state IN ('accepted', 'rejected', 'overridden') AND told_at IS NULL AND refused IS NULL"
        ),
    )
    op.create_index("order_requested", "order_view", [sa.text("(release ->> 'requested_on')")])
    demand()


def demand() -> None:
    op.create_table(
        "demand_signal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("partner", "kind", "customer", "item", "site")),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.Column("told_packs", sa.BigInteger()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("refused", sa.String()),
        moment("received_at", now=True),
        moment("told_at"),
        sa.UniqueConstraint("item", "site", "day", "kind", "customer", "partner", name="demand_signal_once"),
        sa.CheckConstraint("packs >= 0", name="demand_not_negative"),
    )
    op.create_index(
        "demand_signal_untold",
        "demand_signal",
        ["site", "id"],
        postgresql_where=sa.text("packs IS DISTINCT FROM told_packs AND refused IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("demand_signal")
    op.drop_index("order_requested", "order_view")
    op.drop_index("stock_proposal_untold", "stock_proposal")
    for column in ("refused", "told_at", "override_packs", "item_class"):
        op.drop_column("stock_proposal", column)
    op.alter_column("stock_proposal", "packs", type_=sa.Integer())
    op.execute("DELETE FROM seen_projection WHERE packs < 0")
    op.alter_column("seen_projection", "packs", type_=sa.Integer())
    op.create_check_constraint("seen_not_negative", "seen_projection", "packs >= 0")
    op.create_table(
        "item_class",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("class", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("item"),
        sa.CheckConstraint("class IN ('A', 'B', 'C')", name="item_class_known"),
    )
