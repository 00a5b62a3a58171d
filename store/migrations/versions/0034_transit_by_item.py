"""Goods in transit are looked up by item: a step that ships thousands of lines read all of them for each."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

INDEX, TABLE = "planning_transit", "planning_delta"
ON_THE_WAY = sa.text("shipment <> ''")


def upgrade() -> None:
    """One column more."""
    op.drop_index(INDEX, table_name=TABLE)
    op.create_index(INDEX, TABLE, ["order_key", "shipment", "item"], postgresql_where=ON_THE_WAY)


def downgrade() -> None:
    """Back."""
    op.drop_index(INDEX, table_name=TABLE)
    op.create_index(INDEX, TABLE, ["order_key", "shipment"], postgresql_where=ON_THE_WAY)
