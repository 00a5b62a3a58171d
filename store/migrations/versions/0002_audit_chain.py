"""The audit trail: append-only and hash-chained by the database itself."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CHAIN = """
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
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
HASH = """
CREATE FUNCTION audit_hash(e audit_entry) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        e.id, extract(epoch FROM e.at), e.actor, e.action, e.subject, e.detail, e.previous)::text, 'UTF8')), 'hex')
$$
"""
REFUSE = """
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'audit_entry is append-only'; END $$
"""


def upgrade() -> None:
    op.execute(HASH)
    op.execute(CHAIN)
    op.execute(REFUSE)
    op.execute("CREATE TRIGGER audit_chain BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_chain()")
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_append_only()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_append_only ON audit_entry")
    op.execute("DROP TRIGGER audit_chain ON audit_entry")
    for name in ("audit_append_only()", "audit_chain()", "audit_hash(audit_entry)"):
        op.execute(f"DROP FUNCTION {name}")
