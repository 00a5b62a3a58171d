"""Alembic environment: online only, in one transaction under an advisory lock."""

from alembic import context
from sqlalchemy import create_engine, pool, text
from sqlmodel import SQLModel

from store import (  # noqa: F401 - registers the tables
    tables,
    tables_forecast,
    tables_people,
    tables_planning,
    tables_procurement,
    tables_promising,
    tables_stock,
)

MIGRATION_LOCK = 7_355_608

engine = create_engine(context.config.attributes["database_url"], poolclass=pool.NullPool)
with engine.begin() as connection:
    connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    context.configure(connection=connection, target_metadata=SQLModel.metadata)
    context.run_migrations()
engine.dispose()
