"""What Alembic runs; the connection, inside a transaction that holds the lock, comes from `migrate.py`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
