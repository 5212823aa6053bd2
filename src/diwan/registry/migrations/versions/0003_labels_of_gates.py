"""Labels of gates as rows, last ends, last numbers given, which software may work on, and whether a node is shut."""

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
_LAST = {
    "items": "SELECT coalesce(max(number), 0) FROM item",
    "parts": "SELECT coalesce(max(number), 0) FROM part",
    "batches": "SELECT coalesce(max(number), 0) FROM batch",
    "labels": "SELECT coalesce(max(number), 0) FROM label",
    "classes": "SELECT coalesce(max(number), 0) FROM reader_class",
    "lines": "SELECT coalesce(max(number), -1) + 1 FROM leaf",
    "last_change": "SELECT coalesce(max(number), -1) + 1 FROM leaf",
    "shut": "SELECT 0",
}


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
        op.add_column("gate", sa.Column("since", sa.BigInteger(), nullable=False, server_default="0"))
        op.add_column("batch", sa.Column("promise", schema.batch.c.promise.type, nullable=False, server_default="disk"))
        schema.gate_label.create(op.get_bind())
        op.create_index("mention_time", "mention", ["value", "since"])
        _fill()
    numbers = {name: op.get_bind().scalar(sa.text(query)) for name, query in _LAST.items()}
    op.execute(sa.delete(schema.state).where(schema.state.c.name.in_(("compatible", *numbers))))
    facts = {"compatible": compatible, **numbers}
    op.bulk_insert(schema.state, [{"name": name, "value": value} for name, value in facts.items()])


def _fill() -> None:
    bind = op.get_bind()
    numbers = {value: number for number, value in bind.execute(sa.select(schema.label))}
    rows = set()
    for number, value in bind.execute(sa.select(schema.gate.c.number, schema.gate.c.value)).all():
        for stand in msgspec.json.decode(value, type=Gate).stands:
            rows.add((numbers[pack(stand.label)], number))
    if rows:
        op.bulk_insert(schema.gate_label, [{"label": label, "gate": gate} for label, gate in sorted(rows)])
