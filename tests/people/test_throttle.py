"""The throttle by itself: how long one waits, and who does not."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.people.throttle import FREE, LONGEST_WAIT, Throttle, TooSoon

SECOND = 1_000_000
NOW = 1_485_244_800 * SECOND


def refused_for(throttle: Throttle, key: bytes, now: int) -> int:
    """Make an attempt; return the seconds one has to wait, 0 if it is looked at."""
    try:
        throttle.begin(key, now)
    except TooSoon as early:
        return early.seconds
    return 0


def test_five_attempts_are_looked_at_and_then_the_wait_doubles_up_to_a_minute() -> None:
    throttle, now = Throttle(), NOW

    waits = [refused_for(throttle, b"mariam", now) for _ in range(FREE)]
    for _ in range(8):
        wait = refused_for(throttle, b"mariam", now)
        waits.append(wait)
        now += wait * SECOND
        waits.append(refused_for(throttle, b"mariam", now))

    assert waits[:FREE] == [0] * FREE
    assert waits[FREE::2] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert waits[FREE + 1 :: 2] == [0] * 8


def test_attempts_made_during_a_wait_do_not_make_it_longer() -> None:
    throttle = Throttle()
    for _ in range(FREE):
        throttle.begin(b"mariam", NOW)

    refused = [refused_for(throttle, b"mariam", NOW + 1) for _ in range(50)]

    assert refused == [1] * 50
    assert refused_for(throttle, b"mariam", NOW + SECOND) == 0


def test_one_who_waits_makes_nobody_else_wait() -> None:
    throttle = Throttle()
    for _ in range(FREE):
        throttle.begin(b"mariam", NOW)

    assert refused_for(throttle, b"mariam", NOW) == 1
    assert refused_for(throttle, b"yusuf", NOW) == 0


def test_right_password_makes_the_wrong_ones_before_it_forgotten() -> None:
    throttle = Throttle()
    for _ in range(FREE):
        throttle.begin(b"mariam", NOW)
    throttle.right(b"mariam")

    assert [refused_for(throttle, b"mariam", NOW) for _ in range(FREE + 1)] == [0] * FREE + [1]


def test_clock_that_was_set_back_locks_nobody_out() -> None:
    throttle = Throttle()
    for _ in range(FREE):
        throttle.begin(b"mariam", NOW)

    assert refused_for(throttle, b"mariam", NOW) == 1
    assert refused_for(throttle, b"mariam", NOW - 24 * 3600 * SECOND) == 0


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 90 * SECOND), min_size=20, max_size=60))
def test_attempts_looked_at_never_come_faster_than_the_waits_allow(pauses: list[int]) -> None:
    throttle, now, looked_at = Throttle(), NOW, []

    for pause in pauses:
        now += pause
        if refused_for(throttle, b"mariam", now) == 0:
            looked_at.append(now)

    apart = [later - earlier for earlier, later in pairwise(looked_at)]
    owed = [0 if n < FREE else min(LONGEST_WAIT, SECOND * 2 ** (n - FREE)) for n in range(1, len(looked_at))]
    assert all(gap >= wait for gap, wait in zip(apart, owed, strict=True))
