"""Indexes for items with thousands of orders. Reservations are summed from the index alone, and served lines are not
read."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

PLACE = ["item", "site", "supply_key"]


def upgrade() -> None:
    op.drop_index("peg_source", "peg")
    op.create_index("peg_source", "peg", PLACE, postgresql_include=["packs"])
    op.create_index(
        "order_line_unserved",
        "order_line_view",
        ["item"],
        postgresql_where=sa.text("ordered - cancelled > GREATEST(allocated, shipped)"),
    )


def downgrade() -> None:
    op.drop_index("order_line_unserved", "order_line_view")
    op.drop_index("peg_source", "peg")
    op.create_index("peg_source", "peg", PLACE)
