"""The tolerance between a freight invoice and its accrual, by carrier."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tolerance = sa.Column("tolerance", sa.Numeric(9, 6), server_default=sa.text("0.1"), nullable=False)
    op.add_column("freight_rate", tolerance)


def downgrade() -> None:
    op.drop_column("freight_rate", "tolerance")
