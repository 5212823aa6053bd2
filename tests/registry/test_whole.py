from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diwan.registry.whole import write_once, write_whole


def test_of_many_that_write_a_file_once_one_wins_and_nobody_sees_it_torn(tmp_path: Path) -> None:
    for number in range(20):
        file = tmp_path / f"{number}.key"

        def write(letter: str, file: Path = file) -> str:
            write_once(file, letter.encode() * 4096)
            return file.read_text()

        with ThreadPoolExecutor(8) as pool:
            seen = set(pool.map(write, "abcdefgh"))

        (held,) = seen
        assert held == held[0] * 4096
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert all(file.suffix == ".key" for file in tmp_path.iterdir())


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "note"
    file.write_text("what was there before, and longer")

    write_whole(file, b"new")

    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"new", [file])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "note").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "note", b"new")

    assert list(tmp_path.iterdir()) == [tmp_path / "note"]
