from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SOURCES = """
[[sources]]
name = "good"
root = "https://taxii.example.org/api1/"
collection = "indicators"
label = "TLP:CLEAR"

[[sources]]
name = "bad"
root = "https://taxii.example.org/api1/"
collection = "indicators"
auth = "basic"
keys = "peer.secret"
label = "TLP:PURPLE"
originator = "BHR"

[[sources]]
name = "out"
root = "https://taxii.example.org/api1/"
collection = "indicators"
direction = "push"
account = "bahrain"
"""


def test_init_begins_a_node_that_verifies_and_says_what_comes_next(diwan: Run, tmp_path: Path) -> None:
    begun = diwan("init", "--keeper", "KWT", "--host-party", "QAT", "--host-party", "BAH", "--node", "here")

    assert (begun.code, begun.out) == (0, "")
    assert begun.err == "A node of KWT begins in here. Next: diwan user add NAME --party KWT --node here\n"
    assert tomllib.loads((tmp_path / "here" / "settings.toml").read_text()) == {
        "keeper": "KWT",
        "hosted": ["QAT", "BHR"],
    }
    keys = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "here" / "keys").iterdir()}
    assert keys == dict.fromkeys(("KWT.key", "QAT.key", "BHR.key", "cursors.key"), 0o600)
    assert diwan("verify", "--node", "here").code == 0


