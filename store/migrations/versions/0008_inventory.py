"""Forecasts by version, and what ERPs are told in bulk."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
UNSENT = sa.text("sent_at IS NULL AND refused IS NULL")


def text(name: str) -> sa.Column[str]:
    """A text that is never null."""
    return sa.Column(name, sa.String(), nullable=False)


def moment(name: str, **kwargs: object) -> sa.Column[object]:
    """A point in time."""
    return sa.Column(name, sa.DateTime(timezone=True), **kwargs)  # type: ignore[arg-type]


def upgrade() -> None:
    op.create_table(
        "forecast_version",
        text("version"),
        text("partner"),
        text("bucket"),
        moment("made_at", nullable=False),
        moment("received_at", server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "forecast",
        sa.Column("version", sa.String(), sa.ForeignKey("forecast_version.version"), nullable=False),
        text("item"),
        text("site"),
        sa.Column("period", sa.Date(), nullable=False),
        text("bucket"),
        moment("made_at", nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", "item", "site", "period"),
    )
    op.create_index("forecast_newest", "forecast", ["item", "site", "bucket", "period", "made_at", "version"])
    op.create_table(
        "erp_feed",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        text("erp"),
        text("kind"),
        text("key"),
        sa.Column("body", JSONB(), nullable=False),
        moment("created_at", server_default=NOW, nullable=False),
        moment("sent_at"),
        sa.Column("refused", sa.String()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("erp", "kind", "key"),
    )
    op.create_index("erp_feed_unsent", "erp_feed", ["erp", "kind", "id"], postgresql_where=UNSENT)
    op.create_index("erp_feed_refused", "erp_feed", ["id"], postgresql_where=sa.text("refused IS NOT NULL"))


def downgrade() -> None:
    for table in ("erp_feed", "forecast", "forecast_version"):
        op.drop_table(table)
