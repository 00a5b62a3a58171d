"""The ledger keeps who takes a tender: a workflow that begins again is answered from it."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("effect", sa.Column("carrier", sa.String()))


def downgrade() -> None:
    op.drop_column("effect", "carrier")
