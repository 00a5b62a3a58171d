"""The stock ledger: movements whose sides sum to zero in packs and in money, and the balances that follow from them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TAKE_IN = """
CREATE FUNCTION stock_take_in() RETURNS trigger LANGUAGE plpgsql AS $$
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
    RETURN NULL;
END $$
"""
KEEP = """
CREATE FUNCTION stock_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: book the opposite movement', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    op.create_table(
        "stock_move",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("stock_move_ref", "stock_move", ["ref"])
    op.create_index("stock_move_booked", "stock_move", ["booked_at"])
    op.create_table(
        "stock_entry",
        sa.Column("move_key", sa.String(), sa.ForeignKey("stock_move.key"), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(20, 4), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("move_key", "place", "item"),
        sa.CheckConstraint("packs <> 0", name="stock_entry_moves_something"),
    )
    op.create_index("stock_entry_item", "stock_entry", ["item", "place"])
    op.create_table(
        "stock_balance",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(20, 4), server_default="0", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("item", "place"),
    )
    op.create_index("stock_balance_place", "stock_balance", ["place"])
    op.create_table(
        "unit_value",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("value", sa.Numeric(20, 4), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("ref", "item"),
    )
    op.execute(TAKE_IN)
    op.execute(KEEP)
    op.execute(
        "CREATE TRIGGER stock_take_in AFTER INSERT ON stock_entry REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION stock_take_in()"
    )
    for table in ("stock_move", "stock_entry"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION stock_append_only()"
        )


def downgrade() -> None:
    for table in ("unit_value", "stock_balance", "stock_entry", "stock_move"):
        op.drop_table(table)
    for function in ("stock_take_in", "stock_append_only"):
        op.execute(f"DROP FUNCTION {function}")
