"""Orders know their lines in other units than those of their items. Advised shipments of suppliers know their pallets
and cartons."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "inbound_shipment", sa.Column("handling_units", ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("order_view", sa.Column("converted", JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("order_view", "converted")
    op.drop_column("inbound_shipment", "handling_units")
