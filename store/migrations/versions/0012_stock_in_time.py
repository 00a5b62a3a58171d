"""Entries of the stock ledger know when they happened, so that nobody reads an item's whole past to ask for an hour."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("stock_move", "stock_entry")


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
    still_open = sa.text("ordered - cancelled > shipped")
    op.drop_index("order_line_item", table_name="order_line_view")
    op.create_index("order_line_open", "order_line_view", ["item"], postgresql_where=still_open)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION stock_append_only()"
        )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER {table}_whole ON {table}")
    op.drop_index("order_line_open", table_name="order_line_view")
    op.create_index("order_line_item", "order_line_view", ["item"])
    op.drop_index("stock_move_ref", table_name="stock_move")
    op.create_index("stock_move_ref", "stock_move", ["ref"])
    op.drop_index("stock_entry_item", table_name="stock_entry")
    op.drop_column("stock_entry", "occurred_at")
    op.create_index("stock_entry_item", "stock_entry", ["item", "place"])
