"""A node is kept whole and comes back whole, or not at all."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from diwan.house import House, is_node, restore_node
from diwan.registry import chain
from diwan.settings import Settings
from diwan.terms.errors import Refused
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label

NATO = Settings(keeper="NATO")


def acts(house: House) -> list[Any]:
    with house.book.own_pages() as pages:
        return [msgspec.json.decode(line) for line in chain.lines(pages)]


@pytest.fixture
def lived(house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft]) -> House:
    house.take(hand("KWT"), note("first"), amber("QAT"), originator="KWT")
    assert house.prove().faults == ()
    pins = house.folder / "pins" / "KWT"
    pins.mkdir(parents=True)
    (pins / "desk.pem").write_text("a certificate")
    (house.folder / "demo-begun").write_text("yes")
    (house.folder / "demo-clock").write_text("1")
    return house


def test_a_backup_brings_back_everything_but_what_can_be_made_anew(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar")
    restore_node(tmp_path / "kept.tar", tmp_path / "again")

    def files(folder: Path) -> dict[str, bytes]:
        found = (file for file in folder.rglob("*") if file.is_file() and ".db" not in file.name)
        return {str(file.relative_to(folder)): file.read_bytes() for file in found}

    assert files(tmp_path / "again") == files(lived.folder)
    assert {"pins/KWT/desk.pem", "demo-begun", "demo-clock", "audit.checkpoint"} <= files(lived.folder).keys()
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_the_checkpoint_goes_into_a_backup_before_the_register(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar")

    with tarfile.open(tmp_path / "kept.tar") as archive:
        assert archive.getnames()[:2] == ["audit.checkpoint", "register.db"]


def test_keeping_and_restoring_are_noted_under_the_digest_of_the_file(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar")
    restore_node(tmp_path / "kept.tar", tmp_path / "again")
    again = House(tmp_path / "again", lived.settings)
    try:
        told, proof = acts(again)[-1], again.prove()
    finally:
        again.close()

    named = sha256((tmp_path / "kept.tar").read_bytes()).hexdigest()
    kept = acts(lived)[-1]
    assert (kept["act"], kept["by"], kept["of"]) == ("backup", "console", [named])
    assert (told["act"], told["by"], told["of"]) == ("restore", "console", [named])
    assert str(tmp_path) not in str((kept, told))
    assert proof.faults == ()


def test_a_key_is_noted_when_it_is_first_published_and_not_again(tmp_path: Path) -> None:
    for _ in range(2):
        house = House(tmp_path / "node", NATO)
        published = [line for line in acts(house) if line["act"] == "publish key"]
        house.close()

        assert [(line["party"], line["by"]) for line in published] == [("NATO", "node")]


@pytest.mark.parametrize("cut", [0, 100, 30_000, 100_000])
def test_a_backup_that_was_cut_short_restores_nothing(lived: House, tmp_path: Path, cut: int) -> None:
    lived.backup(tmp_path / "kept.tar")
    (tmp_path / "kept.tar").write_bytes((tmp_path / "kept.tar").read_bytes()[:cut])
    (tmp_path / "empty").mkdir()

    for folder in ("again", "empty"):
        with pytest.raises(Refused, match="Nothing was restored"):
            restore_node(tmp_path / "kept.tar", tmp_path / folder)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "kept.tar", "node"]
    assert list((tmp_path / "empty").iterdir()) == []


def test_an_archive_whose_register_is_none_restores_nothing(tmp_path: Path) -> None:
    (tmp_path / "register.db").write_text("no database, but long enough to be looked at as if it were one" * 20)
    with tarfile.open(tmp_path / "kept.tar", "w") as archive:
        archive.add(tmp_path / "register.db", "register.db")

    with pytest.raises(Refused, match=r"is not a (backup of a node|database of Diwan)"):
        restore_node(tmp_path / "kept.tar", tmp_path / "again")

    assert not (tmp_path / "again").exists()


def test_a_folder_that_holds_anything_is_left_as_it_is(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")

    with pytest.raises(Refused, match="is not an empty folder"):
        restore_node(tmp_path / "kept.tar", tmp_path / "full")

    assert [file.name for file in (tmp_path / "full").iterdir()] == ["mine"]


def test_an_empty_folder_is_filled_but_not_the_one_that_one_works_in(
    lived: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.backup(tmp_path / "kept.tar")
    (tmp_path / "empty").mkdir()
    with monkeypatch.context() as there:
        there.chdir(tmp_path / "empty")
        with pytest.raises(Refused, match="go elsewhere first"):
            restore_node(tmp_path / "kept.tar", Path("."))

    restore_node(tmp_path / "kept.tar", tmp_path / "empty")

    assert is_node(tmp_path / "empty")


@pytest.mark.parametrize("torn", ["", "00", "not hexadecimal", "0" * 66, "é"])
def test_a_torn_key_is_refused_by_its_name_and_never_made_anew(tmp_path: Path, torn: str) -> None:
    House(tmp_path / "node", NATO).close()
    key = tmp_path / "node" / "keys" / "NATO.key"
    key.write_text(torn)

    with pytest.raises(Refused, match=r"NATO\.key does not hold a key of 32 bytes"):
        House(tmp_path / "node", NATO)

    assert key.read_text() == torn
