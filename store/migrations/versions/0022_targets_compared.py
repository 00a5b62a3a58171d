"""Targets of orders are compared with other systems, window by window: what of an order stands apart from its lines."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_view", sa.Column("apart", JSONB(), nullable=True))
    op.create_index("order_listed", "order_view", [sa.text('number COLLATE "C"')])
    op.add_column("reconciliation_run", sa.Column("upto", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("reconciliation_run", "upto")
    op.drop_index("order_listed", "order_view")
    op.drop_column("order_view", "apart")
