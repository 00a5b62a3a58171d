"""Order promising: item-sites whose stock is known, expected supply, reservations, the promise that was offered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def text(name: str, default: str | None = None) -> sa.Column[str]:
    """A text that is never null."""
    return sa.Column(name, sa.String(), server_default=default, nullable=False)


def upgrade() -> None:
    op.create_table("stock_item", text("item"), text("site"), sa.PrimaryKeyConstraint("item", "site"))
    op.create_table(
        "supply",
        *(text(name) for name in ("key", "item", "site", "kind", "ref")),
        sa.Column("packs", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        text("shipment", ""),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.CheckConstraint("packs >= 0", name="supply_not_negative"),
    )
    op.create_index("supply_open", "supply", ["item", "site", "day"], postgresql_where=sa.text("packs > 0"))
    op.create_table(
        "peg",
        sa.Column("order_key", sa.String(), sa.ForeignKey("order_view.key"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        *(text(name) for name in ("supply_key", "item", "site")),
        sa.Column("packs", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("order_key", "line", "supply_key"),
        sa.CheckConstraint("packs > 0", name="peg_reserves_something"),
    )
    op.create_index("peg_item", "peg", ["item", "site"])
    op.create_index("peg_supply", "peg", ["supply_key"], postgresql_where=sa.text("supply_key <> ''"))
    op.add_column("order_view", sa.Column("offered", JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("order_view", "offered")
    for table in ("peg", "supply", "stock_item"):
        op.drop_table(table)
