"""The planning feed: one row for each movement of an item, stock included, and the frozen rows that planning is sent."""

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
OPENING = (
    "INSERT INTO planning_delta (key, region, order_key, item, site, day, kind, packs, shipment, promised_on, accepted_at) "
    "SELECT 'opening/' || m.ref || '#' || e.place, coalesce(k.region, o.region, b.region, ''), m.ref, e.item, s.site, "
    "CASE WHEN s.shipment = '' THEN current_date ELSE coalesce(o.promised_on, current_date) END, "
    "'stock:' || CASE WHEN s.shipment = '' THEN split_part(e.place, ':', 1) ELSE 'in_transit' END, sum(e.packs), "
    "s.shipment, o.promised_on, clock_timestamp() FROM stock_entry e JOIN stock_move m ON m.key = e.move_key "
    "LEFT JOIN order_view o ON o.key = m.ref LEFT JOIN purchase_order b ON b.key = m.ref "
    "CROSS JOIN LATERAL (SELECT CASE WHEN e.place LIKE 'transit:%' THEN coalesce(o.site, b.site, '') "
    "ELSE split_part(e.place, ':', 2) END AS site, "
    "CASE WHEN e.place LIKE 'transit:%' THEN split_part(e.place, ':', 2) ELSE '' END AS shipment) s "
    "LEFT JOIN planning_site k ON k.site = s.site "
    "WHERE split_part(e.place, ':', 1) IN ('on_hand', 'allocated', 'returns', 'blocked', 'transit') "
    "GROUP BY m.ref, e.place, e.item, k.region, o.region, b.region, s.site, s.shipment, o.promised_on "
    "HAVING sum(e.packs) <> 0 ORDER BY 1, 4"
)
"""The stock when planning begins to hold it."""


def text(*names: str) -> list[sa.Column[object]]:
    """Texts that are never null."""
    return [sa.Column[object](name, sa.String(), nullable=False) for name in names]


def moments() -> list[sa.Column[object]]:
    """The times when a row was written, and when planning had it."""
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
    ]


def calls() -> sa.Column[int]:
    """The number of calls to a region."""
    return sa.Column("calls", sa.BigInteger(), server_default="0", nullable=False)


def figure() -> list[sa.Column[object]]:
    """The key by which planning counts, and the packs."""
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
        sa.Column("shipment", sa.String(), server_default="", nullable=False),
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
    on_the_way = sa.text("shipment <> ''")
    op.create_index("planning_transit", "planning_delta", ["order_key", "shipment"], postgresql_where=on_the_way)
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
        sa.Column("origin", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        *moments(),
    )
    pending, refused = (sa.text(f"state = '{state}'") for state in ("pending", "parked"))
    op.create_index("planning_pending", "planning_row", ["region", "flush", "n"], postgresql_where=pending)
    op.create_index("planning_parked", "planning_row", ["region", "item", "site"], postgresql_where=refused)
    op.create_index("planning_of_flush", "planning_row", ["flush", "item"])
    op.execute("CREATE SEQUENCE planning_flush")
    op.create_table("planning_calls", sa.Column("region", sa.String(), primary_key=True), calls())
    op.create_table("planning_site", sa.Column("site", sa.String(), primary_key=True), *text("region"))
    op.execute(
        "INSERT INTO planning_site SELECT DISTINCT ON (site) site, region FROM (SELECT site, region FROM order_view "
        "UNION SELECT site, region FROM purchase_order) x ORDER BY site, region"
    )
    op.execute(OPENING)


def downgrade() -> None:
    op.execute("DROP SEQUENCE planning_flush")
    for table in ("planning_row", "planning_calls", "planning_site"):
        op.drop_table(table)
    op.execute("DELETE FROM planning_delta WHERE kind LIKE 'stock:%'")
    op.drop_index("planning_transit", table_name="planning_delta")
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
