"""Owners' answers on master data, kept for a short while."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def flag(name: str) -> sa.Column[bool]:
    """False unless it is said otherwise."""
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def moment(name: str, **kwargs: object) -> sa.Column[object]:
    """A point in time."""
    return sa.Column(name, sa.DateTime(timezone=True), **kwargs)  # type: ignore[arg-type]


def upgrade() -> None:
    op.create_table(
        "master_record",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("owner", "kind", "id")),
        flag("known"),
        sa.Column("body", JSONB()),
        moment("fetched_at"),
        moment("expires_at", server_default=sa.text("now()"), nullable=False),
        moment("asked_until"),
        flag("down"),
        flag("wanted"),
        sa.PrimaryKeyConstraint("owner", "kind", "id"),
    )
    op.create_index("master_record_wanted", "master_record", ["owner"], postgresql_where=sa.text("wanted"))
    op.create_index("master_record_expired", "master_record", ["expires_at"])


def downgrade() -> None:
    op.drop_table("master_record")
