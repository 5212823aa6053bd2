"""Versions of what a standard names, positions kept free for who gains a gate, and what desks keep for themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from diwan.registry import schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring a register of the first shape to this one; a new register has it already."""
    if context.config.attributes["words"]:
        return
    there = sa.inspect(op.get_bind())
    if "version" in {column["name"] for column in there.get_columns("alias")}:
        return
    op.drop_index("alias_since", "alias")
    op.rename_table("alias", "alias_before")
    schema.alias.create(op.get_bind())
    op.execute(
        "INSERT INTO alias(value, gate, originator, version, since, written, content, part)"
        " SELECT value, gate, originator, '', since, '', x'', 0 FROM alias_before"
    )
    op.drop_table("alias_before")
    op.add_column("gate_grant", sa.Column("span", sa.BigInteger(), nullable=False, server_default="0"))
    schema.note.create(op.get_bind())
