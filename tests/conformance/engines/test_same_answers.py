"""Filled alike, both engines answer alike: every question of a shelf, for several readers, text for text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from answers import QUESTIONS, answers
from filled import Filled, fill, reader

from diwan.registry.past import Past
from diwan.registry.shelf import Shelf
from diwan.terms.gate import World
from postgres_server import Server

READERS = ("KWT", "QAT", "JOR", "BHR", "NATO", "OUT")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[tuple[Filled, Filled]]:
    with postgres.lend() as database:
        made = fill(tmp_path_factory.mktemp("sqlite"), ""), fill(tmp_path_factory.mktemp("postgres"), database)
        yield made
        for one in made:
            one.book.close()


def test_every_public_question_of_a_shelf_is_asked() -> None:
    public = {name for kind in (Shelf, Past) for name in vars(kind) if not name.startswith("_")}

    assert public <= QUESTIONS.keys()
    assert {name for name in QUESTIONS if "." not in name} == public


@pytest.mark.parametrize("party", READERS)
def test_both_engines_answer_every_question_alike(both: tuple[Filled, Filled], party: str) -> None:
    told: list[dict[str, Any]] = []
    for one in both:
        with one.book.shelf(reader(party), World.ACTUAL) as opened:
            told.append(answers(opened.shelf, one.refs))
    files, database = told

    assert [name for name in files if files[name] != database[name]] == []
    if party in ("KWT", "QAT"):  # who sees nearly everything sees something in every answer
        assert [name for name, said in files.items() if not said and name != "gather"] == []


@pytest.mark.parametrize("party", READERS)
def test_what_stands_is_what_the_rows_say(both: tuple[Filled, Filled], party: str) -> None:
    """The same once more by a plain recomputation over all rows, so that both cannot be wrong alike."""
    for one in both:
        with one.book.shelf(reader(party), World.ACTUAL) as opened:
            shelf = opened.shelf
            walked = shelf.newest(None, 500, 1.0)
            counted = shelf.count(None)
            found = {entry.position: entry.title for entry in shelf.entries(walked)}
            gates = sorted(shelf.gates)
        whole = one.book._engine.whole()
        rows = whole.execute(
            "SELECT s.since, s.gate, r.title FROM stand s JOIN revision r ON r.position=s.revision"
            " WHERE s.until IS NULL"
        ).fetchall()
        whole.close()
        mine = {since: title for since, gate, title in rows if gate in gates}

        assert walked == sorted(mine, reverse=True)
        assert found == mine
        assert counted == len(mine)
        assert len(mine) < len(rows)
