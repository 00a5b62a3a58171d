"""Procurement: purchase orders, lines, inbound shipments, invoices; replenishments. Cases may be of purchase orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CASE_OF_ORDER = "exception_case_order_key_fkey"


def text(name: str, default: str | None = None) -> sa.Column[str]:
    """A text that is never null."""
    return sa.Column(name, sa.String(), server_default=default, nullable=False)


def whole(name: str, default: str | None = None) -> sa.Column[int]:
    """A whole number that is never null."""
    return sa.Column(name, sa.Integer(), server_default=default, nullable=False)


def moment(name: str, *, now: bool = False, required: bool = False) -> sa.Column[object]:
    """A point in time."""
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not (now or required))


def texts(name: str) -> sa.Column[object]:
    """A list of texts, empty at first."""
    return sa.Column(name, ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)


def of_purchase() -> sa.Column[str]:
    """The key of a purchase order that exists."""
    return sa.Column("order_key", sa.String(), sa.ForeignKey("purchase_order.key"), nullable=False)


def upgrade() -> None:
    op.drop_constraint(CASE_OF_ORDER, "exception_case", type_="foreignkey")
    op.create_table(
        "purchase_order",
        *(text(name) for name in ("key", "erp", "number", "supplier", "site", "region", "currency", "status")),
        whole("revision"),
        whole("version", "0"),
        texts("parties"),
        sa.Column("replenishment", sa.String(), nullable=True),
        moment("ordered_at", required=True),
        moment("created_at", now=True),
        moment("updated_at", now=True),
        moment("closed_at"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("purchase_order_number", "purchase_order", ["number"])
    op.create_index("purchase_order_status", "purchase_order", ["status"])
    op.create_index("ix_purchase_order_replenishment", "purchase_order", ["replenishment"])
    op.create_table(
        "purchase_line",
        of_purchase(),
        whole("line"),
        text("item"),
        whole("ordered"),
        sa.Column("confirmed", sa.Integer(), nullable=True),
        *(whole(name, "0") for name in ("advised", "received", "damaged", "invoiced")),
        sa.Column("unit_price", sa.Numeric(15, 4), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("order_key", "line"),
    )
    op.create_table(
        "inbound_shipment",
        text("shipment"),
        of_purchase(),
        text("carrier", ""),
        moment("eta", required=True),
        text("status"),
        sa.PrimaryKeyConstraint("shipment", "order_key"),
    )
    op.create_index("ix_inbound_shipment_order_key", "inbound_shipment", ["order_key"])
    op.create_table(
        "invoice",
        of_purchase(),
        text("number"),
        whole("revision"),
        *(text(name) for name in ("decision", "match", "currency")),
        sa.Column("amount", sa.Numeric(24, 4), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        texts("reasons"),
        moment("updated_at", now=True),
        sa.PrimaryKeyConstraint("order_key", "number"),
    )
    _replenishments()


def _replenishments() -> None:
    op.create_table(
        "replenishment",
        *(text(name) for name in ("id", "partner", "erp", "kind", "item", "site", "region")),
        sa.Column("proposal", JSONB(astext_type=sa.Text()), nullable=False),
        *(text(name) for name in ("digest", "state", "hop")),
        sa.Column("origin", sa.String(), nullable=True),
        text("reason", ""),
        text("number", ""),
        sa.Column("answered", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("trail", JSONB(astext_type=sa.Text()), nullable=False),
        whole("version", "0"),
        moment("created_at", now=True),
        moment("updated_at", now=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("replenishment_state", "replenishment", ["state"])


def downgrade() -> None:
    for table in ("replenishment", "invoice", "inbound_shipment", "purchase_line", "purchase_order"):
        op.drop_table(table)
    op.execute("DELETE FROM exception_case c WHERE NOT EXISTS (SELECT FROM order_view o WHERE o.key = c.order_key)")
    op.create_foreign_key(CASE_OF_ORDER, "exception_case", "order_view", ["order_key"], ["key"])
