from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.kinds.aging import Age, Course, Sense, Sighted, State, age, course_of, score

DAY = 86_400_000_000
BORN = 1_485_244_800_000_000
EVEN = Course(10 * DAY)


def test_a_score_falls_as_the_polynomial_of_misp_says() -> None:
    phishing = Course(3 * DAY, 2.3)

    told = [round(score(80, hours * 3_600_000_000, phishing), 2) for hours in (0, 6, 24, 48, 72, 96)]

    assert told == [80, 52.84, 30.38, 12.93, 0, 0]


def test_an_indicator_is_fresh_then_fading_then_expired() -> None:
    told = [age(EVEN, valid_from=BORN, now=BORN + day * DAY, confidence=80) for day in (-1, 0, 4, 6, 10)]

    end = BORN + 10 * DAY
    assert told == [
        Age(80, State.FRESH, end),
        Age(80, State.FRESH, end),
        Age(48, State.FRESH, end),
        Age(32, State.FADING, end),
        Age(0, State.EXPIRED, end),
    ]


def test_a_sighting_restarts_the_clock_and_one_from_the_future_does_not() -> None:
    seen = Sighted(BORN + 8 * DAY, "a")

    before = age(EVEN, valid_from=BORN, now=BORN + 7 * DAY, confidence=80, sightings=[seen])
    after = age(EVEN, valid_from=BORN, now=BORN + 9 * DAY, confidence=80, sightings=[seen])

    assert before == Age(24, State.FADING, BORN + 10 * DAY)
    assert after == Age(72, State.FRESH, BORN + 18 * DAY)


def test_the_originators_end_is_moved_by_no_sighting() -> None:
    told = age(
        EVEN,
        valid_from=BORN,
        now=BORN + 3 * DAY,
        confidence=80,
        valid_until=BORN + 2 * DAY,
        sightings=[Sighted(BORN + 2 * DAY + 1, "a")],
    )

    assert told == Age(0, State.EXPIRED, BORN + 2 * DAY)


def test_an_expiration_ends_it_until_somebody_sees_it_again() -> None:
    over = Sighted(BORN + DAY, "a", Sense.EXPIRATION)
    again = Sighted(BORN + 2 * DAY, "b")
    now = BORN + 3 * DAY

    assert age(EVEN, valid_from=BORN, now=now, confidence=80, sightings=[over]) == Age(0, State.EXPIRED, BORN + DAY)
    assert age(EVEN, valid_from=BORN, now=now, confidence=80, sightings=[over, again]) == Age(
        72, State.FRESH, BORN + 12 * DAY
    )


def test_false_positives_count_by_party_and_only_by_each_partys_last_word() -> None:
    def told(*sightings: Sighted) -> int:
        return age(EVEN, valid_from=BORN, now=BORN, confidence=90, sightings=sightings).score

    false = Sense.FALSE_POSITIVE
    assert told(Sighted(BORN - 2, "a", false), Sighted(BORN - 1, "a", false)) == 90
    assert told(Sighted(BORN - 2, "a", false), Sighted(BORN - 1, "b", false)) == 45
    assert told(*(Sighted(BORN - 1, party, false) for party in "abc")) == 30
    assert told(Sighted(BORN - 2, "a", false), Sighted(BORN - 2, "b", false), Sighted(BORN - 1, "a")) == 90


def test_a_revoked_indicator_has_no_score_and_no_end() -> None:
    told = age(EVEN, valid_from=BORN, now=BORN, confidence=100, revoked=True, sightings=[Sighted(BORN, "a")])

    assert told == Age(0, State.REVOKED, None)


def test_a_threshold_ends_it_when_the_score_has_fallen_to_it() -> None:
    course = Course(10 * DAY, 2.0, threshold=30)

    told = age(course, valid_from=BORN, now=BORN, confidence=60)

    assert told == Age(60, State.FRESH, BORN + 10 * DAY // 4)
    assert age(course, valid_from=BORN, now=BORN, confidence=30) == Age(0, State.EXPIRED, BORN)


@pytest.mark.parametrize("course", [(0, 1.0, 2), (1, 0.0, 2), (1, 1.0, 0)])
def test_a_course_on_which_nothing_ages_is_refused(course: tuple[int, float, int]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Course(course[0], course[1], doubters=course[2])


@given(
    st.sampled_from(["ipv4", "domain", "sha256"]),
    st.integers(0, 100),
    st.lists(st.integers(0, 3000), min_size=2, max_size=8),
)
def test_without_a_sighting_a_score_never_rises(kind: str, confidence: int, days: list[int]) -> None:
    told = [
        age(course_of(kind), valid_from=BORN, now=BORN + day * DAY, confidence=confidence).score for day in sorted(days)
    ]

    assert told == sorted(told, reverse=True)
    assert set(told) <= set(range(101))
