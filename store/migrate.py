"""Bring a database to the newest schema: `syncline db migrate`, `python -m store.migrate`, or `upgrade(url)`."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from schemas.settings import settings


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


if __name__ == "__main__":
    upgrade(settings().database_url)
