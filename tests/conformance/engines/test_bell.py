"""Whoever waits is woken by what any process commits, and told nothing of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from diwan.house import House
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label


def test_a_commit_of_this_node_or_of_another_on_the_same_register_wakes_who_waits(
    house: House,
    register: str,
    tmp_path: Path,
    clock: Callable[[], int],
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    note: Callable[..., Draft],
) -> None:
    # Two hosts on one database have a folder each; two processes on files share it.
    other = House(tmp_path / "other" if register else house.folder, house.settings, clock=clock, synchronous="OFF")
    woken = threading.Event()
    try:
        with house.heard(woken.set):
            assert woken.wait(10)  # what may have been written before anyone listened
            for writer in (house, other):
                woken.clear()
                writer.take(hand("KWT"), note(f"by {writer is house}"), amber("QAT"), originator="KWT")
                assert woken.wait(10)
            woken.clear()
            assert not woken.wait(1.5)
    finally:
        other.close()
    house.take(hand("KWT"), note("nobody waits"), amber("QAT"), originator="KWT")
    assert not woken.wait(0.5)
