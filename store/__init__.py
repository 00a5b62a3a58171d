"""The database: the only room with SQL. Tables are SQLModel classes, statements are psycopg, migrations are Alembic."""
