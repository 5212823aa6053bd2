from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from diwan.registry import schema
from diwan.registry.book import Book
from diwan.registry.engines.sqlite import REGISTER, WORDS, Sqlite
from diwan.registry.shape import SHAPE
from diwan.terms.errors import Refused

SRC = Path(__file__).parents[2] / "src"
BEGINNER = Path(__file__).parent / "beginner.py"


def shape_of(file: Path) -> str:
    connection = sqlite3.connect(file)
    (shape,) = connection.execute("SELECT version_num FROM shape").fetchone()
    connection.close()
    return str(shape)


@pytest.mark.parametrize(("name", "planned"), [(REGISTER, schema.REGISTER), (WORDS, schema.WORDS)])
def test_a_new_register_has_exactly_the_tables_columns_and_indexes_of_the_schema(
    tmp_path: Path, name: str, planned: schema.MetaData
) -> None:
    Sqlite(tmp_path).ready()

    engine = create_engine(f"sqlite:///{tmp_path / name}")
    there = inspect(engine)
    found = {table: [column["name"] for column in there.get_columns(table)] for table in there.get_table_names()}
    indexes = {index["name"] for table in found for index in there.get_indexes(table)}
    engine.dispose()

    assert found.pop("shape") == ["version_num"]
    assert found == {table.name: [column.name for column in table.columns] for table in planned.sorted_tables}
    assert indexes >= {index.name for table in planned.sorted_tables for index in table.indexes}
    assert shape_of(tmp_path / name) == SHAPE


@pytest.mark.parametrize("name", [REGISTER, WORDS])
def test_a_register_from_the_future_is_refused_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    Book(tmp_path, synchronous="OFF").close()
    connection = sqlite3.connect(tmp_path / name)
    connection.execute("UPDATE shape SET version_num='9999'")
    connection.commit()
    connection.close()
    before = (tmp_path / name).read_bytes()

    with pytest.raises(Refused, match=r"shape 9999; this version of Diwan knows shapes up to .*Nothing was changed"):
        Book(tmp_path)

    assert (tmp_path / name).read_bytes() == before


def begun(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, BEGINNER, folder],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_two_processes_may_begin_one_register_at_the_same_time(tmp_path: Path) -> None:
    both = [begun(tmp_path) for _ in range(2)]
    for process in both:
        go(process)

    assert [process.communicate(timeout=30)[0] for process in both] == ["ready\n", "ready\n"]
    assert (shape_of(tmp_path / REGISTER), shape_of(tmp_path / WORDS)) == (SHAPE, SHAPE)


def test_killed_while_it_began_a_register_begins_again(tmp_path: Path) -> None:
    chance = random.Random(2)
    for round in range(4):
        folder = tmp_path / str(round)
        folder.mkdir()
        process = begun(folder)
        go(process)
        time.sleep(chance.random() * 0.1)
        process.kill()
        process.communicate(timeout=30)

        Book(folder, synchronous="OFF").close()

        assert (shape_of(folder / REGISTER), shape_of(folder / WORDS)) == (SHAPE, SHAPE)


def test_making_ready_twice_changes_nothing(tmp_path: Path) -> None:
    Sqlite(tmp_path).ready()
    before = {name: (tmp_path / name).read_bytes() for name in (REGISTER, WORDS)}

    Sqlite(tmp_path).ready()

    assert {name: (tmp_path / name).read_bytes() for name in (REGISTER, WORDS)} == before


def test_a_book_closed_and_opened_again_knows_what_it_knew(tmp_path: Path) -> None:
    book = Book(tmp_path, synchronous="OFF")
    book.write(lambda ink: ink.log([b"a line"]))
    root = book.audit_root()
    book.close()

    book = Book(tmp_path, synchronous="OFF")

    assert book.audit_root() == root
    book.close()
