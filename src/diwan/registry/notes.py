"""Notes: what a desk keeps for itself and no reader sees: how far a source was read, what became of a submission."""

from __future__ import annotations

from diwan.registry.engines.lines import Asked
from diwan.terms.time import Instant


def write_note(connection: Asked, desk: str, name: str, value: bytes, ends: Instant, now: Instant) -> None:
    """Keep `value` under a name until `ends`; what ended before `now` is thrown away."""
    connection.execute("DELETE FROM note WHERE ends<=?", [now])
    connection.execute(
        "INSERT INTO note(desk, name, value, ends) VALUES(?,?,?,?)"
        " ON CONFLICT(desk, name) DO UPDATE SET value=excluded.value, ends=excluded.ends",
        [desk, name, value, ends],
    )


def read_note(connection: Asked, desk: str, name: str, now: Instant) -> bytes | None:
    """Return what a desk keeps under a name, or None."""
    row = connection.execute("SELECT value FROM note WHERE desk=? AND name=? AND ends>?", [desk, name, now]).fetchone()
    return bytes(row[0]) if row else None