def test_a_second_init_and_one_over_settings_change_nothing(diwan: Run, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('keeper = "QAT"\n')
    assert diwan("init", "--keeper", "KWT", "--node", "here").code == 0
    before = (tmp_path / "here" / "settings.toml").read_bytes()

    again = diwan("init", "--keeper", "QAT", "--node", "here")
    over = diwan("init", "--keeper", "KWT", "--node", ".")

    assert (again.code, again.err) == (2, "Refused. There is a node in here already. Nothing was changed.\n")
    assert over.code == 2
    assert over.err.startswith("Refused. settings.toml is there already, without a node.")
    assert (tmp_path / "here" / "settings.toml").read_bytes() == before
    assert (tmp_path / "settings.toml").read_text() == 'keeper = "QAT"\n'


@pytest.mark.parametrize("keeper", ["", "Kuwait", 'K"W', "K", "KW\u202eT"])
def test_init_takes_no_keeper_that_is_no_party_id(diwan: Run, tmp_path: Path, keeper: str) -> None:
    refused = diwan("init", "--keeper", keeper, "--node", "here")

    assert refused.code == 2
    assert "is not a party id" in refused.err
    assert "\u202e" not in refused.err
    assert not (tmp_path / "here").exists()


def test_demo_is_laid_out_once_and_tells_its_passwords_once(diwan: Run) -> None:
    first = diwan("demo", "--no-serve", "--node", "demo")
    second = diwan("demo", "--no-serve", "--node", "demo")

    rows = [line.split() for line in first.out.splitlines()]
    assert (first.code, second.code) == (0, 0)
    assert [row[0] for row in rows] == [
        "name", "kuwait", "qatar", "bahrain", "emirates", "jordan", "outsider", "nato-release", "kuwait-release",
        "administrator",
    ]  # fmt: skip
    assert len({row[-1] for row in rows[1:]}) == 9
    assert second.out == ""
    assert second.err.startswith("The demo had begun before; passwords were shown then. Another: diwan user password")
    assert first.err == "Its node lies in demo: other commands look there with --node demo.\n"
    assert diwan("as", "outsider", "count", "--kind", "crisis.alert", "--json", "--node", "demo").told == [{"count": 1}]
    assert diwan("as", "kuwait", "count", "--kind", "crisis.alert", "--json", "--node", "demo").told == [{"count": 10}]
    anew = diwan("demo", "--no-serve", "--fresh", "--node", "demo")
    assert len(anew.out.splitlines()) == 10
    assert anew.out != first.out


def test_demo_never_removes_or_fills_a_node_that_is_no_demo(diwan: Run, node: Path) -> None:
    before = sorted(path.name for path in node.iterdir())

    for words in (("--fresh",), ()):
        refused = diwan("demo", "--no-serve", *words, "--node", node)
        assert refused.code == 2
        assert refused.err.startswith(f"Refused. {node} holds a node that is")

    assert sorted(path.name for path in node.iterdir()) == before
    assert diwan("verify", "--json", "--node", node).told[0]["items"] == 4


def test_verify_counts_what_it_proved_and_finds_no_fault(diwan: Run, node: Path) -> None:
    proved = diwan("verify", "--node", node)
    (told,) = diwan("verify", "--json", "--node", node).told

    assert proved.code == 0
    lines = told["audit lines"]
    assert proved.out == f"4 revisions, {lines} audit lines, root {told['root']}\nNo fault was found.\n"
    assert told == {"items": 4, "audit lines": lines, "root": told["root"], "faults": []}
    assert lines >= 4


def change(node: Path, table: str, column: str, which: str) -> None:
    """Turn one bit of one value in the register."""
    with sqlite3.connect(node / "register.db") as register:
        (value,) = register.execute(f"SELECT {column} FROM {table} WHERE {which}").fetchone()
        changed = value[:7] + bytes([value[7] ^ 1]) + value[8:]
        register.execute(f"UPDATE {table} SET {column}=? WHERE {which}", [changed])
    register.close()


FIRST = "position=(SELECT min(position) FROM revision)"


@pytest.mark.parametrize(
    ("table", "column", "which", "said"),
    [
        ("part", "data", "number=(SELECT min(number) FROM part)", "part 'alert.xml' is not the one that was sealed"),
        ("part", "salt", "number=(SELECT min(number) FROM part)", "part 'alert.xml' is not the one that was sealed"),
        ("revision", "header", FIRST, "Refused."),
        ("revision", "stub", FIRST, ""),
        ("revision", "path", FIRST, ""),
        ("batch", "signature", "number=(SELECT min(number) FROM batch)", ""),
        ("leaf", "value", "number=2", "lines were changed"),
        ("node", "hash", "level=(SELECT max(level) FROM node) AND number=0", "lines were changed"),
    ],
    ids=["part", "salt", "header", "stub", "path", "signature", "leaf", "node"],
)
def test_verify_finds_one_turned_bit(diwan: Run, node: Path, table: str, column: str, which: str, said: str) -> None:
    change(node, table, column, which)

    told = diwan("verify", "--json", "--node", node)
    shown = diwan("verify", "--node", node)

    assert (told.code, shown.code) == (1, 1), told.err
    assert told.told[0]["faults"]
    assert said in told.told[0]["faults"][0]
    assert shown.out.splitlines()[1:] == [f"Fault: {fault}" for fault in told.told[0]["faults"]]


def test_verify_finds_a_log_whose_last_line_was_cut_off(diwan: Run, node: Path) -> None:
    with sqlite3.connect(node / "register.db") as register:
        (last,) = register.execute("SELECT max(number) FROM leaf").fetchone()
        register.execute("DELETE FROM leaf WHERE number=?", [last])
    register.close()

    told = diwan("verify", "--json", "--node", node)

    assert told.code == 1
    assert (
        f"The audit log had {last + 1} lines at its last checkpoint and has {last}: lines were removed."
        in (told.told[0]["faults"])
    )


def test_verify_finds_a_whole_register_that_was_put_back_from_before(
    diwan: Run, node: Path, specimen: Callable[[str], Path], tmp_path: Path
) -> None:
    earlier = Path(shutil.copytree(node, tmp_path / "earlier"))
    assert diwan("user", "add", "kuwait", "--party", "KWT", "--node", node).code == 0
    (before,) = diwan("verify", "--json", "--node", earlier).told
    (after,) = diwan("verify", "--json", "--node", node).told
    for file in node.glob("register.db*"):
        file.unlink()
    for file in earlier.glob("register.db*"):
        shutil.copy(file, node / file.name)

    told = diwan("verify", "--json", "--node", node)

    assert told.code == 1
    assert told.told[0]["faults"] == [
        f"The audit log had {after['audit lines']} lines at its last checkpoint and has {before['audit lines']}:"
        " lines were removed."
    ]
    assert after["audit lines"] > before["audit lines"]


def test_a_backup_restores_to_a_node_that_verifies_searches_and_outranks_what_was_lost(
    diwan: Run, node: Path, tmp_path: Path
) -> None:
    assert diwan("user", "add", "qatar", "--party", "QAT", "--node", node).code == 0
    before = diwan("as", "qatar", "search", "fog", "harbour", "--json", "--node", node).told

    backup = diwan("backup", "kept.tar", "--node", node)
    restored = diwan("restore", "kept.tar", "--node", "again")

    assert (backup.code, backup.err) == (
        0,
        "kept.tar holds the node, with its private keys and its sources' secrets: keep it as you keep those.\n",
    )
    assert stat.S_IMODE((tmp_path / "kept.tar").stat().st_mode) == 0o600
    assert (restored.code, restored.out) == (0, "")
    assert re.fullmatch(
        r"kept\.tar was signed for KWT at \S+Z, by the key [0-9a-f]{16}\.\n"
        r"Restored into again: 4 revisions, \d+ audit lines, 0 faults\.\n"
        r"It is shut: nobody sees .*: diwan reopen --journal PATH --node again\n",
        restored.err,
    )
    shut = diwan("as", "qatar", "list", "--node", "again")
    assert (shut.code, shut.out) == (2, "")
    assert "until what was recalled and relabelled meanwhile" in shut.err
    checks = {row["check"]: row["state"] for row in diwan("doctor", "--json", "--node", "again").told}
    assert checks["open"] == "wrong"
    assert diwan("reopen", "--node", "again").code == 2
    opened = diwan("reopen", "--without-journal", "--because", "nothing was recalled", "--node", "again")
    assert opened.err.startswith("Open again: 0 recalled, 0 relabelled, 0 withdrawn")
    assert diwan("verify", "--node", "again").code == 0
    register = {row["check"]: row["what"] for row in diwan("doctor", "--json", "--node", "again").told}
    assert register["register"].startswith("generation 1, ")
    assert register["word index"].startswith("0 entries wait")
    assert [row["title"] for row in before] == ["Dense fog over the ring road & the harbour"] * 2
    assert diwan("as", "qatar", "search", "fog", "harbour", "--json", "--node", "again").told == before


def test_neither_backup_nor_restore_overwrites_anything(
    diwan: Run, node: Path, specimen: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "kept.tar").write_text("mine")

    over = diwan("backup", "kept.tar", "--node", node)
    into = diwan("restore", specimen("three-languages.xml"), "--node", node)
    foreign = diwan("restore", specimen("three-languages.xml"), "--node", "again")

    assert (over.code, over.err) == (2, "Refused. kept.tar exists already. No backup was written.\n")
    assert (tmp_path / "kept.tar").read_text() == "mine"
    assert into.code == 2
    assert "already holds a register. Nothing was changed" in into.err
    assert foreign.code == 2
    assert "is not a backup of a node" in foreign.err
    assert diwan("verify", "--json", "--node", node).told[0]["items"] == 4


def test_doctor_finds_nothing_wrong_with_a_node_as_it_was_begun(diwan: Run, node: Path) -> None:
    rows = {row["check"]: row["state"] for row in diwan("doctor", "--json", "--node", node).told}

    # Whether the machine has room and a free port is its own matter, and the shell's files come with the wheel alone.
    for machine in ("disk", "port", "page assets"):
        del rows[machine]
    assert rows == dict.fromkeys(
        ("node", "keys", "folder", "owner", "file system", "settings", "proxy", "register", "clock", "policies",
         "ceiling", "word index", "open", "journal"), "ok"
    )  # fmt: skip


def test_doctor_finds_a_key_that_others_can_read_and_a_ceiling_of_an_unknown_policy(diwan: Run, node: Path) -> None:
    os.chmod(node / "keys" / "QAT.key", 0o644)
    with (node / "settings.toml").open("a") as settings:
        settings.write('[[heights]]\npolicy = "ATLANTIS"\nclassification = "SECRET"\n')

    looked = diwan("doctor", "--json", "--node", node)

    wrong = {
        row["check"]: row["what"]
        for row in looked.told
        if row["state"] == "wrong" and row["check"] not in ("disk", "port")
    }
    assert looked.code == 1
    assert wrong.pop("page assets", "missing").startswith("missing")
    assert wrong == {
        "keys": "others can read QAT.key: chmod 600 them",
        "ceiling": "names ATLANTIS, not installed",
    }


def test_doctor_finds_settings_that_cannot_be_read_and_a_node_that_is_not_there(diwan: Run, node: Path) -> None:
    (node / "settings.toml").write_text("keeper = ")

    spoilt, nowhere = diwan("doctor", "--json", "--node", node), diwan("doctor", "--node", "nowhere")

    assert spoilt.code == nowhere.code == 1
    assert spoilt.told[-1]["check"] == "register"
    assert spoilt.told[-1]["what"].endswith("The node was not opened.")
    assert "There is no node in nowhere." in nowhere.out


def test_doctor_finds_what_is_wrong_beside_the_node_for_the_cyber_desk(diwan: Run, node: Path) -> None:
    folder = node / "desks" / "cyber"
    (folder / "warninglists").mkdir(parents=True)
    (folder / "warninglists" / "good.json").write_text('{"name": "Good", "list": ["a.example"]}')
    (folder / "sources.toml").write_text(SOURCES)
    (folder / "source.toml").write_text(SOURCES)
    callable_ = {row["check"]: (row["state"], row["what"]) for row in diwan("doctor", "--json", "--node", node).told}

    (folder / "sharing.toml").write_text("communities = 7")
    (folder / "warninglists" / "bad.json").write_text("[]")
    (folder / "sources.toml").write_text("[[sources]]\nname = 7")
    broken = diwan("doctor", "--json", "--node", node)

    wrong = {row["check"]: row["what"] for row in broken.told if row["state"] == "wrong"}
    assert callable_["warninglists/good.json"] == callable_["sources.toml"] == ("ok", "sound")
    assert callable_["source.toml"][0] == "wrong"
    assert callable_["source good"] == ("ok", "poll, https://taxii.example.org/api1/")
    assert callable_["source bad"] == (
        "wrong",
        "keys/peer.secret is not there; Marking “TLP:PURPLE”: “TLP:PURPLE” is not understood. Nothing was labelled.; "
        "BHR is not hosted here: nothing can be entered in its name",
    )
    assert callable_["source out"] == ("wrong", "no open account is named bahrain")
    assert broken.code == 1
    assert wrong.keys() >= {"sharing.toml", "warninglists/bad.json", "sources.toml", "register"}
    assert "bad.json is no warning list in MISP's format" in wrong["warninglists/bad.json"]
