"""Each of PostgreSQL's walls by itself keeps every answer as it is; only where both fall does a reader see more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from answers import answers
from filled import Filled, fill, reader

from diwan.terms.gate import World
from fallen import let_fall
from postgres_server import Server
from tampering import Bare, bare_database

READERS = ("QAT", "OUT")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[tuple[Filled, Bare]]:
    with postgres.lend() as database, bare_database(postgres.superuser_of(database)) as bare:
        made = fill(tmp_path_factory.mktemp("node"), database)
        yield made, bare
        made.book.close()


def told(filled: Filled, party: str) -> dict[str, Any]:
    with filled.book.shelf(reader(party), World.ACTUAL) as opened:
        return answers(opened.shelf, filled.refs)


def test_without_the_filters_of_the_views_or_without_the_policies_every_answer_stays_the_same(
    filled: tuple[Filled, Bare],
) -> None:
    made, bare = filled
    standing = {party: told(made, party) for party in READERS}
    seen: dict[str, dict[str, dict[str, Any]]] = {}

    for fallen in ("views", "policies"):
        let_fall(bare, **{fallen: True})
        seen[fallen] = {party: told(made, party) for party in READERS}
    let_fall(bare, views=True, policies=True)
    both = {party: told(made, party) for party in READERS}
    let_fall(bare)
    again = {party: told(made, party) for party in READERS}

    for fallen, parties in seen.items():
        for party, said in parties.items():
            assert [name for name in said if said[name] != standing[party][name]] == [], (fallen, party)
    assert again == standing
    # Nothing else holds these back: it was the walls.
    assert {party for party in READERS if both[party] != standing[party]} == set(READERS)
    shown_more = {name for name in both["OUT"] if both["OUT"][name] != standing["OUT"][name]}
    assert shown_more >= {
        "newest",
        "count",
        "kinds",
        "get",
        "history",
        "known_as",
        "mentioning",
        "parts",
        "search.find",
    }
