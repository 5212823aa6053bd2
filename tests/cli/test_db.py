"""`diwan db`: the register's shape and walls, on either engine, and a node begun in PostgreSQL."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from diwan.settings import read_settings
from postgres_server import Server

Run = Callable[..., Any]


@pytest.fixture
def bare(postgres: Server) -> Iterator[str]:
    """A database as a superuser hands it over."""
    with postgres.lend(laid=False) as database:
        yield database


def test_a_node_in_files_is_found_well_and_upgraded_to_what_it_is(diwan: Run, node: Path) -> None:
    looked = diwan("db", "check", "--json", "--node", node)
    upgraded = diwan("db", "upgrade", "--node", node)

    assert [(row["check"], row["state"]) for row in looked.told] == [("register", "ok"), ("word index", "ok")]
    assert looked.code == 0
    assert (upgraded.code, upgraded.err) == (
        0,
        "The register is of shape 0003 already; its walls were raised anew.\n",
    )


def test_a_node_of_another_shape_is_told_by_its_shape_with_exit_code_one(diwan: Run, node: Path) -> None:
    with sqlite3.connect(node / "register.db") as register:
        register.execute("UPDATE shape SET version_num='0002'")

    looked = diwan("db", "check", "--json", "--node", node)

    assert looked.code == 1
    assert looked.told[0]["state"] == "wrong"
    assert re.match("shape 0002, .*this version of Diwan works with 0003", looked.told[0]["what"])
    assert diwan("db", "upgrade", "--node", node).err.startswith("The register was of shape 0002 and is of shape 0003")
    assert diwan("db", "check", "--node", node).code == 0


def test_what_a_superuser_runs_makes_roles_database_and_rights(diwan: Run, node: Path) -> None:
    told = diwan("db", "roles", "--node", node, "--database", "kuwait")

    assert told.code == 0
    assert told.out.count("CREATE ROLE diwan_") == 4
    assert '\\connect "kuwait"' in told.out
    assert "BYPASSRLS" not in told.out.replace("NOBYPASSRLS", "")


def test_a_node_begins_in_postgres_is_found_there_and_never_begun_twice(diwan: Run, bare: str, tmp_path: Path) -> None:
    begun = diwan("init", "--keeper", "KWT", "--postgres", bare, "--node", "node")
    again = diwan("init", "--keeper", "KWT", "--node", "node")
    other = diwan("init", "--keeper", "QAT", "--postgres", bare, "--node", "other")
    looked = {row["check"]: row["state"] for row in diwan("db", "check", "--json", "--node", "node").told}

    assert begun.code == 0, begun.err
    assert read_settings(tmp_path / "node").postgres == bare
    assert not (tmp_path / "node" / "register.db").exists()
    assert "There is a node in node already" in again.err
    assert "A register is kept in that database already" in other.err
    assert not (tmp_path / "other").exists()
    assert looked["policies"] == looked["row security"] == "ok"
    assert diwan("user", "add", "qatar", "--party", "QAT", "--node", "node").code == 0
    assert diwan("verify", "--node", "node").code == 0


def test_a_node_moves_to_postgres_and_back_by_backup_and_restore(
    diwan: Run, node: Path, bare: str, tmp_path: Path
) -> None:
    assert diwan("user", "add", "qatar", "--party", "QAT", "--node", node).code == 0
    before = diwan("as", "qatar", "list", "--json", "--node", node).told
    assert diwan("backup", "one.tar", "--node", node).code == 0
    there = diwan("restore", "one.tar", "--node", "there", "--postgres", bare)
    assert there.code == 0, there.err
    assert diwan("reopen", "--without-journal", "--because", "moved", "--node", "there").code == 0
    seen = diwan("as", "qatar", "list", "--json", "--node", "there").told
    assert diwan("backup", "two.tar", "--node", "there").code == 0
    back = diwan("restore", "two.tar", "--node", "back")
    assert back.code == 0, back.err
    assert diwan("reopen", "--without-journal", "--because", "moved", "--node", "back").code == 0

    assert len(before) > 0
    assert seen == diwan("as", "qatar", "list", "--json", "--node", "back").told == before
    assert (read_settings(tmp_path / "there").postgres, read_settings(tmp_path / "back").postgres) == (bare, "")


def test_recalls_since_a_backup_are_replayed_from_the_journal_that_the_node_kept(
    diwan: Run, node: Path, tmp_path: Path
) -> None:
    (tmp_path / "lent").mkdir()
    text = (node / "settings.toml").read_text()
    (node / "settings.toml").write_text(f'journal = "{tmp_path / "lent"}"\n{text}')
    assert diwan("backup", "kept.tar", "--node", node).code == 0
    assert diwan("restore", "kept.tar", "--node", "again").code == 0
    wrong = diwan("reopen", "--journal", "kept.tar", "--node", "again")
    opened = diwan("reopen", "--journal", "lent", "--node", "again")
    shut = diwan("db", "shut", "--because", "recovered to a point in time", "--node", "again")
    refused = diwan("policy", "list", "--node", "again")

    assert (wrong.code, "no journal of KWT there" in wrong.err) == (2, True)
    assert opened.err.startswith("Open again: 0 recalled")
    assert (shut.code, refused.code) == (0, 2)
    assert [file.name.split(".")[:2] for file in sorted((tmp_path / "lent").iterdir())] == [
        ["KWT", "g0"],
        ["KWT", "g1"],
    ]
    assert diwan("db", "check", "--node", "again").code == 0
    assert diwan("reopen", "--journal", "lent", "--node", "again").code == 0
    assert diwan("policy", "list", "--node", "again").code == 0


def test_a_server_that_cannot_be_reached_is_told_in_words(diwan: Run, tmp_path: Path) -> None:
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "settings.toml").write_text('postgres = "host=/nowhere dbname=diwan"\n')

    told = diwan("verify", "--node", "node")

    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("Refused. The register cannot be reached just now.")
