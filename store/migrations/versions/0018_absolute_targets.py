"""The content under the key of an effect, and the number of its changes: a key never carries two contents."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("effect", sa.Column("digest", sa.String(), server_default="", nullable=False))
    op.add_column("effect", sa.Column("edition", sa.Integer(), server_default="1", nullable=False))
    op.drop_column("effect", "restated")


def downgrade() -> None:
    op.add_column("effect", sa.Column("restated", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_column("effect", "edition")
    op.drop_column("effect", "digest")
