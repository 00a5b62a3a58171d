"""Effects keep the version of the order that owes them and the status that they tell, so that a repeat tells the same."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("effect", sa.Column("order_status", sa.String()))
    op.add_column("effect", sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("effect", sa.Column("restated", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("effect", "restated")
    op.drop_column("effect", "version")
    op.drop_column("effect", "order_status")
