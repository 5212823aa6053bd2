from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from diwan.registry import schema
from diwan.registry.book import Book
from diwan.registry.engines.sqlite import REGISTER, WORDS
from diwan.registry.shape import SHAPE, ready
from diwan.terms.errors import Refused


def shape_of(file: Path) -> str:
    connection = sqlite3.connect(file)
    (shape,) = connection.execute("SELECT version_num FROM shape").fetchone()
    connection.close()
    return str(shape)


@pytest.mark.parametrize(("name", "planned"), [(REGISTER, schema.REGISTER), (WORDS, schema.WORDS)])
def test_a_new_register_has_exactly_the_tables_columns_and_indexes_of_the_schema(
    tmp_path: Path, name: str, planned: schema.MetaData
) -> None:
    ready(tmp_path)

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


def test_making_ready_twice_changes_nothing(tmp_path: Path) -> None:
    ready(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in (REGISTER, WORDS)}

    ready(tmp_path)

    assert {name: (tmp_path / name).read_bytes() for name in (REGISTER, WORDS)} == before


def test_a_book_closed_and_opened_again_knows_what_it_knew(tmp_path: Path) -> None:
    book = Book(tmp_path, synchronous="OFF")
    book.write(lambda ink: ink.log([b"a line"]))
    root = book.audit_root()
    book.close()

    book = Book(tmp_path, synchronous="OFF")

    assert book.audit_root() == root
    book.close()
