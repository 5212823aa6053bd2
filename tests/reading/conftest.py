"""A word index of small steps: few entries make segments, merges and lists by gate."""

from __future__ import annotations

import pytest

from diwan.registry import segments


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 32 entries make a segment, three of these a larger one, and eight of a term a list by gate."""
    monkeypatch.setattr(segments, "_BATCH", 32)
    monkeypatch.setattr(segments, "_FANOUT", 3)
    monkeypatch.setattr(segments, "_COMMON", 8)
