"""What was acknowledged outlives the loss of power, and what was torn by it is made whole again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from diwan.house import House
from diwan.settings import Settings
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader

ROOT = Path(__file__).parents[2]
HAND = Hand(Reader("officer", "KWT"), frozenset({Role.RELEASING_OFFICER}))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a node writes is seen on Linux alone")
@pytest.mark.skipif(
    not (shutil.which("cc") or shutil.which("gcc")), reason="there is no C compiler: the drill needs one"
)
def test_the_short_drill_finds_nothing_lost_and_would_find_it_on_a_disk_that_lies() -> None:
    size = ["--cuts", "12", "--items", "40", "--bytes", "100"]

    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.drills.power_cut", *size],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "nothing was lost"), told.stdout + told.stderr
    assert "12 cuts: 0 lost" in told.stdout


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
