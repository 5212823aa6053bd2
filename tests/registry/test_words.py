from __future__ import annotations

import pytest

from diwan.registry.words import field, fields_in, normal, number, terms_of, words
from diwan.terms.item import Draft, Part


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HARBOUR", "harbour"),
        ("Évacuation", "evacuation"),
        ("Straße", "STRASSE"),
        ("ﬁre", "fire"),
        ("Ｋｕｗａｉｔ", "kuwait"),
        ("Kâğıt", "kagıt"),
        ("œuvre", "ŒUVRE"),
        ("إنذار", "انذار"),
        ("أمن", "امن"),
        ("آمن", "امن"),
        ("ٱلكويت", "الكويت"),
        ("مستشفى", "مستشفي"),
        ("سلامة", "سلامه"),
        ("الكـــويت", "الكويت"),
        ("مُنْذِر", "منذر"),
    ],
)
def test_two_spellings_that_people_take_for_one_word_are_one(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize(("one", "other"), [("harbour", "harbor"), ("ت", "ث"), ("mer", "mère de"), ("ab", "a b")])
def test_two_words_stay_two(one: str, other: str) -> None:
    assert normal(one) != normal(other)


def test_words_are_runs_of_letters_and_digits() -> None:
    assert words("Storm, at sea: 12 m (gale)!") == {"storm", "at", "sea", "12", "m", "gale"}


def test_compounds_are_found_whole_and_by_their_pieces() -> None:
    assert words("evil.example/a-1") == {"evil.example/a-1", "evil", "example", "a", "1"}
    assert words("CVE-2016-0034") == {"cve-2016-0034", "cve", "2016", "0034"}
    assert words("2001:db8::1") == {"2001:db8", "2001", "db8", "1"}


def test_arabic_and_french_texts_are_searched_by_their_words() -> None:
    assert words("أمن الملاحة، في الخليج") == {"امن", "الملاحه", "في", "الخليج"}
    assert words("l'état d'urgence") == {"l", "etat", "d", "urgence"}


def test_text_without_a_word_has_none() -> None:
    assert (words(""), words(" .,;_ - — "), words("َ ُ")) == (set(), set(), set())


def test_no_word_can_pass_for_a_field() -> None:
    assert field("severity", "Extreme") == "severity=extreme"
    assert words("severity=Extreme") == {"severity", "extreme"}
    assert not any("=" in word or " " in word for word in words("a=b c＝d kind=crisis.alert"))


def test_a_field_is_one_term_whatever_its_value() -> None:
    assert field("area", "Kuwait Bay, north") == "area=kuwait_bay,_north"
    assert " " not in field("area", "a  b")


def test_terms_cover_title_text_and_fields_sorted_and_once() -> None:
    draft = Draft(
        kind="crisis.alert",
        title="Storm storm",
        parts=(Part("a", "text/plain", b"a"),),
        text=("at sea", "sea"),
        facets=(("severity", "Minor"),),
    )

    assert terms_of(draft, "KWT") == " kind=crisis.alert originator=kwt severity=minor at sea storm "


def test_a_text_of_endless_words_is_searchable_up_to_a_bound() -> None:
    draft = Draft(
        kind="k", title="first", parts=(Part("a", "t", b"a"),), text=(" ".join(f"w{n}" for n in range(9000)),)
    )

    assert len(terms_of(draft, "KWT").split()) == 4002


def test_terms_are_filed_under_63_bit_numbers_that_never_change() -> None:
    numbers = [number(f"word{n}") for n in range(1000)]

    assert len(set(numbers)) == 1000
    assert all(0 <= n < 1 << 63 for n in numbers)
    assert number("harbour") == number("harbour")


def test_fields_are_told_from_the_words_that_follow_them() -> None:
    assert fields_in(" kind=cap.alert value=a=b_c harbour kuwait ") == ["kind=cap.alert", "value=a=b_c"]
    assert fields_in(" kind=cap.alert ") == ["kind=cap.alert"]
