"""Stock for many years: entries know when they happened, shipments that are over leave no balance, open lines have an
index. The books are not emptied either."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("stock_move", "stock_entry")
TAKE_IN = """
CREATE OR REPLACE FUNCTION stock_take_in() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken text;
BEGIN
    SELECT format('%s of %s: %s packs, %s', item, move_key, sum(packs), sum(amount)) INTO broken
        FROM added GROUP BY move_key, item HAVING sum(packs) <> 0 OR sum(amount) <> 0 LIMIT 1;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'the sides of a movement must sum to zero: %', broken USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO stock_balance AS b (item, place, packs, amount)
        SELECT item, place, sum(packs), sum(amount) FROM added GROUP BY item, place ORDER BY item, place
        ON CONFLICT (item, place) DO UPDATE SET packs = b.packs + excluded.packs, amount = b.amount + excluded.amount,
            updated_at = clock_timestamp();
    {}RETURN NULL;
END $$
"""
FORGET = """IF EXISTS (SELECT FROM added WHERE packs < 0 AND place LIKE 'transit:%') THEN
        DELETE FROM stock_balance b USING added a WHERE (b.item, b.place) = (a.item, a.place)
            AND b.place LIKE 'transit:%' AND b.packs = 0 AND b.amount = 0;
    END IF;
    """
"""A shipment that has arrived is no place any more: an item would be asked for every one that ever carried it."""


def upgrade() -> None:
    op.add_column("stock_entry", sa.Column("occurred_at", sa.DateTime(timezone=True)))
    op.execute("ALTER TABLE stock_entry DISABLE TRIGGER stock_entry_append_only")
    op.execute("UPDATE stock_entry e SET occurred_at = m.occurred_at FROM stock_move m WHERE m.key = e.move_key")
    op.execute("ALTER TABLE stock_entry ENABLE TRIGGER stock_entry_append_only")
    op.alter_column("stock_entry", "occurred_at", nullable=False)
    op.drop_index("stock_entry_item", table_name="stock_entry")
    op.create_index("stock_entry_item", "stock_entry", ["item", "place", "occurred_at"])
    op.drop_index("stock_move_ref", table_name="stock_move")
    op.create_index("stock_move_ref", "stock_move", ["ref", "kind", "occurred_at"])
    op.drop_index("order_line_item", table_name="order_line_view")
    still_open = sa.text("ordered - cancelled > shipped")
    op.create_index("order_line_open", "order_line_view", ["item"], postgresql_where=still_open)
    op.execute(TAKE_IN.replace("{}", FORGET))
    op.execute("DELETE FROM stock_balance WHERE place LIKE 'transit:%' AND packs = 0 AND amount = 0")
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION stock_append_only()"
        )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER {table}_whole ON {table}")
    op.execute(TAKE_IN.replace("{}", ""))
    op.drop_index("order_line_open", table_name="order_line_view")
    op.create_index("order_line_item", "order_line_view", ["item"])
    op.drop_index("stock_move_ref", table_name="stock_move")
    op.create_index("stock_move_ref", "stock_move", ["ref"])
    op.drop_index("stock_entry_item", table_name="stock_entry")
    op.drop_column("stock_entry", "occurred_at")
    op.create_index("stock_entry_item", "stock_entry", ["item", "place"])
