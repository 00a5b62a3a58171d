"""Order promising: expected supply, reservations, first promises, and the queue of items to be promised anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# The queue takes a row without looking for one: no two writers meet there.
STOCK_CHANGED = """
CREATE FUNCTION promising_stock_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at text := substr(NEW.place, 9);
BEGIN
    IF EXISTS (SELECT FROM stock_item s WHERE s.item = NEW.item AND s.site = at) THEN
        INSERT INTO repromise (item) VALUES (NEW.item);
        PERFORM pg_notify('promising', '');
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "supply",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shipment", sa.String(), server_default="", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.CheckConstraint("packs >= 0", name="supply_not_negative"),
    )
    op.create_index("supply_item", "supply", ["item", "site", "day"])
    op.create_table(
        "stock_item",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("item", "site"),
    )
    op.create_table(
        "peg",
        sa.Column("order_key", sa.String(), sa.ForeignKey("order_view.key"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("supply_key", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("wanted_on", sa.Date(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("order_key", "line", "site", "supply_key"),
        sa.CheckConstraint("packs > 0", name="peg_holds_something"),
    )
    op.create_index("peg_source", "peg", ["item", "site", "supply_key"])
    op.create_table(
        "order_promise",
        sa.Column("order_key", sa.String(), sa.ForeignKey("order_view.key"), nullable=False),
        sa.Column("given", postgresql.JSONB(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("told", postgresql.JSONB(), nullable=False),
        sa.Column("told_in", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("order_key"),
    )
    op.create_table(
        "repromise",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("repromise_item", "repromise", ["item"])
    op.create_index("order_line_item", "order_line_view", ["item"])
    op.execute(STOCK_CHANGED)
    op.execute(
        "CREATE TRIGGER promising_stock_changed AFTER INSERT OR UPDATE ON stock_balance FOR EACH ROW "
        "WHEN (NEW.place LIKE 'on_hand:%') EXECUTE FUNCTION promising_stock_changed()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER promising_stock_changed ON stock_balance")
    op.execute("DROP FUNCTION promising_stock_changed")
    op.drop_index("order_line_item", "order_line_view")
    for table in ("repromise", "order_promise", "peg", "stock_item", "supply"):
        op.drop_table(table)
