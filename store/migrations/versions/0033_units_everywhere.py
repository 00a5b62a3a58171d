"""Purchase orders know the item of each line, and the size of its ordered unit. Their prices are for a number of
packs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

KNOWN = """
UPDATE purchase_order p SET lines = l.lines FROM (SELECT order_key, jsonb_agg(jsonb_build_object('line', line, 'item', item)
    ORDER BY line) AS lines FROM purchase_line GROUP BY 1) l WHERE l.order_key = p.key
"""


def upgrade() -> None:
    """Go up."""
    op.add_column("purchase_order", sa.Column("lines", JSONB(), nullable=False, server_default=sa.text("'[]'")))
    op.execute(KNOWN)
    op.add_column("purchase_line", sa.Column("per", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Go down."""
    op.drop_column("purchase_line", "per")
    op.drop_column("purchase_order", "lines")
