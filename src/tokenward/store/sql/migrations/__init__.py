"""Alembic's environment; `tokenward.store.sql.migrate` runs it."""
