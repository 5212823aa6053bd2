"""The labels of each gate as rows, the last end behind each gate, and which software may work with this shape."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from alembic import context, op

from diwan.registry import schema
from diwan.terms.gate import Gate
from diwan.terms.label import pack

revision = "0003"
down_revision = "0002"
compatible = 3


def upgrade() -> None:
    """Bring a register of an earlier shape to this one; a new register has it already."""
    if context.config.attributes["words"]:
        return
    there = sa.inspect(op.get_bind())
    if "ended" not in {column["name"] for column in there.get_columns("head")}:
        op.add_column("head", sa.Column("ended", sa.BigInteger(), nullable=False, server_default="0"))
        op.execute(
            "UPDATE head SET ended=coalesce((SELECT max(until) FROM stand WHERE stand.gate=head.gate"
            " AND until IS NOT NULL), 0)"
        )
        schema.gate_label.create(op.get_bind())
        _fill()
    op.execute(sa.delete(schema.state).where(schema.state.c.name == "compatible"))
    op.bulk_insert(schema.state, [{"name": "compatible", "value": compatible}])


def _fill() -> None:
    bind = op.get_bind()
    numbers = {value: number for number, value in bind.execute(sa.select(schema.label))}
    rows = set()
    for number, _, value in bind.execute(sa.select(schema.gate)).all():
        for stand in msgspec.json.decode(value, type=Gate).stands:
            rows.add((numbers[pack(stand.label)], number))
    if rows:
        op.bulk_insert(schema.gate_label, [{"label": label, "gate": gate} for label, gate in sorted(rows)])
