"""Bring a database to the newest schema: `syncline db migrate`, `python -m store.migrate`, or `upgrade(url)`."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from schemas.connections import DatabaseSettings
from schemas.settings import settings
from store import rights


def config(database_url: str) -> Config:
    """Alembic's configuration for a database, without an ini file."""
    cfg = Config()
    cfg.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    cfg.attributes["database_url"] = sqlalchemy_url(database_url)
    return cfg


def sqlalchemy_url(database_url: str) -> str:
    """A libpq URL as SQLAlchemy wants it."""
    return database_url.replace("postgresql://", "postgresql+psycopg://", 1)


def upgrade(database_url: str) -> None:
    """Apply every migration that is missing. Safe to run from several processes: an advisory lock serialises them."""
    command.upgrade(config(database_url), "head")


def upgrade_by_settings(database: DatabaseSettings) -> None:
    """Apply them as the owner of the schema, and give the application's role its rights, where the two differ."""
    upgrade(database.owner_url or database.url)
    if database.owner_url:
        rights.grant(database.owner_url, database.url)


if __name__ == "__main__":
    upgrade_by_settings(settings().main_database)
