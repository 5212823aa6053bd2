"""What was acknowledged outlives the loss of power, and what was torn by it is made whole again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from diwan.house import House
from diwan.settings import Settings
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader

HAND = Hand(Reader("officer", "KWT"), frozenset({Role.RELEASING_OFFICER}))


@pytest.mark.parametrize("torn", [-1, -2], ids=["the last line", "one before the last"])
def test_lines_of_the_journal_that_lost_power_while_they_were_written_are_written_anew(
    tmp_path: Path, note: Callable[..., Draft], amber: Callable[..., Label], torn: int
) -> None:
    lent = tmp_path / "lent"
    lent.mkdir()
    settings = Settings(keeper="NATO", hosted=("KWT",), journal=str(lent))
    house = House(tmp_path / "node", settings, synchronous="OFF")
    for title in ("first", "second", "third"):
        (ref,) = house.take(HAND, note(title), amber("QAT"), originator="KWT").refs
        house.recall(HAND, ref)
    house.close()
    (file,) = lent.glob("*.journal")
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    lines[torn] = lines[torn][:100] + bytes(100) + lines[torn][200:]
    file.write_bytes(b"".join(lines))

    House(tmp_path / "node", settings, synchronous="OFF").close()

    assert file.read_bytes() == whole
