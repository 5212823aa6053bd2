"""What every engine must do alike; `filled.py` beside this fills a register the same way wherever it is kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from diwan.registry.engines import engine_of
from diwan.registry.engines.lines import Engine

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def engine(tmp_path: Path, register: str) -> Iterator[Engine]:
    """An engine with an empty register."""
    (tmp_path / "node").mkdir()
    opened = engine_of(tmp_path / "node", register, synchronous="OFF")
    opened.ready()
    yield opened
    opened.close()
