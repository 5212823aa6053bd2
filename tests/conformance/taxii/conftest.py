"""One served node for the whole suite; every test pushes objects of its own, so that none disturbs another."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from taxii_node import Caller, Maker, Node, served


@pytest.fixture(scope="session")
def taxii(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with served(tmp_path_factory.mktemp("taxii") / "node") as node:
        yield node


@pytest.fixture(scope="session")
def caller(taxii: Node) -> Callable[[str], Caller]:
    """Return the program of an account; the same one each time."""
    known: dict[str, Caller] = {}

    def calling(name: str) -> Caller:
        if name not in known:
            known[name] = taxii.caller(name)
        return known[name]

    return calling


@pytest.fixture
def kuwait(caller: Callable[[str], Caller]) -> Caller:
    """An officer of KWT, who pushes."""
    return caller("kuwait")


@pytest.fixture
def qatar(caller: Callable[[str], Caller]) -> Caller:
    """An officer of QAT, who pushes too."""
    return caller("qatar")


@pytest.fixture
def reads(caller: Callable[[str], Caller]) -> Caller:
    """An account of KWT without a role: it reads what the officer reads, and enters nothing."""
    return caller("kuwait.reads")


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Maker:
    return Maker(request.node.nodeid)
