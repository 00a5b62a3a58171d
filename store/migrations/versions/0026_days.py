"""The days of orders: their zone, the day of delivery at the customer's, and what promising has said of them.

Words of promising are made anew when they are shown, others are kept as they are.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "order_promise",
        sa.Column("said", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
    )
    op.execute(
        "UPDATE order_promise g SET said = array_remove(ARRAY[given -> 'promise' ->> 'reason', (SELECT p.reason FROM promise p "
        "JOIN inbox_message m ON m.id = g.told_in WHERE p.order_key = g.order_key ORDER BY p.id DESC LIMIT 1)], NULL)"
    )
    op.add_column("order_view", sa.Column("time_zone", sa.String(), server_default="UTC", nullable=False))
    op.add_column("order_line_view", sa.Column("delivered_on", sa.Date()))
    op.execute("UPDATE order_line_view SET delivered_on = (delivered_at AT TIME ZONE 'UTC')::date")


def downgrade() -> None:
    op.drop_column("order_line_view", "delivered_on")
    op.drop_column("order_view", "time_zone")
    op.drop_column("order_promise", "said")
