"""The registry of partners: a partner has several roles, and versions of what describes it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0037"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table, one column, one trigger: what was in force is kept as it was."""
    op.add_column("partner", sa.Column("roles", ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")))
    op.execute("UPDATE partner SET roles = ARRAY[role]")
    op.create_table(
        "partner_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("partner", sa.String(), sa.ForeignKey("partner.id"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", JSONB(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("applied_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.UniqueConstraint("partner", "version", name="partner_version_is_one"),
    )
    op.execute(
        "CREATE TRIGGER partner_version_append_only BEFORE UPDATE OR DELETE ON partner_version "
        "FOR EACH ROW EXECUTE FUNCTION stock_append_only()"
    )
    op.execute(
        "CREATE TRIGGER partner_version_whole BEFORE TRUNCATE ON partner_version "
        "FOR EACH STATEMENT EXECUTE FUNCTION stock_append_only()"
    )


def downgrade() -> None:
    """Back: a partner has its first role only."""
    op.drop_table("partner_version")
    op.drop_column("partner", "roles")
