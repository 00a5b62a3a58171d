"""The audit trail is sealed with a key that the database does not have, and cannot be emptied."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

NEXT = """
CREATE FUNCTION audit_next(said jsonb, OUT id bigint, OUT at timestamptz, OUT previous text, OUT detail text)
LANGUAGE plpgsql AS $$
DECLARE last record;
BEGIN
    PERFORM pg_advisory_xact_lock(7355609);
    SELECT e.id, e.hash INTO last FROM audit_entry e ORDER BY e.id DESC LIMIT 1;
    id := coalesce(last.id, 0) + 1;
    at := clock_timestamp();
    previous := coalesce(last.hash, '');
    detail := said::text;
END $$
"""
CHAIN = """
CREATE OR REPLACE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last record;
BEGIN
    PERFORM pg_advisory_xact_lock(7355609);
    SELECT id, hash INTO last FROM audit_entry ORDER BY id DESC LIMIT 1;
    IF NEW.id <> coalesce(last.id, 0) + 1 OR NEW.previous <> coalesce(last.hash, '') THEN
        RAISE EXCEPTION 'audit_entry is a chain: entry % does not follow the last one', NEW.id;
    END IF;
    RETURN NEW;
END $$
"""
CHAIN_BEFORE = """
CREATE OR REPLACE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last record;
BEGIN
    PERFORM pg_advisory_xact_lock(7355609);
    SELECT id, hash INTO last FROM audit_entry ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(last.id, 0) + 1;
    NEW.at := clock_timestamp();
    NEW.previous := coalesce(last.hash, '');
    NEW.hash := audit_hash(NEW);
    RETURN NEW;
END $$
"""
HASH_BEFORE = """
CREATE FUNCTION audit_hash(e audit_entry) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        e.id, extract(epoch FROM e.at), e.actor, e.action, e.subject, e.detail, e.previous)::text, 'UTF8')), 'hex')
$$
"""


def upgrade() -> None:
    op.execute("DROP FUNCTION audit_hash(audit_entry)")
    op.add_column("audit_entry", sa.Column("key", sa.String(), server_default="", nullable=False))
    op.execute(NEXT)
    op.execute(CHAIN)
    op.execute(
        "CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_whole ON audit_entry")
    op.execute("DROP FUNCTION audit_next(jsonb)")
    op.drop_column("audit_entry", "key")
    op.execute(HASH_BEFORE)
    op.execute(CHAIN_BEFORE)
