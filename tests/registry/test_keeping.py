"""A node is kept whole and comes back whole, or not at all."""

from __future__ import annotations

import errno
import io
import os
import random
import tarfile
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from stat import S_IMODE
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from diwan.house import House, is_node, restore_node
from diwan.registry import chain
from diwan.registry.engines import engine_of
from diwan.registry.keeping import write_backup
from diwan.sealing.keys import Signer
from diwan.settings import Settings, read_settings
from diwan.terms.errors import Refused
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from postgres_server import Server

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
    for name in ("partner.secret", "partner.pem", "authority.crt"):
        (house.folder / "keys" / name).write_text(f"what {name} holds")
    (house.folder / "demo-begun").write_text("yes")
    (house.folder / "demo-clock").write_text("1")
    return house


@pytest.fixture(params=["into files", "into postgres"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a restored register is kept: files of its folder (empty), or a database as a superuser hands it over."""
    if request.param == "into files":
        yield ""
        return
    server: Server = request.getfixturevalue("postgres")
    with server.lend(laid=False) as database:
        yield database


def test_a_backup_brings_back_everything_but_what_can_be_made_anew(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar")
    restore_node(tmp_path / "kept.tar", tmp_path / "again")

    def files(folder: Path) -> dict[str, bytes]:
        found = (file for file in folder.rglob("*") if file.is_file() and ".db" not in file.name)
        return {str(file.relative_to(folder)): file.read_bytes() for file in found}

    assert files(tmp_path / "again") == files(lived.folder)
    assert {"pins/KWT/desk.pem", "demo-begun", "demo-clock", "audit.checkpoint"} <= files(lived.folder).keys()
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_what_sources_are_shown_comes_back_readable_by_its_owner_alone(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar")
    restore_node(tmp_path / "kept.tar", tmp_path / "again")

    keys = tmp_path / "again" / "keys"
    secrets = ("authority.crt", "partner.pem", "partner.secret")
    assert {name: (keys / name).read_text() for name in secrets} == {name: f"what {name} holds" for name in secrets}
    assert {S_IMODE(file.stat().st_mode) for file in (tmp_path / "kept.tar", *keys.iterdir())} == {0o600}
    assert S_IMODE(keys.stat().st_mode) == 0o700


def test_the_checkpoint_goes_into_a_backup_before_the_register_and_the_manifest_last(
    lived: House, tmp_path: Path
) -> None:
    lived.backup(tmp_path / "kept.tar")

    with tarfile.open(tmp_path / "kept.tar") as archive:
        names = archive.getnames()
    assert names[0] == "audit.checkpoint"
    assert names[1].startswith("register/")
    assert names[-2:] == ["manifest.json", "manifest.sig"]
    assert not [name for name in names if "posting" in name or "segment" in name]


def test_keeping_and_restoring_are_noted_under_the_digest_of_the_file(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar")
    restore_node(tmp_path / "kept.tar", tmp_path / "again")
    again = House(tmp_path / "again", replace(lived.settings, postgres=""))
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


@pytest.mark.parametrize("cut", [0, 100, 30_000, -10_241, -12_000])
def test_a_backup_that_was_cut_short_restores_nothing(lived: House, tmp_path: Path, cut: int) -> None:
    lived.backup(tmp_path / "kept.tar")
    (tmp_path / "kept.tar").write_bytes((tmp_path / "kept.tar").read_bytes()[:cut])
    (tmp_path / "empty").mkdir()

    for folder in ("again", "empty"):
        with pytest.raises(Refused, match="Nothing was restored"):
            restore_node(tmp_path / "kept.tar", tmp_path / folder)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "kept.tar", "node"]
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_backup_in_which_any_byte_that_counts_was_changed_restores_nothing(
    lived: House, tmp_path: Path, elsewhere: str
) -> None:
    lived.backup(tmp_path / "kept.tar")
    whole = (tmp_path / "kept.tar").read_bytes()
    with tarfile.open(tmp_path / "kept.tar") as archive:
        heads = archive.getmembers()
    chance = random.Random(3)
    counts = [head.offset_data + chance.randrange(head.size) for head in heads if head.size]
    counts += [head.offset + chance.randrange(100) for head in heads[::4]]

    for at in counts:
        (tmp_path / "kept.tar").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(Refused, match="Nothing was restored"):
            restore_node(tmp_path / "kept.tar", tmp_path / "again", postgres=elsewhere)
        assert not (tmp_path / "again").exists()

    (tmp_path / "kept.tar").write_bytes(whole)
    restore_node(tmp_path / "kept.tar", tmp_path / "again", postgres=elsewhere)
    assert is_node(tmp_path / "again")


def signed_anew(
    kept: Path, change: Callable[[dict[str, Any], list[tuple[str, bytes]]], None], signer: Signer | None = None
) -> None:
    """Write a bundle in which something was changed by someone who can sign."""
    with tarfile.open(kept) as archive:
        members = [(head.name, archive.extractfile(head).read()) for head in archive.getmembers()]  # type: ignore[union-attr]
    told = msgspec.json.decode(members[-2][1])
    members = members[:-2]
    change(told, members)
    digests = {name: sha256(data).hexdigest() for name, data in members}
    told["members"] = [{**one, "sha256": digests[one["name"]]} for one in told["members"] if one["name"] in digests]
    if signer is not None:
        told["public"] = signer.public.hex()
        text = msgspec.json.encode(told)
        members += [("manifest.json", text), ("manifest.sig", signer.sign(b"diwan bundle\n" + text))]
    kept.unlink()
    with tarfile.open(kept, "w") as archive:
        for name, data in members:
            head = tarfile.TarInfo(name)
            head.size = len(data)
            archive.addfile(head, io.BytesIO(data))


def seed(house: House, party: str) -> Signer:
    return Signer(bytes.fromhex((house.folder / "keys" / f"{party}.key").read_text()))


def renamed(old: str, new: str) -> Callable[[dict[str, Any], list[tuple[str, bytes]]], None]:
    def change(told: dict[str, Any], members: list[tuple[str, bytes]]) -> None:
        members[:] = [(new if name == old else name, data) for name, data in members]
        for one in told["members"]:
            one["name"] = new if one["name"] == old else one["name"]

    return change


def said(**fields: object) -> Callable[[dict[str, Any], list[tuple[str, bytes]]], None]:
    return lambda told, _: told.update(fields)


def without(name: str) -> Callable[[dict[str, Any], list[tuple[str, bytes]]], None]:
    def change(told: dict[str, Any], members: list[tuple[str, bytes]]) -> None:
        members[:] = [one for one in members if one[0] != name]

    return change


WRONG = {
    "an unknown table": (renamed("register/item/000001", "register/thing/000001"), "belongs to no table"),
    "a later shape": (said(shape="9999"), "restore with the version that wrote it, or a later one"),
    "a later format": (said(format=2), "restore with the version that wrote it, or a later one"),
    "an older shape": (said(shape="0002"), "with the version that wrote it, then .* `diwan db upgrade`"),
    "a file that climbs out": (renamed("demo-begun", "pins/../../demo-begun"), "nothing that lies beside a node"),
    "an absolute file": (renamed("demo-begun", "/pins/demo-begun"), "nothing that lies beside a node"),
    "a file where the keys lie": (renamed("demo-begun", "keys"), "nothing that lies beside a node"),
    "a file of no sort": (renamed("demo-begun", "register.db"), "nothing that lies beside a node"),
    "lines of the audit log left out": (without("register/leaf/000001"), "does not give the size and root"),
    "another party's word": (said(party="QAT"), "its settings say that NATO keeps the node"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_signed_bundle_that_says_what_cannot_be_restores_nothing(
    lived: House, tmp_path: Path, wrong: str, elsewhere: str
) -> None:
    lived.backup(tmp_path / "kept.tar")
    change, match = WRONG[wrong]
    signed_anew(tmp_path / "kept.tar", change, seed(lived, "NATO"))

    with pytest.raises(Refused, match=f"{match}.*Nothing was restored"):
        restore_node(tmp_path / "kept.tar", tmp_path / "again", postgres=elsewhere)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.tar", "node"]


def test_a_bundle_signed_by_a_key_that_its_register_does_not_know_restores_nothing(
    lived: House, tmp_path: Path
) -> None:
    lived.backup(tmp_path / "kept.tar")
    signed_anew(tmp_path / "kept.tar", said(), Signer(b"x" * 32))

    with pytest.raises(Refused, match=r"does not name as one of NATO\. Nothing was restored"):
        restore_node(tmp_path / "kept.tar", tmp_path / "again")


def test_a_bundle_that_a_hosted_party_signed_in_place_of_the_keeper_restores_nothing(
    lived: House, tmp_path: Path
) -> None:
    lived.backup(tmp_path / "kept.tar")
    signed_anew(tmp_path / "kept.tar", said(party="KWT"), seed(lived, "KWT"))

    with pytest.raises(Refused, match=r"was signed for KWT, and its settings say that NATO keeps the node"):
        restore_node(tmp_path / "kept.tar", tmp_path / "again")

    assert not (tmp_path / "again").exists()


def test_who_signed_a_bundle_is_told(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar")

    made = restore_node(tmp_path / "kept.tar", tmp_path / "again")

    assert (made.party, made.kid, made.keys) == ("NATO", seed(lived, "NATO").kid, True)


def test_a_backup_without_keys_holds_none_and_everything_else(lived: House, tmp_path: Path) -> None:
    lived.backup(tmp_path / "kept.tar", keys=False)

    made = restore_node(tmp_path / "kept.tar", tmp_path / "again")

    assert not made.keys
    assert not (tmp_path / "again" / "keys").exists()
    assert (tmp_path / "again" / "pins" / "KWT" / "desk.pem").exists()
    with tarfile.open(tmp_path / "kept.tar") as archive:
        assert [name for name in archive.getnames() if name.startswith("keys")] == []


def test_both_engines_write_the_same_bundle_of_the_same_register(lived: House, tmp_path: Path, elsewhere: str) -> None:
    lived.backup(tmp_path / "kept.tar")
    restore_node(tmp_path / "kept.tar", tmp_path / "here")
    restore_node(tmp_path / "kept.tar", tmp_path / "there", postgres=elsewhere)
    for name, register in (("here", ""), ("there", elsewhere)):
        engine = engine_of(tmp_path / name, register)
        kept = tmp_path / f"{name}.tar"
        write_backup(engine, tmp_path / name, kept, seed(lived, "NATO"), "NATO", 1)
        engine.close()

    def members(name: str) -> dict[str, bytes]:
        with tarfile.open(tmp_path / name) as archive:
            heads = [head for head in archive.getmembers() if head.name.startswith("register/")]
            return {head.name: archive.extractfile(head).read() for head in heads}  # type: ignore[union-attr]

    here, there = members("here.tar"), members("there.tar")
    differ = [name for name in here if here[name] != there.get(name)]
    # Each says when it was restored.
    assert differ == ["register/leaf/000001", "register/node/000001", "register/state/000001"]
    assert here.keys() == there.keys()


def test_a_database_that_holds_a_register_is_left_as_it_is(lived: House, tmp_path: Path, elsewhere: str) -> None:
    lived.backup(tmp_path / "kept.tar")
    restore_node(tmp_path / "kept.tar", tmp_path / "again", postgres=elsewhere)
    if not elsewhere:
        return
    before = engine_of(tmp_path, elsewhere).whole().execute("SELECT count(*) FROM leaf").fetchone()

    with pytest.raises(Refused, match="A register is kept there already"):
        restore_node(tmp_path / "kept.tar", tmp_path / "third", postgres=elsewhere)

    assert not (tmp_path / "third").exists()
    assert engine_of(tmp_path, elsewhere).whole().execute("SELECT count(*) FROM leaf").fetchone() == before


def test_a_restored_node_says_where_its_register_is_and_nothing_else_anew(
    lived: House, tmp_path: Path, elsewhere: str
) -> None:
    text = 'keeper = "NATO"\npostgres = "dbname=gone"\nhosted = ["KWT"]\n\n[[heights]]\npolicy = "TLP"\n'
    text += 'classification = "UNCLASSIFIED"\n'
    (lived.folder / "settings.toml").write_text(text)
    lived.backup(tmp_path / "kept.tar")

    restore_node(tmp_path / "kept.tar", tmp_path / "again", postgres=elsewhere)

    now = read_settings(tmp_path / "again")
    assert now.postgres == elsewhere
    assert replace(now, postgres="dbname=gone") == read_settings(lived.folder)
    assert is_node(tmp_path / "again")


def test_a_server_knows_how_much_there_is_of_what_once_a_register_was_restored_into_it(
    lived: House, tmp_path: Path, postgres: Server
) -> None:
    """A planner that knows nothing yet would read through whole tables until the server's own round comes by."""
    lived.backup(tmp_path / "kept.tar")

    with postgres.lend(laid=False) as database:
        restore_node(tmp_path / "kept.tar", tmp_path / "again", postgres=database)

        told = engine_of(tmp_path, database).whole()
        unknown = told.execute(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace"
            " WHERE nspname IN ('register', 'words') AND relkind='r' AND reltuples<0 AND relname<>'shape'"
        ).fetchall()
        told.close()
    assert unknown == []


def test_what_desks_were_given_is_kept_too(lived: House, tmp_path: Path) -> None:
    lived.lay("cyber", "warning-lists/one.json", b"{}")
    lived.backup(tmp_path / "kept.tar")

    restore_node(tmp_path / "kept.tar", tmp_path / "again")

    assert (tmp_path / "again" / "desks" / "cyber" / "warning-lists" / "one.json").read_bytes() == b"{}"


def test_a_backup_is_one_snapshot_while_others_write(
    lived: House,
    tmp_path: Path,
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    note: Callable[..., Draft],
) -> None:
    stop = threading.Event()

    def enter() -> None:
        number = 0
        while not stop.is_set():
            lived.take(hand("KWT"), note(f"more {number}"), amber("QAT"), originator="KWT")
            number += 1

    writer = threading.Thread(target=enter)
    writer.start()
    try:
        for number in range(4):
            lived.backup(tmp_path / f"{number}.tar")
    finally:
        stop.set()
        writer.join()

    for number in range(4):
        restore_node(tmp_path / f"{number}.tar", tmp_path / f"again{number}")
        again = House(tmp_path / f"again{number}", NATO)
        proof = again.prove()
        again.close()
        assert proof.faults == ()
    assert proof.items > 1


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


def test_a_folder_that_cannot_be_taken_away_is_refused_before_anything_is_written(
    lived: House, tmp_path: Path, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.backup(tmp_path / "kept.tar")
    (tmp_path / "mount").mkdir(mode=0o750)

    def busy(folder: Path) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(folder))

    with monkeypatch.context() as there:
        there.setattr(Path, "rmdir", busy)
        with pytest.raises(Refused, match=r"busy, as where it is a mount of its own\. Nothing was restored"):
            restore_node(tmp_path / "kept.tar", tmp_path / "mount", postgres=elsewhere)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.tar", "mount", "node"]
    assert not elsewhere or not engine_of(tmp_path, elsewhere).there()


def test_a_folder_in_one_that_cannot_be_written_is_refused_before_anything_is_written(
    lived: House, tmp_path: Path, elsewhere: str
) -> None:
    lived.backup(tmp_path / "kept.tar")

    with pytest.raises(Refused, match=r"Beside .*again nothing can be written: .*\. Nothing was restored"):
        restore_node(tmp_path / "kept.tar", tmp_path / "kept.tar" / "again", postgres=elsewhere)

    assert not elsewhere or not engine_of(tmp_path, elsewhere).there()


def test_a_folder_that_gets_no_name_at_the_end_keeps_its_keys_and_is_named(
    lived: House, tmp_path: Path, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.backup(tmp_path / "kept.tar")
    (tmp_path / "again").mkdir()
    (tmp_path / "again").chmod(0o750)
    renames = Path.rename

    def barred(of: Path, to: Path) -> Path:
        if to.name == "again":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(to))
        return renames(of, to)

    with monkeypatch.context() as there:
        there.setattr(Path, "rename", barred)
        with pytest.raises(Refused, match="The register was restored, but its folder could not be named") as refused:
            restore_node(tmp_path / "kept.tar", tmp_path / "again", postgres=elsewhere)

    (left,) = tmp_path.glob(".again.*/node")
    assert f"with its keys, in {left}: move it to {tmp_path / 'again'}" in str(refused.value)
    assert seed(lived, "KWT").kid == Signer(bytes.fromhex((left / "keys" / "KWT.key").read_text())).kid
    assert S_IMODE((tmp_path / "again").stat().st_mode) == 0o750
    left.rename(tmp_path / "again")
    again = House(tmp_path / "again")
    try:
        assert again.prove().faults == ()
    finally:
        again.close()


@pytest.mark.parametrize("torn", ["", "00", "not hexadecimal", "0" * 66, "é"])
def test_a_torn_key_is_refused_by_its_name_and_never_made_anew(tmp_path: Path, torn: str) -> None:
    House(tmp_path / "node", NATO).close()
    key = tmp_path / "node" / "keys" / "NATO.key"
    key.write_text(torn)

    with pytest.raises(Refused, match=r"NATO\.key does not hold a key of 32 bytes"):
        House(tmp_path / "node", NATO)

    assert key.read_text() == torn
