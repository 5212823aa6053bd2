from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from diwan.cli.app import _app
from diwan.terms.errors import Malformed, Refused

SHIPPED = (files("diwan.release") / "policies" / "tlp.toml").read_text("utf-8")


@pytest.fixture
def policy(node: Path) -> Callable[..., Result]:
    def run(*words: object) -> Result:
        return CliRunner().invoke(_app, ["policy", *map(str, words), "--node", str(node)])

    return run


def logged(node: Path, act: str) -> list[Any]:
    with sqlite3.connect(node / "register.db") as register:
        lines = [msgspec.json.decode(value) for (value,) in register.execute("SELECT value FROM leaf ORDER BY number")]
    register.close()
    return [line for line in lines if line["act"] == act]


def test_the_policies_of_a_new_node_are_listed_with_levels_and_keepers(policy: Callable[..., Result]) -> None:
    rows = [msgspec.json.decode(line) for line in policy("list", "--json").stdout_bytes.splitlines()]

    assert [row["policy"] for row in rows] == sorted(row["policy"] for row in rows)
    by_id = {row["policy"]: row for row in rows}
    assert by_id["TLP"]["levels"] == ["UNCLASSIFIED"]
    assert "ICI: NATO" in by_id["TLP"]["keepers"]
    assert "TLP" in policy("list").stdout


def test_a_policy_is_installed_for_the_next_question_and_noted_in_the_audit_log(
    policy: Callable[..., Result], node: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.toml"
    changed.write_text(SHIPPED.replace('title = "', 'title = "Changed: ', 1))

    done = policy("install", changed)

    assert (done.exit_code, done.stderr) == (0, "Installed: TLP.\n")
    titles = {
        row["policy"]: row["title"]
        for row in map(msgspec.json.decode, policy("list", "--json").stdout_bytes.splitlines())
    }
    assert titles["TLP"].startswith("Changed: ")
    last = logged(node, "install policy")[-1]
    assert (last["by"], last["of"]) == ("console", ["TLP"])
    assert len(last["file"]) == 64
    assert str(tmp_path) not in str(last)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id = ", "not TOML"),
        (SHIPPED.replace("levels", "heights", 1), "Not installed."),
        (b"\xff".decode("latin-1"), "Not installed."),
    ],
    ids=["toml", "shape", "text"],
)
def test_an_unsound_file_is_refused_with_its_reason_and_holds_up_the_sound_one_beside_it(
    policy: Callable[..., Result], node: Path, tmp_path: Path, text: str, why: str
) -> None:
    sound, unsound = tmp_path / "sound.toml", tmp_path / "unsound.toml"
    sound.write_text(SHIPPED)
    unsound.write_text(text, "utf-8")
    before = logged(node, "install policy")

    refused = policy("install", sound, unsound)

    assert isinstance(refused.exception, Malformed)
    assert "unsound.toml" in str(refused.exception)
    assert why in str(refused.exception)
    assert logged(node, "install policy") == before


def test_a_file_that_is_no_text_and_one_id_twice_are_refused(policy: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(b"\xff\xfe")
    no_text = policy("install", file)
    file.write_text(SHIPPED)
    twice = policy("install", file, file)

    assert "not text in UTF-8" in str(no_text.exception)
    assert "Two policies share an id" in str(twice.exception)


def test_a_policy_that_makes_labels_in_use_unreadable_says_which_and_asks_again(
    policy: Callable[..., Result], node: Path, tmp_path: Path
) -> None:
    narrow = tmp_path / "narrow.toml"
    narrow.write_text(SHIPPED.replace('"TLP:AMBER", ', "", 1))

    refused, installed = policy("install", narrow), policy("install", narrow, "--anyway")

    assert isinstance(refused.exception, Refused)
    assert refused.stderr == "Unreadable for everyone: 4 standing items, for: The policy does not allow TLP:AMBER.\n"
    assert installed.exit_code == 0
    assert [line["by"] for line in logged(node, "install policy")] == ["node", "node", "node", "console"]
    again = policy("install", narrow)
    assert (again.exit_code, again.stderr) == (0, "Installed: TLP.\n")
