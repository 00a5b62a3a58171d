"""What the role of the application may do in the database: read and write rows, and nothing that undoes what is kept.

The schema belongs to another role. The application's can neither change tables, triggers and rights nor empty a table, and
of what is only appended it can change nothing.
"""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

EVERY = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
)
APPENDED = ("audit_entry", "freight_entry", "freight_move", "partner_version", "stock_entry", "stock_move")
"""Tables that are only appended: a trigger of each refuses changes, whoever makes them."""


def role_of(database_url: str) -> tuple[str, str | None]:
    """The role that a URL names, and its password."""
    said = conninfo_to_dict(database_url)
    return str(said["user"]), str(said["password"]) if said.get("password") else None


def grant(owner_url: str, application_url: str) -> None:
    """Give the application's role its rights, and make the role when there is none. Once for every migration.

    Raises psycopg.errors.InsufficientPrivilege when the owner may not make roles: then somebody else has to.
    """
    name, password = role_of(application_url)
    if name == role_of(owner_url)[0]:
        return
    role = sql.Identifier(name)
    with psycopg.connect(owner_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(7355610)")  # two that migrate at once make one role
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchall():
            secret = sql.SQL(" PASSWORD {}").format(sql.Literal(password)) if password else sql.SQL("")
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role) + secret)
        for statement in EVERY:
            connection.execute(sql.SQL(statement).format(role=role))
        for table in APPENDED:
            only = sql.SQL("REVOKE UPDATE, DELETE ON {} FROM {}").format(sql.Identifier(table), role)
            connection.execute(only)
