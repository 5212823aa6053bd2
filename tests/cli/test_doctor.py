"""The doctor names what is wrong, by which rule and what to do; and makes nothing worse by looking."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from served_node import free_port, served

from diwan.cli import doctor_files
from diwan.cli.doctor import _words
from diwan.cli.doctor_files import _file_system
from diwan.cli.doctor_settings import LANGUAGES, check_settings
from diwan.release.ceiling import Height
from diwan.settings import Settings
from diwan.web import language
from postgres_server import Server

Run = Callable[..., Any]
MACHINE = ("disk", "page assets", "port")
"""What is this machine's matter and not the node's."""


def wrong(diwan: Run, node: Path, *but: str) -> list[tuple[str, str]]:
    told = diwan("doctor", "--json", "--node", node).told
    left_out = set(MACHINE) - set(but)
    return [(row["check"], row["what"]) for row in told if row["state"] == "wrong" and row["check"] not in left_out]


def test_a_lost_key_is_named_and_not_made_by_looking(diwan: Run, node: Path) -> None:
    assert wrong(diwan, node) == []
    before = {name: (node / "keys" / f"{name}.key").read_bytes() for name in ("KWT", "QAT", "cursors")}
    for name in before:
        (node / "keys" / f"{name}.key").unlink()

    found = wrong(diwan, node)

    assert [check for check, _ in found] == ["keys", "keys", "keys", "register"]
    assert [said.split(" ")[0] for _, said in found[:3]] == ["keys/cursors.key", "keys/KWT.key", "keys/QAT.key"]
    assert all("would make another" in said and "from a backup" in said for _, said in found[:3])
    assert ["only just named in hosted" in said for _, said in found[:3]] == [False, False, True]
    assert found[3][1] == "not looked at: see keys. The node was not opened."
    assert list((node / "keys").iterdir()) == []
    for name, key in before.items():
        (node / "keys" / f"{name}.key").write_bytes(key)
        (node / "keys" / f"{name}.key").chmod(0o600)
    assert wrong(diwan, node) == []


def test_a_clock_that_was_set_back_is_told_with_both_instants(diwan: Run, node: Path) -> None:
    ahead = time.time_ns() // 1000 + 3_600_000_000
    with closing(sqlite3.connect(node / "register.db")) as register:
        register.execute("UPDATE state SET value=? WHERE name='last_position'", [ahead])
        register.commit()

    ((check, said),) = wrong(diwan, node)

    assert check == "clock"
    assert said.startswith("set back: ")
    assert said.endswith("set the clock right, by a time server")


def test_folders_that_others_can_enter_are_each_named(diwan: Run, node: Path) -> None:
    os.chmod(node, 0o755)
    os.chmod(node / "keys", 0o750)

    ((check, said),) = wrong(diwan, node)

    assert check == "folder"
    assert said.startswith(f"others can enter {node}, {node / 'keys'},")
    assert said.endswith("chmod 700")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to another account")
def test_files_of_another_account_are_named(diwan: Run, node: Path) -> None:
    os.chown(node / "words.db", 12345, -1)

    assert [check for check, said in wrong(diwan, node) if "owns words.db," in said] == ["owner"]


def test_a_folder_on_another_machine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n/dev/sdb {tmp_path}/own xfs rw 0 0\n")
    monkeypatch.setattr(doctor_files, "_MOUNTS", mounts)

    far, near = (_file_system(tmp_path / there, in_postgres=False) for there in ("node", "own/node"))

    assert (far.well, near.well, near.said) == (False, True, "xfs")
    assert "lies on nfs4, over a network" in far.said


def test_a_node_whose_register_is_in_postgres_is_told_what_is_true_of_its_folder(
    diwan: Run, tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, mounts = tmp_path / "node", tmp_path / "mounts"
    usage = shutil.disk_usage(tmp_path)
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n")
    with postgres.lend(laid=False) as database:
        begun = diwan("init", "--keeper", "KWT", "--postgres", database, "--node", node)
        node.chmod(0o755)
        monkeypatch.setattr(doctor_files, "_MOUNTS", mounts)
        monkeypatch.setattr(doctor_files.shutil, "disk_usage", lambda _: usage._replace(free=500_000_000))

        told = {row["check"]: row["what"] for row in diwan("doctor", "--json", "--node", node).told}
        refused = dict(wrong(diwan, node, "disk"))

    assert begun.code == 0
    assert told["file system"] == "nfs4, over a network: the register is in PostgreSQL and not there"
    assert refused == {
        "folder": f"others can enter {node}, where keys lie: chmod 700",
        "disk": "0.5 GB free for keys and settings, less than 1 GiB: on a full disk the node is not ready. Free some, "
        "or move the node elsewhere",
    }


def test_little_room_is_told_before_there_is_none(diwan: Run, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(node)
    monkeypatch.setattr(doctor_files.shutil, "disk_usage", lambda _: usage._replace(free=500_000_000))

    assert wrong(diwan, node, "disk") == [
        (
            "disk",
            "0.5 GB free, less than 1 GiB: on a full disk nothing more is entered. Free some, or move the node "
            "elsewhere",
        )
    ]


def test_a_word_index_that_is_far_behind_is_told() -> None:
    assert _words(2047).well
    behind = _words(50_000)
    assert not behind.well
    assert behind.said.startswith("50,000 entries wait, searched directly meanwhile, and every search is slower")


def test_a_port_that_is_free_that_the_node_has_and_that_another_program_has_are_told_apart(
    diwan: Run, node: Path
) -> None:
    port, numbers = free_port(), free_port()
    with (node / "settings.toml").open("a") as settings:
        settings.write(f"port = {port}\nmetrics_port = {numbers}\n")

    def ports() -> list[tuple[str, str, str]]:
        told = diwan("doctor", "--json", "--node", node).told
        return [(row["check"], row["state"], row["what"]) for row in told if "port" in row["check"]]

    free = ports()
    with served(node, port):
        running = ports()
    with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", numbers)) as other:
        threading.Thread(target=greet, args=(other,), daemon=True).start()
        taken = ports()

    at, on = f"127.0.0.1:{port}", f"127.0.0.1:{numbers}"
    one = "is taken by another program, and one alone can listen there: stop it, or choose another"
    assert free == [("port", "ok", f"{at} is free"), ("metrics_port", "ok", f"{on} is free")]
    assert running == [
        ("port", "ok", f"{at} answers: a node runs, this one or another"),
        ("metrics_port", "ok", f"{on} answers: a node runs, this one or another"),
    ]
    assert taken == [("port", "wrong", f"{at} {one} port"), ("metrics_port", "wrong", f"{on} {one} metrics_port")]


def greet(server: socket.socket) -> None:
    for _ in range(2):
        line, _ = server.accept()
        line.sendall(b"220 mail.example ESMTP\r\n")
        line.close()


def test_an_address_that_is_not_this_machines_is_named(diwan: Run, node: Path) -> None:
    with (node / "settings.toml").open("a") as settings:
        settings.write('host = "192.0.2.77"\nproxy = "192.0.2.1"\n')

    ((check, said),) = wrong(diwan, node, "port")

    assert check == "port"
    assert said.startswith("192.0.2.77:8017 cannot be listened on: ")


SOUND = Settings(keeper="KWT", hosted=("QAT",))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(keeper="kwt"), ["“kwt” is no party id"]),
        (Settings(keeper="KWT", hosted=("BAH",)), ["“BAH” is no party id"]),
        (Settings(port=0), ["port = 0 is no port"]),
        (Settings(port=70000), ["port = 70000 is no port"]),
        (Settings(metrics_port=8017), ["port and metrics_port are both 8017"]),
        (Settings(idle_minutes=0), ["idle_minutes = 0 ends every session"]),
        (Settings(session_hours=0), ["session_hours = 0 ends", "idle_minutes = 30 never comes to pass"]),
        (Settings(idle_minutes=121, session_hours=2), ["idle_minutes = 121 never comes to pass"]),
        (Settings(largest=0), ["largest = 0 refuses every document"]),
        (Settings(language="de"), ["language = “de” is none of"]),
        (Settings(heights=()), ["heights is empty"]),
        (
            Settings(role_heights={"administrator": (Height("TLP", "UNCLASSIFIED"),)}),
            ["role_heights names “administrator”, which enters nothing"],
        ),
        (
            Settings(role_heights={"duty officer": (Height("NATO-EXAMPLE", "SECRET"),)}),
            ["role_heights allows “duty officer” labels of NATO-EXAMPLE"],
        ),
        (Settings(host="0.0.0.0"), ["host = 0.0.0.0 serves other machines without TLS"]),
        (Settings(proxy="*"), ["proxy = “*” is not one IP address"]),
        (Settings(proxy="proxy.example"), ["proxy = “proxy.example” is not one IP address"]),
        (Settings(proxy="10.0.0.0/8"), ["proxy = “10.0.0.0/8” is not one IP address"]),
        (Settings(proxy="10.0.0.5"), ["the proxy 10.0.0.5 cannot be who connects to 127.0.0.1"]),
        (Settings(host="::1", proxy="127.0.0.1"), ["the proxy 127.0.0.1 cannot be who connects to ::1"]),
        (SOUND, []),
        (Settings(host="0.0.0.0", proxy="10.0.0.5"), []),
        (Settings(host="localhost", proxy="::1"), []),
    ],
)
def test_settings_that_contradict_are_told_one_by_one(settings: Settings, said: list[str]) -> None:
    found = [check for check in check_settings(settings) if not check.well]

    assert len(found) == len(said)
    for check, begins in zip(found, said, strict=True):
        assert check.said.startswith(begins)
        assert len(check.said) > len(begins) + 30
    well = {check.what for check in check_settings(settings)} - {check.what for check in found}
    assert {check.what for check in found} | well == {"settings", "proxy"}


def test_settings_that_cannot_be_read_stop_the_looking_before_the_register(diwan: Run, node: Path) -> None:
    (node / "settings.toml").write_text('keeper = "KWT"\nmetrics_port = 70000\n')

    found = wrong(diwan, node)

    assert [check for check, _ in found] == ["settings", "register"]
    assert "metrics_port" in found[0][1]


def test_the_languages_are_those_of_the_pages() -> None:
    assert set(LANGUAGES) == language.LANGUAGES.keys()
