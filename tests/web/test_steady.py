"""What stands before a node serves is not looked through for garbage while it does."""

from __future__ import annotations

import gc  # noqa: TID251 -- asks the collector what it passes over
from pathlib import Path

import pytest
import uvicorn
from litestar.concurrency import get_asyncio_executor, set_asyncio_executor

from diwan.house import House
from diwan.settings import Settings
from diwan.web.serving import serve


def test_the_collector_passes_over_what_stood_when_serving_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed_over, looked_through = [], []

    def run(_: uvicorn.Server) -> None:
        passed_over.append(gc.get_freeze_count())
        looked_through.append(len(gc.get_objects()))

    monkeypatch.setattr(uvicorn.Server, "run", run)
    house = House(tmp_path / "node", Settings(keeper="KWT"))
    gc.collect()
    before, readers = len(gc.get_objects()), get_asyncio_executor()
    try:
        serve(house, "127.0.0.1", 0)
    finally:
        gc.unfreeze()
        set_asyncio_executor(readers)
        house.close()

    assert passed_over[0] > 0.9 * before
    assert looked_through[0] < 0.1 * before
