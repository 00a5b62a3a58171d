"""Sums of the stock ledger are carried forward for comparisons; the books of freight are not emptied either."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

FREIGHT = ("freight_move", "freight_entry")


def upgrade() -> None:
    """Two tables, two triggers."""
    op.create_table(
        "stock_carried",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "item", "place"),
    )
    op.create_table(
        "stock_carried_mark",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("upto", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("one"),
        sa.CheckConstraint("one", name="stock_carried_mark_is_one"),
    )
    op.execute("INSERT INTO stock_carried_mark (upto) VALUES ('-infinity')")
    for table in FREIGHT:
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION stock_append_only()"
        )


def downgrade() -> None:
    """Back."""
    for table in FREIGHT:
        op.execute(f"DROP TRIGGER {table}_whole ON {table}")
    op.drop_table("stock_carried_mark")
    op.drop_table("stock_carried")
