"""Lets the tests here find `leaks/`, which `soak.py` runs without pytest, and go both ways through a page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from diwan.registry.engines.lines import Merging
from diwan.registry.engines.postgres import Postgres
from diwan.registry.engines.sqlite import Sqlite

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a page by either way: the ground holds so little that hardly one would be merged gate by gate."""
    for engine in (Sqlite, Postgres):
        monkeypatch.setattr(engine, "merging", Merging(1, 1))
