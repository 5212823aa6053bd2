from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, inspect

from diwan.registry import schema
from diwan.registry.book import Book
from diwan.registry.engines import engine_of
from diwan.registry.engines.sqlite_file import REGISTER, WORDS
from diwan.registry.shape import SHAPE
from diwan.terms.errors import Refused
from postgres_server import Server
from tampering import Tamper

SRC = Path(__file__).parents[2] / "src"
BEGINNER = Path(__file__).parent / "beginner.py"
PLANNED = {"register": schema.REGISTER, "words": schema.WORDS}
FILES = {"register": REGISTER, "words": WORDS}


def shapes_of(folder: Path, register: str) -> tuple[str | None, str | None]:
    engine = engine_of(folder, register)
    found = engine.shapes()
    engine.close()
    return found


@contextmanager
def looked_into(folder: Path, register: str, name: str) -> Iterator[tuple[Connection, str | None]]:
    """Open register or word index for SQLAlchemy, with the name of the schema it lies in."""
    if register:
        engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(register, user="diwan_owner"))
    else:
        engine = create_engine(f"sqlite:///{folder / FILES[name]}")
    with engine.connect() as connection:
        yield connection, name if register else None
    engine.dispose()


@pytest.fixture
def bare(request: pytest.FixtureRequest, register: str) -> Iterator[str]:
    """Where a register can be begun: a database with nothing in it, or an empty folder."""
    if not register:
        yield ""
        return
    server: Server = request.getfixturevalue("postgres")
    with server.lend(laid=False) as database:
        yield database


@pytest.mark.parametrize("name", PLANNED)
def test_a_new_register_has_exactly_the_tables_columns_and_indexes_of_the_schema(
    tmp_path: Path, bare: str, name: str
) -> None:
    engine_of(tmp_path, bare).ready()

    with looked_into(tmp_path, bare, name) as (connection, within):
        there = inspect(connection)
        found = {
            table: [column["name"] for column in there.get_columns(table, schema=within)]
            for table in there.get_table_names(schema=within)
        }
        indexes = {index["name"] for table in found for index in there.get_indexes(table, schema=within)}
        dialect = connection.dialect.name
    planned = PLANNED[name].sorted_tables

    assert found.pop("shape") == ["version_num"]
    assert found == {table.name: [column.name for column in table.columns] for table in planned}
    only_here = {"revision_batch"} if name == "register" and dialect == "postgresql" else set()
    everywhere = {index.name for table in planned for index in table.indexes} - {"revision_batch"}
    assert indexes >= everywhere | only_here
    assert ("revision_batch" in indexes) == bool(only_here)
    assert shapes_of(tmp_path, bare) == (SHAPE, SHAPE)


def to_the_future(tamper: Tamper, name: str, *, compatible: str) -> None:
    """Say that a later version of the software wrote this, and whether the present one may work beside it."""
    with tamper() as pages:
        within = name if pages.postgres else "main" if name == "register" else "words"
        pages.execute(f"UPDATE {within}.shape SET version_num='9999'")
        pages.execute("UPDATE state SET value=? WHERE name='compatible'", [int(compatible)])


def everything(tamper: Tamper) -> dict[str, object]:
    tables = [table.name for planned in PLANNED.values() for table in planned.sorted_tables]
    with tamper() as pages:
        return {table: sorted(map(repr, pages.rows(f"SELECT * FROM {table}"))) for table in tables}


def test_a_register_from_a_future_that_cannot_be_shared_is_refused_and_left_as_it_is(
    tmp_path: Path, register: str, tamper: Tamper
) -> None:
    Book(tmp_path / "node", postgres=register, synchronous="OFF").close()
    to_the_future(tamper, "register", compatible="9999")
    before = everything(tamper)

    with pytest.raises(Refused, match=r"shape 9999; this version of Diwan knows shapes up to .*Nothing was changed"):
        Book(tmp_path / "node", postgres=register)

    assert everything(tamper) == before
    assert shapes_of(tmp_path / "node", register)[0] == "9999"


def test_a_register_from_a_future_that_can_be_shared_opens_and_works_and_keeps_its_shape(
    tmp_path: Path, register: str, tamper: Tamper
) -> None:
    Book(tmp_path / "node", postgres=register, synchronous="OFF").close()
    to_the_future(tamper, "register", compatible=SHAPE)

    book = Book(tmp_path / "node", postgres=register, synchronous="OFF")
    book.write(lambda ink: ink.log([b"a line"]))
    book.close()

    assert shapes_of(tmp_path / "node", register) == ("9999", SHAPE)


@pytest.mark.parametrize(("compatible", "opens"), [("9999", False), (SHAPE, True)])
def test_a_word_index_from_the_future_opens_where_the_register_says_so(
    tmp_path: Path, register: str, tamper: Tamper, compatible: str, opens: bool
) -> None:
    """The word index is derived; where it may not be shared, whoever runs the earlier software is told."""
    Book(tmp_path / "node", postgres=register, synchronous="OFF").close()
    to_the_future(tamper, "register", compatible=compatible)
    to_the_future(tamper, "words", compatible=compatible)

    if opens:
        Book(tmp_path / "node", postgres=register, synchronous="OFF").close()
    else:
        with pytest.raises(Refused, match="shape 9999"):
            Book(tmp_path / "node", postgres=register, synchronous="OFF")

    assert shapes_of(tmp_path / "node", register) == ("9999", "9999")


def begun(folder: Path, register: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, BEGINNER, folder, register],
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


def test_two_processes_may_begin_one_register_at_the_same_time(tmp_path: Path, bare: str) -> None:
    both = [begun(tmp_path, bare) for _ in range(2)]
    for process in both:
        go(process)

    assert [process.communicate(timeout=30)[0] for process in both] == ["ready\n", "ready\n"]
    assert shapes_of(tmp_path, bare) == (SHAPE, SHAPE)


def test_killed_while_it_began_a_register_begins_again(
    tmp_path: Path, request: pytest.FixtureRequest, bare: str
) -> None:
    chance = random.Random(2)
    for round in range(4):
        folder = tmp_path / str(round)
        folder.mkdir()
        database = request.getfixturevalue("postgres").bare() if bare else ""
        process = begun(folder, database)
        go(process)
        time.sleep(chance.random() * 0.1)
        process.kill()
        process.communicate(timeout=30)

        Book(folder, postgres=database, synchronous="OFF").close()

        assert shapes_of(folder, database) == (SHAPE, SHAPE)


def test_making_ready_twice_changes_nothing(tmp_path: Path, register: str, tamper: Tamper) -> None:
    Book(tmp_path / "node", postgres=register, synchronous="OFF").close()
    before = everything(tamper)

    engine_of(tmp_path / "node", register).ready()

    assert everything(tamper) == before


def test_a_book_closed_and_opened_again_knows_what_it_knew(tmp_path: Path, register: str) -> None:
    book = Book(tmp_path, postgres=register, synchronous="OFF")
    book.write(lambda ink: ink.log([b"a line"]))
    root = book.audit_root()
    book.close()

    book = Book(tmp_path, postgres=register, synchronous="OFF")

    assert book.audit_root() == root
    book.close()
