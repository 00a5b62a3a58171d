"""The state that a settled purchase order hands over, for documents that come after its end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("purchase_order", sa.Column("handed_over", JSONB, nullable=True))


def downgrade() -> None:
    op.drop_column("purchase_order", "handed_over")
