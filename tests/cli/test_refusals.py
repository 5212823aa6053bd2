"""What every command does when it cannot do what was asked: code 2, one clear sentence, no trace of the program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

WITHOUT_A_NODE = [
    ("serve",),
    ("verify",),
    ("backup", "kept.tar"),
    ("label", "TLP:CLEAR"),
    ("policy", "list"),
    ("user", "add", "qatar", "--party", "QAT"),
    ("user", "list"),
    ("user", "change", "qatar"),
    ("user", "close", "qatar"),
    ("user", "password", "qatar"),
    ("token", "add", "qatar", "feed"),
    ("token", "list", "qatar"),
    ("token", "revoke", "0" * 32),
    ("as", "qatar", "list"),
    ("as", "qatar", "count"),
    ("as", "qatar", "search", "fog"),
    ("as", "qatar", "changes"),
]


@pytest.mark.parametrize("words", WITHOUT_A_NODE, ids=" ".join)
def test_a_command_without_a_node_says_how_to_begin_one(diwan: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    refused = diwan(*words, "--node", "[/nowhere]")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "Refused. There is no node in [/nowhere]. Begin one with: diwan init --keeper PARTY --node [/nowhere]\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["asked for", "set"])
def test_without_its_driver_a_register_in_postgres_is_refused_and_the_extra_named(
    typed: Run, node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    (lacking / "psycopg.py").write_text("raise ModuleNotFoundError(\"No module named 'psycopg'\", name='psycopg')\n")
    monkeypatch.setenv("PYTHONPATH", str(lacking))
    folder = tmp_path / "other" if how == "asked for" else node
    if how == "set":
        with (node / "settings.toml").open("a") as settings:
            settings.write('postgres = "dbname=kuwait"\n')

    words = ("init", "--keeper", "KWT", "--postgres", "dbname=kuwait") if how == "asked for" else ("verify",)
    refused = typed(*words, "--node", folder)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("Refused. A register in PostgreSQL needs the driver psycopg")
    assert refused.err.endswith("nothing was changed; add it with `pip install 'diwan-node[postgres]'`.\n")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("check", "cap", "missing.xml"),
        ("import", "cap", "missing.xml", "--label", "TLP:CLEAR", "--originator", "KWT"),
        ("restore", "missing.tar"),
        ("init",),
        ("user", "add", "x", "--party", "KWT", "--role", "king"),
        ("as", "x", "list", "--limit", "0"),
        ("as", "x", "list", "--world", "Mars"),
        ("no-such-command",),
    ],
    ids=" ".join,
)
def test_what_was_typed_wrong_is_named(diwan: Run, words: tuple[str, ...]) -> None:
    refused = diwan(*words)

    assert (refused.code, refused.out) == (2, "")
    assert "Error" in refused.err
    assert "Traceback" not in refused.err


def test_a_place_that_cannot_be_written_is_named(
    diwan: Run, node: Path, specimen: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    brought = ("import", "cap", specimen("three-languages.xml"), "--label", "TLP:CLEAR", "--originator", "KWT")

    for words in (
        ("init", "--keeper", "KWT", "--node", "file/node"),
        ("backup", "file/kept.tar", "--node", node),
        (*brought, "--rejects", "file/rejects", "--node", node),
    ):
        refused = diwan(*words)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.startswith("Refused. file")
        assert refused.err.endswith("Not a directory. The command was not carried out.\n")

    refused = diwan(*brought, "--rejects", "nowhere/rejects", "--node", node)
    assert refused.err == "Refused. nowhere/rejects: No such file or directory. The command was not carried out.\n"


def test_the_program_itself_ends_with_two_and_no_traceback(typed: Run, tmp_path: Path) -> None:
    refused = typed("as", "qatar", "list", "--node", "nowhere", cwd=tmp_path)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("Refused. There is no node in nowhere.")
