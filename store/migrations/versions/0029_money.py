"""Goods are worth a share of their order's value. Freight is accrued at the rate of a policy; webhook secrets count
from a day to another."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

RATES = """
INSERT INTO policy (id, version, about, scope, body)
    SELECT 'freight-' || CASE carrier WHEN '*' THEN 'any-carrier' ELSE carrier END, 1, 'freight',
        CASE carrier WHEN '*' THEN '{}'::jsonb ELSE jsonb_build_object('partner', carrier) END,
        CASE WHEN carrier = '*' AND share = 0.05 THEN '{}'::jsonb ELSE jsonb_build_object('share', trim_scale(share)) END
            || jsonb_build_object('tolerance', trim_scale(tolerance))
    FROM freight_rate WHERE NOT (carrier = '*' AND share = 0.05 AND tolerance = 0.1)
    ON CONFLICT DO NOTHING
"""
"""The rates that somebody has put into the table. The 5 % that an earlier migration put there is taken back."""

SECRETS = """
INSERT INTO webhook_secret (partner, version, valid_from, valid_until)
    SELECT id, v, least(created_at, now()), CASE WHEN v < webhook_version THEN now() + interval '7 days' END
    FROM partner, generate_series(greatest(webhook_version - 1, 1), webhook_version) v
"""
"""The version before the current one was taken for ever: it is for a week more."""

VALUES = """
UPDATE order_view SET release = jsonb_set(release, '{lines}', (
    SELECT jsonb_agg(CASE WHEN jsonb_typeof(l->'value') = 'number' THEN
        jsonb_set(l, '{value}', to_jsonb(round((l->>'value')::numeric, 4)::text)) ELSE l END ORDER BY n)
    FROM jsonb_array_elements(release->'lines') WITH ORDINALITY AS x(l, n)))
WHERE EXISTS (SELECT FROM jsonb_array_elements(release->'lines') l WHERE jsonb_typeof(l->'value') = 'number'
    AND round((l->>'value')::numeric, 4) <> (l->>'value')::numeric)
"""
"""Values of lines had as many decimals as anybody sent: they are read with four."""


def upgrade() -> None:
    op.execute(VALUES)
    op.create_table(
        "webhook_secret",
        sa.Column("partner", sa.String(), sa.ForeignKey("partner.id"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True)),
    )
    op.execute(SECRETS)
    op.drop_column("partner", "webhook_version")
    op.add_column("unit_value", sa.Column("packs", sa.BigInteger(), server_default="1", nullable=False))
    op.create_index("inbox_parked", "inbox_message", ["external_id"], postgresql_where=sa.text("state = 'quarantined'"))
    op.create_index("notice_failed", "notice", ["asked_at"], postgresql_where=sa.text("state = 'failed'"))
    op.execute(RATES)
    op.drop_table("freight_rate")


def downgrade() -> None:
    op.add_column("partner", sa.Column("webhook_version", sa.Integer(), server_default="1", nullable=False))
    op.execute(
        "UPDATE partner SET webhook_version = coalesce((SELECT max(version) FROM webhook_secret WHERE partner = id), 1)"
    )
    op.alter_column("partner", "webhook_version", server_default=None)
    op.drop_table("webhook_secret")
    op.drop_index("notice_failed", "notice")
    op.drop_index("inbox_parked", "inbox_message")
    op.create_table(
        "freight_rate",
        sa.Column("carrier", sa.String(), primary_key=True),
        sa.Column("share", sa.Numeric(9, 6), nullable=False),
        sa.Column("tolerance", sa.Numeric(9, 6), server_default="0.1", nullable=False),
    )
    op.execute("INSERT INTO freight_rate (carrier, share) VALUES ('*', 0.05)")
    op.execute("DELETE FROM policy WHERE about = 'freight'")
    op.execute("UPDATE unit_value SET value = round(value / packs, 4) WHERE packs > 1")
    op.drop_column("unit_value", "packs")
