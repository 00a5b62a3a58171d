"""Alembic environment: online only, in one transaction under an advisory lock."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from store.tables import METADATA

MIGRATION_LOCK = 7_355_608
"""Key of the advisory lock: any number, the same in every process that migrates."""

engine = create_engine(context.config.attributes["database_url"], poolclass=pool.NullPool)
with engine.begin() as connection:
    connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    context.configure(connection=connection, target_metadata=METADATA)
    context.run_migrations()
engine.dispose()
