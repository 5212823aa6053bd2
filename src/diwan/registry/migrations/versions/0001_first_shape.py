"""The first shape of register and word index."""

from __future__ import annotations

from alembic import context, op

from diwan.registry import schema

revision = "0001"
down_revision = None

_FACTS = ("generation", "rules", "gates", "moves", "stands", "last_position", "indexed")


def upgrade() -> None:
    """Lay every table, and the register's own numbers at zero."""
    tables = schema.WORDS if context.config.attributes["words"] else schema.REGISTER
    tables.create_all(op.get_bind())
    if not context.config.attributes["words"]:
        op.bulk_insert(schema.state, [{"name": name, "value": 0} for name in _FACTS])
