"""Freight in double entry; differences with other systems; proposals of the re-plan governor."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ADD_UP = """
CREATE FUNCTION freight_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken text;
BEGIN
    SELECT format('%s: %s %s', move_key, sum(amount), currency) INTO broken
        FROM added GROUP BY move_key, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'the sides of a freight movement must sum to zero: %', broken USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def moment(name: str, *, nullable: bool = True, now: bool = False) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable and not now,
        server_default=sa.text("now()") if now else None,
    )


def words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def word(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, server_default=default)


def big_id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True)


def upgrade() -> None:
    freight()
    reconciliation()
    governor()


def freight() -> None:
    op.create_table(
        "freight_rate",
        *words("carrier"),
        sa.Column("share", sa.Numeric(9, 6), nullable=False),
        sa.PrimaryKeyConstraint("carrier"),
    )
    op.execute("INSERT INTO freight_rate VALUES ('*', 0.05)")
    op.create_table(
        "freight_move",
        *words("key", "ref"),
        word("digest"),
        moment("booked_at", now=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("freight_move_ref", "freight_move", ["ref"])
    op.create_table(
        "freight_entry",
        sa.Column("move_key", sa.String(), sa.ForeignKey("freight_move.key"), nullable=False),
        *words("account", "shipment", "currency"),
        sa.Column("amount", sa.Numeric(20, 4), nullable=False),
        sa.PrimaryKeyConstraint("move_key", "account", "shipment", "currency"),
    )
    op.create_index("freight_entry_shipment", "freight_entry", ["shipment"])
    op.execute(ADD_UP)
    op.execute(
        "CREATE TRIGGER freight_add_up AFTER INSERT ON freight_entry REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION freight_add_up()"
    )
    for table in ("freight_move", "freight_entry"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION stock_append_only()"
        )


def reconciliation() -> None:
    op.create_table(
        "reconciliation_run",
        *words("id", "system", "target"),
        moment("started_at", nullable=False),
        moment("finished_at"),
        *(
            sa.Column(n, sa.Integer(), nullable=False, server_default="0")
            for n in ("compared", "differences", "explained")
        ),
        sa.Column("error", sa.String()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reconciliation_run_of", "reconciliation_run", ["system", "target", "started_at"])
    op.create_table(
        "difference",
        big_id(),
        *words("system", "target", "about", "subject"),
        word("item"),
        word("place"),
        *words("class", "ours", "theirs"),
        word("explained_by"),
        *words("owner", "proposal", "state"),
        sa.Column("case_id", sa.String()),
        moment("first_seen", nullable=False),
        moment("last_seen", nullable=False),
        moment("closed_at"),
    )
    op.create_index(
        "difference_one_open",
        "difference",
        ["system", "target", "subject"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("difference_case", "difference", ["case_id"])


def governor() -> None:
    op.create_table(
        "stock_proposal",
        big_id(),
        *words("region", "item", "site"),
        sa.Column("packs", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slipped_days", sa.Integer(), nullable=False),
        sa.Column("causes", JSONB(), nullable=False),
        *words("summary"),
        word("state", "open"),
        moment("raised_at", nullable=False),
        moment("expires_at", nullable=False),
        sa.Column("decided_by", sa.String()),
        moment("decided_at"),
        sa.Column("decision_reason", sa.String()),
        sa.Column("override_day", sa.Date()),
    )
    op.create_index(
        "stock_proposal_open",
        "stock_proposal",
        ["item", "site"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("stock_proposal_decided", "stock_proposal", ["region", "decided_at"])
    op.create_table(
        "item_class",
        *words("item", "class"),
        sa.PrimaryKeyConstraint("item"),
        sa.CheckConstraint("class IN ('A', 'B', 'C')", name="item_class_known"),
    )
    op.create_table(
        "seen_projection",
        big_id(),
        *words("item", "site", "source"),
        sa.Column("packs", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        moment("changed_at"),
        sa.UniqueConstraint("item", "site", "source"),
        sa.CheckConstraint("packs >= 0", name="seen_not_negative"),
    )


def downgrade() -> None:
    for table in (
        "seen_projection",
        "item_class",
        "stock_proposal",
        "difference",
        "reconciliation_run",
        "freight_entry",
        "freight_move",
        "freight_rate",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION freight_add_up")
