"""The planning feed: one row for each movement of an item, and the frozen rows that planning is sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COMMON = (
    "ALTER TABLE planning_delta RENAME TO planning_delta_before",
    "ALTER TABLE planning_delta_before RENAME CONSTRAINT planning_delta_pkey TO planning_delta_before_pkey",
)
SPREAD = (
    "INSERT INTO planning_delta (key, region, order_key, item, site, day, kind, packs, promised_on, accepted_at, "
    "created_at, sent_at) SELECT key, region, order_key, m ->> 'item', body ->> 'site', "
    "((body ->> 'occurred_at')::timestamptz AT TIME ZONE 'UTC')::date, body ->> 'kind', sum((m ->> 'quantity')::bigint), "
    "(body ->> 'promised_on')::date, accepted_at, created_at, sent_at "
    "FROM planning_delta_before, jsonb_array_elements(body -> 'movements') AS m GROUP BY id, m ->> 'item' ORDER BY id"
)
GATHER = (
    "INSERT INTO planning_delta (key, region, order_key, body, accepted_at, created_at, sent_at) SELECT key, region, "
    "order_key, jsonb_build_object('key', key, 'order', order_key, 'kind', kind, 'region', region, 'site', site, "
    "'occurred_at', accepted_at, 'accepted_at', accepted_at, 'promised_on', promised_on, 'movements', "
    "jsonb_agg(jsonb_build_object('item', item, 'quantity', packs) ORDER BY id)), accepted_at, min(created_at), "
    "max(sent_at) FROM planning_delta_before GROUP BY key, region, order_key, kind, site, accepted_at, promised_on "
    "ORDER BY min(id)"
)


def text(*names: str) -> list[sa.Column[object]]:
    """Texts that are never null."""
    return [sa.Column[object](name, sa.String(), nullable=False) for name in names]


def moments() -> list[sa.Column[object]]:
    """When a row was written, and when planning had it."""
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
    ]


def figure() -> list[sa.Column[object]]:
    """What planning counts by, and the packs."""
    return [
        *text("item", "site"),
        sa.Column("day", sa.Date(), nullable=False),
        *text("kind"),
        sa.Column("packs", sa.BigInteger(), nullable=False),
    ]


def upgrade() -> None:
    op.drop_index("planning_unsent", table_name="planning_delta")
    op.drop_constraint("planning_delta_key_key", "planning_delta")
    for statement in COMMON:
        op.execute(statement)
    op.create_table(
        "planning_delta",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        *text("key", "region", "order_key"),
        *figure(),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        *moments(),
        sa.Column("flush", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("key", "item"),
    )
    op.execute(SPREAD)
    op.drop_table("planning_delta_before")
    op.create_index("planning_waiting", "planning_delta", ["region", "item"], postgresql_where=sa.text("flush IS NULL"))
    op.create_index("planning_unsent", "planning_delta", ["flush"], postgresql_where=sa.text("sent_at IS NULL"))
    op.execute("UPDATE planning_delta SET flush = 0 WHERE sent_at IS NOT NULL")
    op.create_table(
        "planning_row",
        sa.Column("key", sa.String(), primary_key=True),
        *text("region"),
        sa.Column("flush", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        *figure(),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        *moments(),
    )
    pending = sa.text("state = 'pending'")
    op.create_index("planning_pending", "planning_row", ["region", "flush", "n"], postgresql_where=pending)
    op.execute("CREATE SEQUENCE planning_flush")


def downgrade() -> None:
    op.execute("DROP SEQUENCE planning_flush")
    op.drop_table("planning_row")
    op.drop_index("planning_unsent", table_name="planning_delta")
    op.drop_index("planning_waiting", table_name="planning_delta")
    for statement in COMMON:
        op.execute(statement)
    op.create_table(
        "planning_delta",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        *text("key", "region", "order_key"),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        *moments(),
        sa.UniqueConstraint("key"),
    )
    op.execute(GATHER)
    op.drop_table("planning_delta_before")
    waiting = sa.text("sent_at IS NULL")
    op.create_index("planning_unsent", "planning_delta", ["region", "id"], postgresql_where=waiting)
