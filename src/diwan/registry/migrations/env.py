"""Alembic's entry: runs on the connection it is handed, register or word index."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="shape")
with context.begin_transaction():
    context.run_migrations()
